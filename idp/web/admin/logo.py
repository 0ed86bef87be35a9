"""Upload and remove the organisation's logo, beside the other settings."""

from flask import Blueprint, Response, request, url_for

from idp.db import transaction
from idp.errors import Invalid, Message, say
from idp.identity import pictures
from idp.identity.organisations import logos
from idp.web import forms, pages
from idp.web.admin import guard, settings
from idp.web.admin.guard import Admin

LARGEST_FORM = 4 * pictures.MOST_BYTES
"""More bytes than the limit of a logo, so that the page itself can refuse a photograph of some megabytes."""


def mount(blueprint: Blueprint) -> None:
    """Add this file's routes; they are below the settings in the menu."""
    blueprint.add_url_rule("/<store_url>/settings/logo", "logo", logo, methods=["GET", "POST"])


def logo(store_url: str) -> Response:
    """Take the chosen file, or remove the logo with ``remove``; a GET, after a sign-in, shows the settings."""
    request.max_content_length = LARGEST_FORM
    admin = guard.administrator(store_url, fresh=True)
    if request.method == "GET":
        return pages.render("admin/settings.html", settings.page_of(admin))
    try:
        told = _answer(admin, forms.fields())
    except Invalid as wrong:
        return pages.render("admin/settings.html", settings.page_of(admin, logo_errors=(wrong.message,)), 422)
    return guard.told(admin, url_for("admin.settings", store_url=store_url), told)


def _answer(admin: Admin, form: dict[str, str]) -> Message:
    if "remove" in form:
        with transaction():
            logos.remove(admin.organisation, admin.origin)
        return say("The logo is removed.")
    upload = forms.upload("logo", pictures.MOST_BYTES)
    if not upload:
        raise Invalid("logo", say("Choose a file first."))
    logos.adopt(admin.organisation, upload, admin.origin)
    return say("The logo is saved.")
