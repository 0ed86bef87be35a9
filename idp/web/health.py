"""Report whether the process is alive, and whether it can serve."""

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
    """Check database, migrations, keys and secrets. The log says which one fails, the answer does not."""
    why_not = current_app.extensions["sleutel"].readiness.why_not()
    if why_not:
        log.error("not_ready", reason=why_not)
    return _plain(jsonify(status="unavailable" if why_not else "ok")), 503 if why_not else 200


def _plain(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
