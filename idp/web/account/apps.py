"""List connected apps: what each may see, since when, and a button to end it (OWASP ASVS 10.7.3, 10.4.9)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Blueprint, Response

from idp.errors import Message, say
from idp.identity import consents
from idp.identity.consents import ConnectedApp
from idp.oauth.resource_indicators import scope_words
from idp.signin.requirements import Needs
from idp.web import csrf, pages
from idp.web.account.current_user import me
from idp.web.account.launch import address_of, launchable
from idp.web.account.outcome import done, outcome
from idp.web.oauth_provider import provider
from idp.web.pagination import List, Pages, requested

PLACE = "/account/apps"


@dataclass(frozen=True)
class AppsPage:
    """Hold a page of the connected apps, by name. ``scope_words``: the words for the scopes of APIs, by language.

    ``addresses``: where those that can be opened begin, by id.
    """

    username: str
    organisation_name: str
    apps: tuple[ConnectedApp, ...]
    pages: Pages
    done: Message | None = None
    scope_words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule(PLACE, "apps", show)
    blueprint.add_url_rule(f"{PLACE}/<client_id>/end", "end_app", end, methods=["POST"])


def show() -> Response:
    """List the apps."""
    present = me(Needs(return_to=PLACE))
    apps, beside = requested(consents.connected(present.user), List("account.apps", {}))
    words = scope_words(provider(), {scope for app in apps for scope in app.scopes})
    addresses = {one.client_id: address_of(one) for one in launchable(present)}
    page = AppsPage(
        present.user.username, present.organisation.name, tuple(apps), beside, outcome(present), words, addresses
    )
    return pages.render("account/apps.html", page)


def end(client_id: str) -> Response:
    """Withdraw the consent to an app, with every token it holds."""
    csrf.require()
    present = me(Needs(return_to=PLACE))
    name = consents.end(present.user, client_id, present.origin)
    return done(present, PLACE, say("“%(app)s” no longer has access to your account.", app=name))
