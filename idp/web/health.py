"""Whether the process lives, and whether it can serve."""

import structlog
from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger("health")
blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def live() -> Response:
    """The process answers."""
    return _plain(jsonify(status="ok"))


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Database, migrations and keys are there; which is not stands in the log, not in the answer."""
    try:
        fine = current_app.extensions["sleutel"].is_ready()
    except SQLAlchemyError as error:
        log.error("not ready", error=type(error).__name__)
        fine = False
    return _plain(jsonify(status="ok" if fine else "unavailable")), 200 if fine else 503


def _plain(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
