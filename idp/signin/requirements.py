"""What a sign-in is asked to reach, and by which client."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, cast

from idp.store.organisations import Organisation

LONGEST_USERNAME = 254
VERSION = 1
"""The shape of stored needs, for a later version of the program that reads them."""


@dataclass(frozen=True)
class ClientTerms:
    """What of a client matters to a sign-in, as plain values; None of it is a client.

    ``minimum_level``: 0 to 5. ``organisations``: ids it serves, empty for all. ``privacy`` links may be empty.
    """

    client_id: str
    name: str
    first_party: bool = False
    minimum_level: int = 0
    remember_device: bool = True
    shared_device: bool = False
    organisations: tuple[str, ...] = ()
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    redirect_host: str = ""


def serves(client: ClientTerms | None, organisation: Organisation) -> bool:
    """Check if a client serves an organisation; our own pages serve all, and only they serve the operators' own."""
    if client is None:
        return True
    if organisation.kind != "retailer":
        return False
    return not client.organisations or organisation.id in client.organisations


@dataclass(frozen=True)
class Needs:
    """What anyone who wants a signed-in user asks for: a relying app, the profile, a console. No HTTP request.

    ``acr``: names in order of preference, known ones only; the lowest is necessary. ``minimum_level`` raises that.
    ``highest``: the highest level the person has (changes of sign-in details). ``max_age``: seconds. ``prompt``: words of
    OpenID Connect Core §3.1.2.1. ``subject``: the ``sub`` that ``id_token_hint`` names. ``organisation``: a store URL.
    ``tasks``: what shall be done once signed in (``set_up_totp``, ``new_codes``, ``new_password``, ``add_passkey``).
    ``return_to``: a path of ours, to which ``/<attempt id>`` is added where ``resumes``. ``carried``: what the asker wants
    back, unread. ``purpose``: what a reauthentication is for, a sentence of the catalogue; ``cancel_to``: a path of ours
    that leads away from it. ``client`` and whatever else follows from it are never stored: they are read live.
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
    tasks: tuple[str, ...] = ()
    purpose: str = ""
    cancel_to: str = ""
    client: ClientTerms | None = None
    carried: Mapping[str, str] = field(default_factory=dict)

    @property
    def hinted_username(self) -> str:
        """What of the hint fills the username field: a hint too long to be a name names nobody."""
        return self.login_hint if len(self.login_hint) <= LONGEST_USERNAME else ""

    def as_json(self) -> dict[str, Any]:
        """For a JSON column, or sealed in a form. Of an app's request only what came: the rest depends on the client."""
        if self.resumes:
            kept = Needs(self.return_to, resumes=True, ui_locales=self.ui_locales, carried=self.carried)
            return {"version": VERSION, **{name: value for name, value in asdict(kept).items() if value}}
        return {"version": VERSION, **asdict(self)}

    def spoken_in(self, locale: str) -> "Needs":
        """The same in a language picked on a page: kept where answers are wiped (S35), and in the form's seal (S60)."""
        return replace(self, ui_locales=(locale, *(other for other in self.ui_locales if other != locale)))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Needs":
        """What ``as_json`` made, now or in an earlier version: what is not known is left out, what lacks has its default."""
        names = {one.name for one in fields(cls)} - {"client"}
        lists = {"acr", "prompt", "ui_locales", "scopes", "tasks"}
        known = {name: tuple(one) if name in lists else one for name, one in value.items() if name in names}
        return cls(**cast(Any, {"return_to": "/", **known}))
