"""Whether the process lives, and whether it can serve."""

import structlog
from flask import Blueprint, Response, current_app, jsonify

log = structlog.get_logger("health")
blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def live() -> Response:
    """Answer that the process runs."""
    return _plain(jsonify(status="ok"))


@blueprint.get("/readyz")
def ready() -> tuple[Response, int]:
    """Database, migrations, keys and secrets are as they must be; which is not stands in the log, not in the answer."""
    why_not = current_app.extensions["sleutel"].readiness.why_not()
    if why_not:
        log.error("not_ready", reason=why_not)
    return _plain(jsonify(status="unavailable" if why_not else "ok")), 503 if why_not else 200


def _plain(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
