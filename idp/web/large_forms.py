"""Know the forms with a file, and how many bytes each may have. The server reads no more of anything else."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from werkzeug.exceptions import HTTPException

from idp.web.admin import logo, people_import

LARGE_FORMS: Mapping[str, int] = {"admin.import_people": people_import.LARGEST_FORM, "admin.logo": logo.LARGEST_FORM}
"""The most bytes of a body by endpoint. The views set the same limit for Flask."""


def most_bytes(app: Flask, environ: dict[str, Any]) -> int:
    """Return how many bytes the body of this request may have."""
    ordinary = int(app.config["MAX_CONTENT_LENGTH"])
    if environ["REQUEST_METHOD"] != "POST":
        return ordinary
    try:
        endpoint, _ = app.url_map.bind("localhost").match(environ["PATH_INFO"], "POST")
    except HTTPException:
        return ordinary
    return max(ordinary, LARGE_FORMS.get(endpoint, 0))
