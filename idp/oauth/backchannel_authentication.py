"""Ask a person for their approval, at a device of their own (OpenID Connect CIBA Core 1.0, poll and ping).

A till asks a manager to approve a refund: by mail, and on the profile of a manager who is signed in. Not here: the page on
which the person decides (``decisions``), and polling (``polling``).
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from idp import clock, crypto, db
from idp.audit import Event, record
from idp.checks import check_text
from idp.errors import Invalid, Unreadable
from idp.identity import access
from idp.identity.lockout import rate_limits
from idp.identity.organisations.settings import normal_store_url
from idp.identity.users import lookup
from idp.mail.messages import can_be_written_to, write_to_person
from idp.oauth import client_auth, device_facts, polling, signed_approval_requests
from idp.oauth.authorization_request import WITHOUT_BROWSER, read_without_browser
from idp.oauth.client_metadata import CIBA
from idp.oauth.clients import RegisteredClient
from idp.oauth.errors import OAuthError, invalid_request
from idp.oauth.id_token_hints import read_hint
from idp.oauth.provider import Provider
from idp.oauth.token_request import TokenRequest
from idp.outgoing import NoAnswer, post
from idp.store import organisations, users
from idp.store import polled_requests as store
from idp.store.organisations import Organisation
from idp.store.polled_requests import APPROVAL, PolledRequest
from idp.store.users import User

HINTS = ("login_hint", "id_token_hint", "login_hint_token")
OWN = frozenset((*HINTS, "binding_message", "client_notification_token", "requested_expiry"))
OF_REQUEST = WITHOUT_BROWSER | device_facts.PARAMETERS | OWN
PARAMETERS = client_auth.PARAMETERS | OF_REQUEST | {"request"}
LONGEST_MESSAGE = 100
NOTIFICATION_TOKEN = re.compile(r"[A-Za-z0-9\-._~+/]{22,1024}=*")
"""RFC 6750 §2.1; CIBA §7.1 wants 128 bits at least, and 1,024 characters at most."""
EXPIRY = re.compile(r"[1-9][0-9]{0,5}")
PLACE = "polled_requests:sealed_ping:"
FIRST_PAUSE = timedelta(seconds=5)
LEASE = timedelta(minutes=1)

log = structlog.get_logger("oauth")


def start(provider: Provider, request: TokenRequest) -> dict[str, Any]:
    """Return the acknowledgement (§7.3). Raises ``OAuthError``."""
    request.parameters.insist()
    client = client_auth.authenticate(provider, request)
    if not client.check_grant_type(CIBA) or client.is_public:
        raise OAuthError("unauthorized_client", "The client is not registered for CIBA.")
    sent = signed_approval_requests.open_request(provider, client, request.parameters.values, OF_REQUEST)
    if "openid" not in sent.get("scope", "").split(" "):
        raise OAuthError("invalid_scope", "The scope must contain openid.")
    organisation, user = _person(provider, client, sent)
    kept = {name: value for name, value in sent.items() if name in WITHOUT_BROWSER} | _shown(organisation, sent)
    kept |= {"organisation": organisation.store_url, "login_hint": user.username}
    read_without_browser(provider, client, kept, "/", {})
    seconds = _seconds(provider, sent.get("requested_expiry", ""))
    auth_req_id = _add(provider, client, user, kept, _Delivery(_token(client, sent), seconds), request)
    return {"auth_req_id": auth_req_id, "expires_in": seconds, "interval": polling.INTERVAL}


@dataclass(frozen=True)
class _Delivery:
    """How the app is told of the decision: the token that it gave for it, empty if it polls; and when it is too late."""

    token: str
    seconds: int


def _person(provider: Provider, client: RegisteredClient, sent: Mapping[str, str]) -> tuple[Organisation, User]:
    """Return the person that the one hint names (§7.1). Raises ``OAuthError``."""
    if sum(name in sent for name in HINTS) != 1:
        raise invalid_request("Exactly one of login_hint and id_token_hint is needed.")
    if "login_hint_token" in sent:
        raise invalid_request("A login_hint_token is not supported: send a login_hint or an id_token_hint.")
    organisation = _organisation(client, sent.get("organisation", ""))
    if "login_hint" in sent:
        user = lookup.find_to_sign_in(organisation.id, sent["login_hint"])
    else:
        hint = read_hint(provider, sent["id_token_hint"])
        if hint is None or hint.client_id != client.client_id:
            raise invalid_request("The id_token_hint is not an ID token that this provider issued to this client.")
        user = users.user(organisation.id, hint.user_id)
    if user is None or access.is_over(user):
        raise OAuthError("unknown_user_id", "The hint names nobody who can sign in at this organisation.")
    return organisation, user


def _organisation(client: RegisteredClient, store_url: str) -> Organisation:
    """Return the organisation that the request names, or the only one that the client serves."""
    only = next(iter(client.organisations)) if len(client.organisations) == 1 and not store_url else ""
    found = organisations.organisation(only) if only else organisations.organisation_at(normal_store_url(store_url) or "")
    if found is None or found.kind != "retailer" or found.disabled_at is not None or not client.serves(found.id):
        raise OAuthError("unknown_user_id", "The organisation is missing, or the client does not serve it.")
    return found


def _shown(organisation: Organisation, sent: Mapping[str, str]) -> dict[str, str]:
    """Return what the person is shown of the till and of its purpose. Raises ``OAuthError``."""
    found = device_facts.read_facts(sent)
    if "shop" in found and organisations.shop_at(organisation.id, found["shop"]) is None:
        raise invalid_request("The organisation has no such shop.")
    return found | ({"binding_message": _message(sent["binding_message"])} if "binding_message" in sent else {})


def _message(sent: str) -> str:
    try:
        return check_text("binding_message", sent, LONGEST_MESSAGE)
    except Invalid as error:
        why = f"The binding_message must be one line of 1 to {LONGEST_MESSAGE} characters."
        raise OAuthError("invalid_binding_message", why) from error


def _seconds(provider: Provider, requested: str) -> int:
    most = provider.settings.lifetimes.device_code_minutes * 60
    if requested and not EXPIRY.fullmatch(requested):
        raise invalid_request("The requested_expiry must be a positive number of seconds.")
    return min(int(requested), most) if requested else most


def _token(client: RegisteredClient, sent: Mapping[str, str]) -> str:
    if client.metadata.get("backchannel_token_delivery_mode") != "ping":
        return ""
    token = sent.get("client_notification_token", "")
    if not NOTIFICATION_TOKEN.fullmatch(token):
        raise invalid_request("The client_notification_token is missing, too short, or no bearer token.")
    return token


def _add(
    provider: Provider, client: RegisteredClient, user: User, kept: Mapping[str, str], way: _Delivery, request: TokenRequest
) -> str:
    """Store a request and tell the person. Returns what the app polls with, of which only a digest is stored."""
    now, request_id, auth_req_id = clock.now(), crypto.new_id(), crypto.new_secret()
    ping = {"token": way.token, "auth_req_id": auth_req_id}
    columns = {
        "created_at": now,
        "expires_at": now + timedelta(seconds=way.seconds),
        "interval": polling.INTERVAL,
        "kind": APPROVAL,
        "organisation_id": user.organisation_id,
        "user_id": user.id,
        "sealed_ping": provider.settings.ring.seal_json(ping, PLACE + request_id) if way.token else "",
    }
    with db.transaction():
        store.add_request(request_id, _digest(auth_req_id), request_id, client.client_id, dict(kept), **columns)
        origin = request.origin(client.client_id)
        about = {"organisation_id": user.organisation_id, "subject_id": user.id}
        record(origin, Event.APPROVAL_ASKED, **about, data={})
        _write(provider, client, user, kept, request_id, columns["expires_at"])
    return auth_req_id


def _write(
    provider: Provider, client: RegisteredClient, user: User, kept: Mapping[str, str], request_id: str, expires_at: Any
) -> None:
    """Write to the person, unless they had too many such mails: the profile shows what waits all the same."""
    now, address = clock.now(), f"{user.organisation_id} {user.id}"
    if can_be_written_to(user) and rate_limits.admits_mail_for(provider.settings, f"approval {address}", now):
        values = {
            "link": f"{provider.issuer}/approve/{request_id}",
            "app": client.name,
            "message": kept.get("binding_message", ""),
            "device": kept.get("device_name", ""),
        }
        write_to_person(provider.settings, user.organisation_id, user.id, "approval_asked", values, expires_at)


def _digest(auth_req_id: str) -> bytes:
    return crypto.digest("auth_req_id", auth_req_id)


def exchange(provider: Provider, client: RegisteredClient, request: TokenRequest) -> dict[str, Any]:
    """Return the token response for an ``auth_req_id``. Raises ``OAuthError``: until the person decides, it says to wait."""
    if not request.parameters.get("auth_req_id"):
        raise invalid_request("The auth_req_id is missing.")
    return polling.answer(provider, client, _digest(request.parameters.get("auth_req_id")), request)


def ping(provider: Provider, client_id: str, stop: threading.Event | None = None) -> int:
    """Tell an app of each decision that is due (§10.2), until it does not answer. Returns how many it has heard."""
    heard = 0
    while stop is None or not stop.is_set():
        now = clock.now()
        with db.transaction():
            row = store.lease_ping(client_id, now, now + LEASE)
        client = provider.clients.get(client_id)
        if row is None or client is None:
            break
        if not _tell(provider, client, row):
            break
        heard += 1
    return heard


def _tell(provider: Provider, client: RegisteredClient, row: PolledRequest) -> bool:
    """Tell an app of one decision. Returns whether it has heard; another try comes while the request lives."""
    address = str(client.metadata.get("backchannel_client_notification_endpoint", ""))
    try:
        ping = provider.settings.ring.open_json(row.sealed_ping, PLACE + row.id)
        body = json.dumps({"auth_req_id": ping["auth_req_id"]}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {ping['token']}"}
        db.release()
        status = post(provider.settings, address, body, headers, only_public=client.only_public).status if address else 204
        why = "" if status < 300 else f"status {status}"
    except Unreadable:
        why = ""
    except NoAnswer as silence:
        why = str(silence)
    # §10.2: 204 or 200; a redirect is not followed. The app polls as well, so nothing is lost that it does not hear.
    _note(row, why, clock.now())
    return not why


def _note(row: PolledRequest, why: str, now: datetime) -> None:
    again = now + max(FIRST_PAUSE, now - row.created_at)
    with db.transaction():
        if not why or again >= row.expires_at:
            store.end_ping(row.id)
        else:
            store.repeat_ping(row.id, again)
    if why:
        log.warning("app_not_pinged", client_id=row.client_id, reason=why)
