"""Whether the process lives, and whether it can serve."""

from flask import Blueprint, Response, jsonify

from idp import keys
from idp.db import db
from idp.schema import is_current

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def live() -> Response:
    """The process answers."""
    return _plain(jsonify(status="ok"))


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Database, migrations and keys are there; which is not stands in the log, not in the answer."""
    try:
        fine = is_current() and keys.are_ready()
    except Exception:
        fine = False
    db.session.rollback()
    return _plain(jsonify(status="ok" if fine else "unavailable")), 200 if fine else 503


def _plain(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
