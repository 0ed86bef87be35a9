"""Disable and enable an organisation: for operators, after a question that says what will happen."""

from functools import partial

from flask import Blueprint, Response, url_for

from idp.errors import Message, say, say_many
from idp.identity.organisations import status
from idp.identity.organisations.status import Disabled
from idp.web.admin import guard
from idp.web.admin.confirm_dialog import Question, confirm_then, reason_entered
from idp.web.admin.guard import Admin

HERE = "settings"
READ_BY = say("The reason is kept in the organisation's audit log, which its administrators can read.")

NOBODY_ENTERS = say("Nobody can sign in, and administrators cannot open the console.")
WHAT_STOPS = (
    say("Tokens of apps stop working at once. Apps that serve this organisation alone get no new ones."),
    say("Jobs and e-mails wait, and links in e-mails do not open."),
    say("You can enable it again. People, apps and settings stay as they are."),
)


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    for name, view in (("disable", disable), ("enable", enable)):
        blueprint.add_url_rule(f"/<store_url>/{name}", f"{name}_organisation", view, methods=["GET", "POST"])


def disable(store_url: str) -> Response:
    """Ask, then disable the organisation."""
    admin = guard.operator(store_url, fresh=True)
    question = Question(
        heading=say("Disable %(organisation)s?", organisation=admin.organisation.name),
        sentences=(
            NOBODY_ENTERS,
            _who_is_signed_out(status.signed_in(admin.organisation)),
            *WHAT_STOPS,
        ),
        button=say("Disable the organisation"),
        back=url_for("admin.settings", store_url=store_url),
        asks_reason=True,
        reason_hint=READ_BY,
    )
    return confirm_then(admin, HERE, question, partial(_disable, admin))


def _who_is_signed_out(now: Disabled) -> Message:
    if now.people == 0:
        return say("Nobody is signed in at the moment.")
    if now.is_more:
        return say("Everybody is signed out everywhere: many thousands of people at the moment.")
    return say_many(
        "%(num)s person who is signed in now is signed out everywhere.",
        "%(num)s people who are signed in now are signed out everywhere.",
        now.people,
    )


def _disable(admin: Admin) -> Response:
    done = status.disable(admin.organisation, admin.origin, reason=reason_entered())
    return _told(admin, _disabled(done).about(organisation=admin.organisation.name))


def _disabled(done: Disabled | None) -> Message:
    if done is None:
        return say("%(organisation)s was already disabled. Nothing has changed.")
    if done.people == 0:
        return say("%(organisation)s is disabled. Nobody was signed in.")
    if done.is_more:
        return say("%(organisation)s is disabled, and everybody is signed out everywhere.")
    return say_many(
        "%(organisation)s is disabled. %(num)s person was signed out everywhere.",
        "%(organisation)s is disabled. %(num)s people were signed out everywhere.",
        done.people,
    )


def enable(store_url: str) -> Response:
    """Ask, then enable the organisation."""
    admin = guard.operator(store_url, fresh=True)
    question = Question(
        heading=say("Enable %(organisation)s?", organisation=admin.organisation.name),
        sentences=(
            say("People can sign in again, with the same passwords and second factors."),
            say("Sessions and tokens from before stay ended. Jobs and e-mails that wait go on."),
        ),
        button=say("Enable the organisation"),
        back=url_for("admin.overview", store_url=store_url),
        asks_reason=True,
        reason_hint=READ_BY,
    )
    return confirm_then(admin, HERE, question, partial(_enable, admin))


def _enable(admin: Admin) -> Response:
    done = status.enable(admin.organisation, admin.origin, reason=reason_entered())
    words = (
        say("%(organisation)s is enabled. People can sign in again.")
        if done
        else say("%(organisation)s was already enabled. Nothing has changed.")
    )
    return _told(admin, words.about(organisation=admin.organisation.name))


def _told(admin: Admin, words: Message) -> Response:
    return guard.told(admin, url_for("admin.overview", store_url=admin.organisation.store_url), words)
