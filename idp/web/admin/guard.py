"""Guard the console: decide which people may enter, and frame all its pages.

Every view begins with ``administrator`` (or ``operator``). It asks for a signed-in person with a ``Needs`` as any app does,
guards posted forms, and answers 404 to anybody else, so that addresses cannot be probed.
"""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flask import Response, abort, request, url_for

from idp import clock
from idp.audit import Origin
from idp.branding import brand_of
from idp.errors import Forbidden, Message, say
from idp.factors import SECOND
from idp.identity import permissions
from idp.identity.organisations.settings import OrganisationSettings, settings_of
from idp.identity.users import email_address
from idp.signin import confirming
from idp.signin.requirements import Needs
from idp.store import organisations
from idp.store.organisations import Organisation
from idp.web import csrf, pages, request_context, stash, ways_back
from idp.web.account.current_user import Me, me, who

TOLD, TOLD_SECONDS = "told", 120
LONGEST_PATH = 1500
UNVERIFIED = say(
    "Verify your e-mail address first: in your profile, under “E-mail address”, let us send you a new "
    "e-mail, and press the button in it."
)
"""Of S55: after seven days the links of all earlier mails have expired."""


@dataclass(frozen=True)
class Section:
    """Describe an entry of the menu, and its endpoint, which takes ``store_url`` alone.

    ``operators_only``: it belongs to no organisation. ``not_for_operators``: not for the operators' own organisation.
    """

    name: str
    title: Message
    endpoint: str
    operators_only: bool = False
    not_for_operators: bool = True


@dataclass(frozen=True)
class Frame:
    """Hold the frame of every page. ``notice``: what was just done; ``undo``: where it is undone.

    ``is_disabled``: the organisation is.
    """

    username: str
    store_url: str
    organisation_name: str
    is_operator: bool
    here: str
    entries: tuple[Section, ...]
    notice: Message | None = None
    is_disabled: bool = False
    undo: str = ""


@dataclass(frozen=True)
class Admin:
    """Hold an administrator and the organisation that they administer."""

    me: Me
    organisation: Organisation
    terms: OrganisationSettings
    is_operator: bool

    @property
    def origin(self) -> Origin:
        """Return this person and place, for the audit log."""
        return self.me.origin

    def frame(self, here: str) -> Frame:
        """Return the frame for a page of the section ``here``."""
        at = self.organisation
        word = request.args.get("done", "") if request.method != "POST" else ""
        kept = stash.get(TOLD, word, self.me.settled.session_id) if word else None  # by ``told``, for this session
        return Frame(
            username=self.me.user.username,
            store_url=at.store_url,
            organisation_name=at.name,
            is_operator=self.is_operator,
            here=here,
            entries=self._entries(),
            notice=Message.from_json(kept) if kept is not None else None,
            is_disabled=at.disabled_at is not None,
            undo=kept.get("undo", "") if kept is not None else "",
        )

    def _entries(self) -> tuple[Section, ...]:
        is_installation = self.organisation.kind == "installation"
        return tuple(
            entry
            for entry in SECTIONS
            if (self.is_operator or not entry.operators_only) and (not is_installation or not entry.not_for_operators)
        )


CONSOLE = say("Console")
OF_SECTION = {"ownership": "settings"}
"""Pages that are below another section in the menu."""
SECTIONS = (
    Section("overview", say("Overview"), "admin.overview", not_for_operators=False),
    Section("people", say("People"), "admin.people", not_for_operators=False),
    Section("groups", say("Groups"), "admin.groups"),
    Section("shops", say("Shops"), "admin.shops"),
    Section("policies", say("Policies"), "admin.policies"),
    Section("apps", say("Apps"), "admin.apps", not_for_operators=False),
    Section("sessions", say("Sessions"), "admin.sessions", not_for_operators=False),
    Section("mail", say("E-mail"), "admin.mail", not_for_operators=False),
    Section("audit", say("Audit log"), "admin.audit", not_for_operators=False),
    Section("keys", say("Signing keys"), "admin.keys", operators_only=True, not_for_operators=False),
    Section("settings", say("Settings"), "admin.settings"),
)
"""The menu, in its order."""


def administrator(store_url: str, *, fresh: bool = False, or_installation: bool = False) -> Admin:
    """Return the person signed in, who administers the organisation at ``store_url``. Raises ``SignInFirst``; 404 to others.

    ``fresh``: at the highest level they have, proved recently. ``or_installation``: the operators' organisation too.
    ``Forbidden`` to an administrator who has not verified their address in seven days (S55). A posted form must carry its
    token (403). A GET at the same path must show something: the way back from a sign-in.
    """
    if request.method == "POST":
        csrf.require()
    organisation = organisations.organisation_at(store_url)
    present = who()
    _turn_away(organisation, present)
    present = me(_needs(present, fresh=fresh))
    _turn_away(organisation, present)
    if organisation is None or (organisation.kind != "retailer" and not or_installation):
        abort(404)
    if not email_address.console_is_open(present.user, clock.now()):
        raise Forbidden(UNVERIFIED)
    is_operator = permissions.is_operator(present.user.id)
    pages.wear(brand_of(organisation))
    return Admin(present, organisation, settings_of(request_context.settings(), organisation), is_operator)


def operator(store_url: str, *, fresh: bool = False, or_installation: bool = False) -> Admin:
    """Return the acting operator. Like ``administrator``, for pages that belong to no organisation."""
    _turn_away_others(who())
    admin = administrator(store_url, fresh=fresh, or_installation=or_installation)
    if not admin.is_operator:
        abort(404)
    return admin


def _turn_away(organisation: Organisation | None, present: Me | None) -> None:
    """Answer 404 to a person without the right to enter, before a sign-in is asked."""
    if present is not None and (organisation is None or not permissions.administers(organisation.id, present.user)):
        abort(404)


def _turn_away_others(present: Me | None) -> None:
    if present is not None and not permissions.is_operator(present.user.id):
        abort(404)


def _needs(present: Me | None, *, fresh: bool) -> Needs:
    """Return what the console asks of a person. Who stays signed in for days proves again each day who they are."""
    settings = request_context.settings()
    path = request.full_path.rstrip("?")
    back = path if len(path) <= LONGEST_PATH else request.path
    people = (
        url_for("admin.people", store_url=store_url) if (store_url := (request.view_args or {}).get("store_url")) else "/"
    )
    hours = min(settings.lifetimes.login_hours, present.terms.login_hours if present else settings.lifetimes.login_hours)
    cancel_to = ways_back.came_from(people)
    needs = Needs(back, minimum_level=SECOND, max_age=hours * 3600, purpose=_purpose().key, cancel_to=cancel_to)
    return confirming.fresh(settings, replace(needs, subject=present.user.id if present else "")) if fresh else needs


def _purpose() -> Message:
    """Return what the page belongs to, as the menu calls it."""
    name = (request.url_rule.rule.split("/") if request.url_rule else [])[3:4]
    below = OF_SECTION.get(name[0], name[0]) if name else ""
    return next((section.title for section in SECTIONS if section.name == below), CONSOLE)


def entrance() -> Me:
    """Return the person at the console's front door; 404 if they administer no organisation."""
    present = who()
    if present is not None and not permissions.administers(present.organisation.id, present.user):
        abort(404)
    present = me(_needs(present, fresh=False))
    if not permissions.administers(present.organisation.id, present.user):
        abort(404)
    return present


def told(admin: Admin, address: str, message: Message, *, undo: str = "") -> Response:
    """Redirect to the page, which tells ``message`` in this session alone: an address by itself claims nothing.

    ``undo``: where what was done can be undone.
    """
    kept = {**message.as_json(), "undo": undo}
    reference = stash.put(TOLD, kept, TOLD_SECONDS, admin.me.settled.session_id)
    joint = "&" if "?" in address else "?"
    return pages.see_other(f"{address}{joint}{urlencode({'done': reference})}")
