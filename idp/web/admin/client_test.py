"""Test a sign-in to an app: it is real, comes back to a page of ours, and explains the ID token."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, request, url_for

from idp import clock
from idp.errors import Message, say
from idp.oauth.test_sign_in import permission, run
from idp.oauth.test_sign_in.run import Outcome
from idp.web import oauth_provider, pages, post_redirect_get, request_context
from idp.web.account.current_user import who
from idp.web.admin import guard
from idp.web.admin.client_detail import HERE, address_of, app_at
from idp.web.admin.client_guide import signs_in_at_a_browser
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin

COOKIE = "trial"
LONGEST = 500
MEANINGS = {
    "iss": say("The provider that issued the token. Your app must compare it with the issuer in its settings."),
    "sub": say("The person's ID, which never changes. Store this, not the username or the e-mail address."),
    "aud": say("The app that the token is for. If this is not your app, your app must refuse the token."),
    "exp": say("When the token expires."),
    "iat": say("When the token was issued."),
    "auth_time": say("When the person proved who they are."),
    "nonce": say("The value that the app sent along. It ties the token to this sign-in."),
    "acr": say("How strongly the person signed in."),
    "amr": say("The methods that the person used."),
    "at_hash": say("Ties the access token to this ID token."),
    "sid": say("The session's ID. Signing out ends everything that has this ID."),
    "organisation_id": say("The organisation's ID, which never changes."),
    "organisation": say("The organisation's store URL."),
    "organisation_name": say("The organisation's name."),
    "shops": say("The shops where the person works, by code."),
    "role": say("The person's role."),
    "roles": say("The person's role, as a list for apps that expect one."),
    "groups": say("The groups the person is in."),
}
FROM_USERINFO = frozenset(("profile", "email", "phone", "address"))
"""Scopes whose claims an app reads at userinfo, unless its ID token is registered to have them (Core §5.4)."""
DETAILS = frozenset(("preferred_username", "email", "phone_number", "address"))
MOMENTS = ("exp", "iat", "auth_time")


@dataclass(frozen=True)
class Claim:
    """Hold a claim: its value as text, its moment if it is one, and its meaning."""

    name: str
    value: str
    at: datetime | None
    meaning: Message | None


@dataclass(frozen=True)
class TrialPage:
    """Hold the outcome of a test of an ``app``, by name. ``back``: its page. ``claims`` are empty if the test failed.

    ``has_more``: the app may also see details that only userinfo gives.
    """

    app: str
    back: str
    alg: str
    scope: str
    claims: tuple[Claim, ...]
    error: str = ""
    description: str = ""
    wrong: Message | None = None
    has_more: bool = False


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/apps/<client_id>/test", "test_app", begin, methods=["GET", "POST"])
    blueprint.add_url_rule(permission.PATH.removeprefix("/admin"), "tested", finish)


def begin(store_url: str, client_id: str) -> Response:
    """Tell what will happen, then redirect as the app would. An app to which nobody can sign in has no test."""
    admin = guard.administrator(store_url, or_installation=True)
    row = app_at(admin, client_id)
    if row.disabled_at or not signs_in_at_a_browser(row):
        return pages.see_other(address_of(admin, client_id))
    question = _question(address_of(admin, client_id), is_operator=admin.is_operator)
    return confirm_then(admin, HERE, question, partial(_begin, admin, client_id))


def _begin(admin: Admin, client_id: str) -> Response:
    provider = oauth_provider.provider()
    client = provider.clients.get(client_id) or abort(404)
    begun = run.begin(provider, client, admin.organisation, request_context.visit(), admin.origin)
    response = pages.see_other(begun.address)
    request_context.put_cookie(response, COOKIE, begun.sealed, permission.LIVES)
    return response


def finish() -> Response:
    """Answer our callback page. The cookie holds its sealed rights; the person sees only their own claims."""
    answer = {name: value[:LONGEST] for name, value in request.args.items() if len(request.args.getlist(name)) == 1}
    sealed = request_context.browser().cookie(COOKIE)
    outcome = run.finish(oauth_provider.provider(), sealed, answer, request_context.visit())
    if outcome.claims:
        post_redirect_get.land_at(request.path)
    response = pages.render("admin/client_test.html", _page(outcome), 200 if outcome.claims else 400)
    request_context.put_cookie(response, COOKIE, "", 0)  # kept after a failure: any site may send a browser here
    return response


def _question(back: str, *, is_operator: bool) -> Question:
    sentences = [say("You sign in to this app for real, and come back to a page here that shows the ID token.")]
    if is_operator:
        sentences.append(say("You sign in as one of the organisation's people, which signs you out of the console here."))
    return Question(say("Test this app?"), tuple(sentences), say("Test"), back, asks_password=False)


def _page(outcome: Outcome) -> TrialPage:
    who()  # times are shown in the zone of the person who signed in
    at, app = outcome.store_url, outcome.client_id
    back = url_for("admin.app", store_url=at, client_id=app) if at and app else url_for("admin.front")
    claims = tuple(_claim(name, value) for name, value in (outcome.claims or {}).items())
    alg = str((outcome.header or {}).get("alg", ""))
    client = oauth_provider.provider().clients.even_disabled(app)
    return TrialPage(
        app=client.name if client else app,
        back=back,
        alg=alg,
        scope=outcome.scope,
        claims=claims,
        error=outcome.error,
        description=outcome.description,
        wrong=outcome.wrong,
        has_more=bool(FROM_USERINFO.intersection(outcome.scope.split()) and not DETAILS.intersection(outcome.claims or ())),
    )


def _claim(name: str, value: Any) -> Claim:
    text = ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
    at = clock.from_epoch(value) if name in MOMENTS and isinstance(value, int) else None
    return Claim(name, text, at, MEANINGS.get(name))
