"""Put the application together, here only."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from flask import Flask

from idp import config, timing
from idp.config import Settings
from idp.db import forget_reads, remember_reads, setup_db
from idp.logs import setup_logs
from idp.readiness import Readiness
from idp.resources import folder
from idp.watchers import watchers
from idp.web import (
    account,
    admin,
    approve,
    branding,
    device,
    email_links,
    health,
    oauth_pages,
    pages,
    password_reset,
    reauthentication,
    signin,
    unlock,
    well_known,
)
from idp.web.lean_entry import LeanEntry
from idp.web.oauth_provider import setup_oauth
from idp.web.post_redirect_get import setup_post_redirect_get
from idp.web.response import PlainRequest, PlainResponse

PARTS = (
    health, branding, signin, password_reset, unlock, email_links, account, admin, approve, device, oauth_pages, well_known,
)  # fmt: skip


@dataclass(frozen=True)
class Sleutel:
    """Hold what views find in ``app.extensions["sleutel"]``."""

    settings: Settings
    readiness: Readiness


def create_app(settings: Settings) -> Flask:
    """Return the provider as a WSGI application."""
    setup_logs(settings)
    app = Flask("idp", template_folder=str(folder("templates")), static_folder=None)
    app.request_class, app.response_class = PlainRequest, PlainResponse
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body_bytes
    app.config["MAX_FORM_PARTS"] = 100
    app.extensions["sleutel"] = Sleutel(settings, Readiness(app, setup_oauth(app, settings)))
    setup_db(app, settings)
    if settings.server.timing and timing.STATEMENTS not in watchers:
        watchers.append(timing.STATEMENTS)
    app.before_request(remember_reads)
    app.teardown_request(lambda _: forget_reads())
    pages.setup_pages(app)
    setup_post_redirect_get(app)
    reauthentication.setup_reauthentication(app)
    app.wsgi_app = cast(Any, LeanEntry(app))  # type: ignore[method-assign] # Flask's documented way to put something before it
    for part in PARTS:
        app.register_blueprint(part.blueprint)
    return app


def from_environment() -> Flask:
    """Return the application of the configuration that ``IDP_CONFIG`` names. WSGI servers load it."""
    return create_app(config.read(Path(os.environ["IDP_CONFIG"])))
