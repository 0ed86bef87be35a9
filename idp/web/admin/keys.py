"""Show the signing keys of the installation, and rotate them: for operators."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from flask import Blueprint, Response, url_for

from idp import keys as rings
from idp.errors import Message, say
from idp.store import signing_keys
from idp.web import pages, request_context
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin, Frame

HERE = "keys"
STATES = {
    "next": say("next: published, does not sign yet"),
    "active": say("active: signs"),
    "retired": say("retired: no longer signs, still published"),
    "withdrawn": say("withdrawn: no longer published"),
}


@dataclass(frozen=True)
class Key:
    """Hold a key without its private half. ``state`` is a word of ``STATES``, ``told`` the same in words."""

    kid: str
    alg: str
    state: str
    words: Message
    made_at: datetime
    active_at: datetime | None
    retired_at: datetime | None


@dataclass(frozen=True)
class KeysPage:
    """Hold all keys, newest first."""

    frame: Frame
    keys: tuple[Key, ...]
    jwks_uri: str


ROTATED = say("The next keys sign from now on.")
WAITS = say("The next keys were published just now and must wait a minute. Rotate again then.")


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule("/<store_url>/keys", "keys", show)
    blueprint.add_url_rule("/<store_url>/keys/rotate", "rotate_keys", rotate, methods=["GET", "POST"])


def show(store_url: str) -> Response:
    """List the signing keys."""
    admin = guard.operator(store_url, or_installation=True)
    keys = tuple(_described(row) for row in reversed(signing_keys.all_keys()))
    return pages.render(
        "admin/keys.html", KeysPage(admin.frame(HERE), keys, f"{request_context.settings().issuer}/oauth/jwks")
    )


def rotate(store_url: str) -> Response:
    """Ask, then let the next keys sign."""
    admin = guard.operator(store_url, fresh=True, or_installation=True)
    back = url_for("admin.keys", store_url=store_url)
    return confirm_then(admin, HERE, _question(back), partial(_rotate, admin, back))


def _rotate(admin: Admin, back: str) -> Response:
    done = rings.rotate(request_context.settings(), admin.origin)
    return guard.told(admin, back, ROTATED if any(one.what == "activated" for one in done) else WAITS)


def _question(back: str) -> Question:
    return Question(
        say("Rotate the signing keys?"),
        (
            say("The next keys sign from now on, and new ones are published to follow them."),
            say("Nobody is signed out: apps already know the next keys, and what the current ones signed stays valid."),
        ),
        say("Rotate"),
        back,
    )


def _described(row: signing_keys.SigningKey) -> Key:
    state = rings.state_of(row)
    return Key(row.kid, row.alg, state, STATES[state], row.created_at, row.active_at, row.retired_at)
