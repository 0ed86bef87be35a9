"""Replace the secret of an app with an overlap that is chosen, and end one that leaked."""

from functools import partial

from flask import Blueprint, Response, abort, request

from idp.errors import say
from idp.oauth import secret_changes
from idp.oauth.secret_changes import OVERLAPS, USUAL_OVERLAP
from idp.store.clients import Client
from idp.web import pages, post_redirect_get, request_context
from idp.web.admin import guard
from idp.web.admin.client_detail import HERE, address_of, changeable, detail
from idp.web.admin.confirm_dialog import Question, confirm_then
from idp.web.admin.guard import Admin

CHOICE = "overlap"
"""The parameter that says how long the present secrets keep working."""
ONLY_ONE = say("It is the only secret: nobody can sign in to the app until you make a new secret and put it there.")


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    both, at = ["GET", "POST"], "/<store_url>/apps/<client_id>/secrets"
    blueprint.add_url_rule(f"{at}/new", "new_secret", new, methods=both)
    blueprint.add_url_rule(f"{at}/<secret_id>/end", "end_secret", end, methods=both)


def new(store_url: str, client_id: str) -> Response:
    """Ask, then make a new secret, which is shown this once."""
    admin, row = changeable(store_url, client_id)
    overlap = request.args.get(CHOICE, USUAL_OVERLAP)
    if overlap not in OVERLAPS:
        abort(404)
    sentences = (say("The new secret is shown once."), OVERLAPS[overlap].effect)
    question = Question(
        say("Make a new secret for %(app)s?", app=row.name), sentences, say("New secret"), address_of(admin, client_id)
    )
    return confirm_then(admin, HERE, question, partial(_make, admin, row, overlap))


def _make(admin: Admin, row: Client, overlap: str) -> Response:
    settings = request_context.settings()
    secret = secret_changes.rotate_secret(settings, row.client_id, admin.origin, OVERLAPS[overlap].lasts)
    post_redirect_get.land_at(address_of(admin, row.client_id))
    return pages.render("admin/client.html", detail(admin, row, secret))


def end(store_url: str, client_id: str, secret_id: str) -> Response:
    """Ask, then end one secret at once."""
    admin, row = changeable(store_url, client_id)
    valid = {one.id for one in secret_changes.valid_secrets(client_id)}
    if secret_id not in valid:
        abort(404)
    others = valid - {secret_id}
    then = say("The app must use its other secret.") if others else ONLY_ONE
    sentences = (say("The secret stops working at once. Do this if somebody else may have it."), then)
    heading, back = say("End this secret of %(app)s?", app=row.name), address_of(admin, client_id)
    question = Question(heading, sentences, say("End the secret"), back, is_final=True)
    return confirm_then(admin, HERE, question, partial(_end, admin, client_id, secret_id))


def _end(admin: Admin, client_id: str, secret_id: str) -> Response:
    secret_changes.end_secret(client_id, secret_id, admin.origin)
    ended = say("The secret has ended. It no longer works anywhere.")
    return guard.told(admin, address_of(admin, client_id), ended)
