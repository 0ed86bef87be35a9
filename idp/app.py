"""The application: everything is put together here, and only here."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from idp import config, schema
from idp.config import Settings
from idp.db import setup_db
from idp.logs import setup_logs
from idp.oauth.server import setup_oauth
from idp.resources import PACKAGE, folder
from idp.web import account, admin, health, oauth, pages, signin


@dataclass(frozen=True)
class Sleutel:
    """What views find in ``app.extensions["sleutel"]``."""

    settings: Settings
    is_ready: Callable[[], bool]


def create_app(settings: Settings) -> Flask:
    """The provider as a WSGI application."""
    setup_logs(settings)
    app = Flask("idp", template_folder=str(folder("templates")), static_folder=str(PACKAGE / "web" / "static"))
    app.config["MAX_CONTENT_LENGTH"] = settings.server.max_body_bytes
    app.config["MAX_FORM_PARTS"] = 100
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 86_400
    server = setup_oauth(app, settings)
    app.extensions["sleutel"] = Sleutel(
        settings, is_ready=lambda: schema.is_current(app) and server.provider.keys.is_ready()
    )
    setup_db(app, settings)
    pages.setup_pages(app)
    for blueprint in (health.blueprint, signin.blueprint, account.blueprint, admin.blueprint, oauth.blueprint):
        app.register_blueprint(blueprint)
    return app


def from_environment() -> Flask:
    """The application of the configuration that ``IDP_CONFIG`` names: what a WSGI server loads."""
    return create_app(config.read(Path(os.environ["IDP_CONFIG"])))
