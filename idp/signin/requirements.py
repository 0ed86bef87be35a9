"""What a sign-in must reach, and for which client."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, cast

from idp.store import clients
from idp.store.organisations import Organisation

LONGEST_USERNAME = 254
VERSION = 1
"""The shape of stored needs, for a later version of the program that reads them."""


@dataclass(frozen=True)
class ClientTerms:
    """The facts about a client that matter to a sign-in. None in its place means a page of ours.

    ``minimum_level``: 0 to 5. ``organisations``: ids of those it serves, empty for all. Links may be empty.
    """

    client_id: str
    name: str
    first_party: bool = False
    minimum_level: int = 0
    remember_device: bool = True
    shared_device: bool = False
    organisations: tuple[str, ...] = ()
    policy_uri: str = ""
    tos_uri: str = ""
    redirect_host: str = ""
    scope_words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What the scopes of APIs mean, by language."""
    detail_words: tuple[Mapping[str, str], ...] = ()
    """What the person is asked to allow once, by language."""
    keeps_offline_access: bool = False
    registered_itself: bool = False
    is_managed: bool = False
    """An administrator of the one organisation that it serves connected it."""
    all_hosts: str = ""
    """Every host to which its answers can go: who allows it one allows it all."""


def serves(client: ClientTerms | None, organisation: Organisation) -> bool:
    """Check if a client serves an organisation; our own pages serve all, and only they serve the operators' own."""
    if client is None:
        return True
    if organisation.kind != "retailer":
        return False
    return clients.serves(client.organisations, organisation.id)


@dataclass(frozen=True)
class Needs:
    """What an app, the profile or the console asks of a sign-in. It is no HTTP request.

    ``acr``: known names in order of preference; the lowest must be reached. ``minimum_level`` raises that. ``highest``:
    the highest level that the person's factors reach (for changes of sign-in details). ``max_age``: seconds. ``prompt``:
    values of OpenID Connect Core §3.1.2.1. ``subject``: the ``sub`` of ``id_token_hint``. ``organisation``: a store URL.
    ``details``: acts that the person must allow each time. ``tasks``: what to do in the sign-in (``enrol``, ``new_codes``,
    ``new_password``, ``add_passkey``, ``add_app``). ``app``: the authenticator app that is set up again, empty for all.

    ``return_to``: a path of ours; if ``resumes``, ``/<attempt id>`` is added to it. ``carried``: returned unread.
    ``purpose``: what a reauthentication is for, a message id; ``cancel_to``: the path of ours that leaves it. ``client`` and
    what follows from it are never stored: they are read again at each visit.
    """

    return_to: str
    resumes: bool = False
    acr: tuple[str, ...] = ()
    minimum_level: int = 1
    highest: bool = False
    max_age: int | None = None
    prompt: tuple[str, ...] = ()
    subject: str = ""
    login_hint: str = ""
    organisation: str = ""
    ui_locales: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    details: tuple[Mapping[str, Any], ...] = ()
    tasks: tuple[str, ...] = ()
    app: str = ""
    purpose: str = ""
    cancel_to: str = ""
    client: ClientTerms | None = None
    carried: Mapping[str, str] = field(default_factory=dict)

    @property
    def hinted_username(self) -> str:
        """The hint that fills the username field; empty if it is too long to be a username."""
        return self.login_hint if len(self.login_hint) <= LONGEST_USERNAME else ""

    def as_json(self) -> dict[str, Any]:
        """Return what is stored. Of an app's request only what the app sent: the rest depends on the client."""
        if self.resumes:
            kept = Needs(self.return_to, resumes=True, ui_locales=self.ui_locales, carried=self.carried)
            return {"version": VERSION, **{name: value for name, value in vars(kept).items() if value}}
        return {"version": VERSION, **{name: value for name, value in asdict(self).items() if name != "details"}}

    def spoken_in(self, locale: str) -> "Needs":
        """Return the same needs in a language picked on a page. It outlives wiped answers (S35) and old forms (S60)."""
        return replace(self, ui_locales=(locale, *(other for other in self.ui_locales if other != locale)))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Needs":
        """Read what ``as_json`` wrote in any version: unknown members are ignored, missing ones have their default."""
        known = {name: tuple(one) if name in LISTS else one for name, one in value.items() if name in STORED}
        return cls(**cast(Any, {"return_to": "/", **known}))


LISTS = frozenset(("acr", "prompt", "ui_locales", "scopes", "tasks"))
STORED = frozenset(one.name for one in fields(Needs)) - {"client", "details"}
