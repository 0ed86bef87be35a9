"""Registrations by what an app is: three answers of a person become metadata that works with the libraries for it.

Not here: checks of the metadata (``client_metadata``), and the text for each library (``guides``).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from idp.errors import Invalid, Message, say
from idp.oauth import guides
from idp.oauth.client_metadata import DEVICE_CODE
from idp.oauth.guides import STACKS
from idp.oauth.redirect_uris import LOOPBACK, check_page, check_redirect
from idp.oauth.registration import Ours

ADDRESS, STACK, SCOPES = "address", "stack", "scopes"
"""The fields beside the name."""
PRODUCTS = frozenset(("grafana", "oauth2-proxy"))
SERVERS = tuple(name for name, stack in STACKS.items() if stack.secret is not False and not stack.is_api)
BROWSERS = ("oidc-client-ts", "oauth4webapi", "openid-client")
CALLBACK = "/callback"
"""Where an app takes answers if its library does not say where."""
OF_A_CUSTOMER = "openid profile email phone address"
OF_STAFF = "openid profile email organisation groups roles"
REFRESHED = ["authorization_code", "refresh_token"]
APP_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")


@dataclass(frozen=True)
class AppAnswers:
    """Hold what a person filled in. ``scopes``: for an API, lines such as ``stock.read = See the stock``."""

    name: str
    address: str = ""
    stack: str = ""
    scopes: str = ""


@dataclass(frozen=True)
class Kind:
    """Describe a kind of app. ``fields``: what is asked beside its name. ``stacks``: libraries that it may be built with.

    ``shared``: people take turns at it. ``metadata``: what is registered for it, without the addresses.
    """

    title: Message
    hint: Message
    address: Message | None
    fields: tuple[str, ...]
    complete: Callable[[AppAnswers], Mapping[str, Any]]
    metadata: Mapping[str, Any]
    stacks: tuple[str, ...] = ()
    shared: bool = False


def _web(answers: AppAnswers) -> Mapping[str, Any]:
    """Return the addresses of an app on a site: where its library takes answers, and where people return to."""
    page = _page(answers.address)
    parts = urlsplit(page)
    origin, stack = f"{parts.scheme}://{parts.netloc}", STACKS.get(answers.stack)
    callback = origin + ((stack and stack.callback) or CALLBACK)
    # Some people enter the callback. Opened from the home page, it would only show an error of the app.
    home = origin + "/" if page.rstrip("/") == callback.rstrip("/") else page
    found: dict[str, Any] = {"redirect_uris": [callback], "client_uri": home}
    if stack is None or stack.signed_out:
        found["post_logout_redirect_uris"] = [origin + ((stack and stack.signed_out) or "/")]
    return found


def _page(typed: str) -> str:
    """Return an address as people type it, in full: without a scheme it is https. Raises ``Invalid``."""
    text = typed.strip()
    if not text:
        raise Invalid(ADDRESS, say("Fill in the address of the app, for example https://shop.example.com."))
    host = re.split(r"[:/]", text, maxsplit=1)[0].lower()
    whole = text if "://" in text else f"{'http' if host in LOOPBACK else 'https'}://{text}"
    scheme, _, rest = whole.partition("://")
    netloc, slash, path = rest.partition("/")
    return check_page(ADDRESS, f"{scheme.lower()}://{netloc.lower()}{slash}{path}")


def _phone(answers: AppAnswers) -> Mapping[str, Any]:
    """Return where a phone app takes answers: its own scheme, or an address that belongs to it.

    People return there after signing out, too: the phone opens the app at no other address for sure.
    """
    text = answers.address.strip()
    is_link = text.lower().startswith("https://")
    if not is_link and not APP_ID.fullmatch(text):
        raise Invalid(ADDRESS, say("Fill in the app's ID in its app store, for example com.example.app."))
    address = check_redirect(ADDRESS, text if is_link else f"{text.lower()}:{CALLBACK}", native=True)
    return {"redirect_uris": [address], "post_logout_redirect_uris": [address]}


def _api(answers: AppAnswers) -> Mapping[str, Any]:
    """Return an API with its scopes: each line is a name and words for people."""
    scopes = {}
    for line in filter(None, map(str.strip, answers.scopes.splitlines())):
        name, equals, words = (part.strip() for part in line.partition("="))
        if not equals or not words or not re.search(r"[.:/]", name):
            raise Invalid(SCOPES, say("Write each line as stock.read = See the stock."))
        scopes[name] = words
    if not scopes:
        raise Invalid(SCOPES, say("Fill in at least one thing that apps may do with this API."))
    return {"resource": {"identifier": _page(answers.address), "scopes": scopes}}


def _nothing(_: AppAnswers) -> Mapping[str, Any]:
    return {}


ON_A_SITE = say("Address of the app")
KINDS: Mapping[str, Kind] = {
    "shop": Kind(
        say("Web shop"),
        say("Customers sign in at a site with a server."),
        ON_A_SITE,
        (ADDRESS, STACK),
        _web,
        {"scope": OF_A_CUSTOMER, "grant_types": ["authorization_code"]},
        tuple(name for name in SERVERS if name not in PRODUCTS),
    ),
    "web": Kind(
        say("Web app with a server"),
        say("Staff sign in, for example at a back office or a dashboard."),
        ON_A_SITE,
        (ADDRESS, STACK),
        _web,
        {"scope": f"{OF_STAFF} offline_access", "grant_types": REFRESHED},
        SERVERS,
    ),
    "till": Kind(
        say("Till"),
        say("People take turns at one device: the app always asks who is working."),
        ON_A_SITE,
        (ADDRESS, STACK),
        _web,
        {"scope": OF_STAFF, "grant_types": ["authorization_code"]},
        tuple(name for name in SERVERS if name not in PRODUCTS),
        shared=True,
    ),
    "spa": Kind(
        say("Single-page app"),
        say("All code runs in the browser, so it can keep no secret."),
        ON_A_SITE,
        (ADDRESS, STACK),
        _web,
        {"scope": f"{OF_STAFF} offline_access", "grant_types": REFRESHED, "token_endpoint_auth_method": "none"},
        BROWSERS,
    ),
    "phone": Kind(
        say("Phone app"),
        say("An app from an app store, for Android or iOS."),
        say("App ID"),
        (ADDRESS, STACK),
        _phone,
        {
            "scope": f"{OF_STAFF} offline_access", "grant_types": REFRESHED, "token_endpoint_auth_method": "none",
            "application_type": "native",
        },
        tuple(name for name, stack in STACKS.items() if stack.is_native),
    ),
    "api": Kind(
        say("API"),
        say("Other apps call the API with a token; nobody signs in to it."),
        say("Address of the API"),
        (ADDRESS, SCOPES),
        _api,
        {"grant_types": [], "scope": ""},
    ),
    "device": Kind(
        say("Device without a keyboard"),
        say("It shows a code, and people approve it on their phone: a screen, a scale, a printer."),
        None,
        (),
        _nothing,
        {
            "scope": f"{OF_STAFF} offline_access", "grant_types": [DEVICE_CODE, "refresh_token"],
            "token_endpoint_auth_method": "none", "application_type": "native",
        },
    ),
}  # fmt: skip
"""The kinds by the name that their address has, the most usual first."""
KINDS_OF_ADMINISTRATORS = ("shop", "web", "till", "spa", "phone")
"""The kinds that administrators may connect: people sign in to them at a browser."""
FIELDS = {"client_name": "name", "redirect_uris": ADDRESS, "client_uri": ADDRESS, "post_logout_redirect_uris": ADDRESS,
          "resource": ADDRESS}  # fmt: skip
"""The field of the form for each member that is made of it."""


def registration_of(name: str, answers: AppAnswers, organisations: tuple[str, ...]) -> tuple[dict[str, Any], Ours]:
    """Return metadata and our own members for an app of a kind. Raises ``Invalid`` with the name of the field.

    ``organisations``: ids of those that it serves; none for all.
    """
    kind = KINDS[name]
    if not answers.name.strip():
        raise Invalid("name", say("Fill in the name that people see."))
    if answers.stack not in ("", *kind.stacks):
        raise Invalid(STACK, say("Choose one from the list."))
    metadata = {"client_name": answers.name.strip(), **kind.metadata, **kind.complete(answers)}
    remembers = False if kind.shared else None
    return metadata, Ours(shared_device=kind.shared, remember_device=remembers, organisations=organisations)


def kind_of(metadata: Mapping[str, Any], *, shared: bool) -> str:
    """Return the kind that a registration looks like."""
    grants = metadata.get("grant_types", ())
    if "authorization_code" not in grants:
        return "device" if DEVICE_CODE in grants else "api"
    if metadata.get("application_type") == "native":
        return "phone"
    if shared:
        return "till"
    return "spa" if metadata.get("token_endpoint_auth_method") == "none" else "web"


def stacks_of(name: str) -> tuple[tuple[str, str], ...]:
    """Return the libraries for a kind, by name and title."""
    return tuple((stack, guides.STACKS[stack].title) for stack in KINDS[name].stacks)


def stacks_for(metadata: Mapping[str, Any], *, shared: bool) -> tuple[tuple[str, str], ...]:
    """Return the libraries that fit a registration, by name and title: those for signing in, then those for an API.

    A native app without a scheme of its own, such as a command, takes answers at loopback: so do libraries of servers.
    """
    kind, apis = kind_of(metadata, shared=shared), guides.APIS if metadata.get("resource") else ()
    if kind == "phone" and all(urlsplit(one).hostname in LOOPBACK for one in metadata.get("redirect_uris", ())):
        return (*((name, STACKS[name].title) for name in SERVERS if STACKS[name].secret is None), *apis)
    return (*stacks_of(kind), *apis)
