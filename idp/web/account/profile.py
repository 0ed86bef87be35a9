"""Change name, language and time zone: what people may change of themselves without a reauthentication."""

from dataclasses import dataclass, replace

from flask import Blueprint, Response

from idp import zones
from idp.errors import Invalid, Message, say
from idp.identity.users import profile
from idp.signin.requirements import Needs
from idp.web import csrf, forms, language, pages, times, unsaved, ways_back
from idp.web.account.current_user import Me, me
from idp.web.account.outcome import done, outcome

PLACE = "/account/details"


@dataclass(frozen=True)
class DetailsPage:
    """Hold the page. Forms send ``name``, ``language`` (empty: as in the browser) or ``time_zone`` (empty: the
    organisation's).
    """

    username: str
    organisation_name: str
    name: str
    language: str
    time_zone: str
    zones: tuple[tuple[str, Message | str], ...]
    wrong: str = ""
    errors: tuple[Message, ...] = ()
    done: Message | None = None


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes."""
    blueprint.add_url_rule(PLACE, "details", show)
    blueprint.add_url_rule("/account/name", "name", change_name, methods=["POST"])
    blueprint.add_url_rule("/account/language", "language", change_language, methods=["POST"])
    blueprint.add_url_rule("/account/time-zone", "time_zone", change_time_zone, methods=["POST"])


def show() -> Response:
    """List the fields."""
    page, kept = _page(me(Needs(return_to=PLACE))), unsaved.found()
    typed = kept.fields if kept else {}
    name, zone = typed.get("name", page.name), typed.get("time_zone", page.time_zone)
    return pages.render("account/profile.html", replace(page, name=name, time_zone=zone))


def change_name() -> Response:
    """Change the name."""
    csrf.require()
    present, typed = me(Needs(return_to=PLACE)), forms.fields().get("name", "")
    try:
        profile.change(present.user, {"name": typed}, present.origin)
    except Invalid as invalid:
        page = replace(_page(present), name=typed, wrong="name", errors=(invalid.message,))
        return pages.render("account/profile.html", page, 422)
    return done(present, PLACE, say("Your name is saved."))


def change_language() -> Response:
    """Store the user's choice of language (S62), from here or from any page of a signed-in user, and return to that page."""
    csrf.require()
    present = me(Needs(return_to=PLACE))
    picked, back = forms.fields().get("language", ""), ways_back.way_back("")
    profile.change(present.user, {"locale": picked}, present.origin)
    if not back:
        return done(present, PLACE, say("Your language is saved."))
    return pages.see_other(language.at(back, picked) if ways_back.is_answer(back) else back)


def change_time_zone() -> Response:
    """Store the user's choice of time zone."""
    csrf.require()
    present = me(Needs(return_to=PLACE))
    try:
        profile.change(present.user, {"time_zone": forms.fields().get("time_zone", "")}, present.origin)
    except Invalid as invalid:
        page = replace(_page(present), wrong="time_zone", errors=(invalid.message,))
        return pages.render("account/profile.html", page, 422)
    return done(present, PLACE, say("Your time zone is saved."))


def _page(present: Me) -> DetailsPage:
    user, at = present.user, present.organisation
    of_organisation = say("Same as your organisation: %(zone)s", zone=zones.Named(at.zone.key))
    choices = times.zone_choices(of_organisation, user.time_zone)
    return DetailsPage(user.username, at.name, user.name, user.locale, user.time_zone, choices, done=outcome(present))
