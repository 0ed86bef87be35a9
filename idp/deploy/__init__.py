"""Fill in the files that put this installation into service: a systemd unit, a container, settings of proxies.

The files are beside this module, with gaps for what the configuration says. Limits and timeouts of the proxies follow from
those of the server, so the files cannot contradict it. Not here: the command that prints them (``cli.deploy``).
"""

import shlex
import sys
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idp.config import Settings
from idp.oauth.discovery import TAKE_CERTIFICATES
from idp.oauth.request_parameters import LONGEST_BODY
from idp.resources import PACKAGE
from idp.server.entry import BODY_SECONDS, MOST_WAITING, WAIT_SECONDS
from idp.server.process import HEADER_MILLISECONDS
from idp.server.supervisor import STOP_SECONDS
from idp.web.large_forms import LARGE_FORMS

FILES = {
    "systemd": "sleutel.service",
    "container": "Containerfile",
    "nginx": "nginx.conf",
    "caddy": "Caddyfile",
}
"""Kind of deployment → the file beside this module."""
KIB = 1024
LINE_KIB = LONGEST_BODY // KIB + 8
"""An address may carry a request as long as a body may be. The path and the rest of the line come on top."""
ANSWER_KIB = 32
"""All headers of an answer: the address of an app with its `state` is the longest of them."""


def fill(kind: str, settings: Settings, config: Path) -> str:
    """Return the text of a file for the installation of ``config``."""
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "deploy"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 — none of these files is HTML, and the values are the operator's own
    )
    environment.filters["unit"] = _for_unit
    environment.filters["shell"] = shlex.quote
    return environment.get_template(FILES[kind]).render(_values(settings, config.resolve()))


def _values(settings: Settings, config: Path) -> dict[str, Any]:
    host, port = settings.server.address
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 — a proxy cannot ask every address
    folders = sorted({config.parent, *_written(settings)})
    public = urlsplit(settings.issuer)
    return {
        "issuer": settings.issuer,
        "name": settings.name,
        "public_host": public.hostname,
        "public_port": public.port or 443,
        "is_postgresql": settings.database_url.startswith("postgresql"),
        "upstream": f"[{reached}]:{port}" if ":" in reached else f"{reached}:{port}",
        "port": port,
        "config": config,
        "idp": Path(sys.executable).parent / "idp",
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "version": metadata.version("sleutel"),
        "folders": folders,
        "in_home": any(folder.is_relative_to(home) for folder in folders for home in ("/home", "/root", "/run/user")),
        "line_kib": LINE_KIB,
        "answer_kib": ANSWER_KIB,
        # The server answers a body that is too long by itself, in the form that the client expects.
        "body_bytes": max(2 * settings.server.max_body_bytes, max(LARGE_FORMS.values()) + KIB),
        "body_seconds": int(BODY_SECONDS),
        # An idle connection must be closed by the proxy first: a request on one that is just being closed would be lost.
        "keep_alive_seconds": HEADER_MILLISECONDS // 2000,
        "answer_seconds": int(WAIT_SECONDS + settings.passwords.hash_patience_seconds + settings.database.patience_seconds)
        + 20,
        "connections": settings.server_processes * MOST_WAITING,
        **_certificates(settings),
        "stop_seconds": int(STOP_SECONDS) + 10,
    }


def _certificates(settings: Settings) -> dict[str, Any]:
    """Return what a proxy must know to pass the certificates of apps. ``mtls_host``: empty if it is the issuer's own."""
    server = settings.server
    alias = urlsplit(server.client_certificate_address)
    return {
        "certificate_header": server.client_certificate_header,
        "verified_header": server.client_certificate_verified_header if server.client_certificate_header else "",
        "mtls_host": alias.hostname or "",
        "mtls_port": alias.port or 443,
        "mtls_address": server.client_certificate_address,
        "mtls_paths": list(TAKE_CERTIFICATES.values()),
    }


def _written(settings: Settings) -> set[Path]:
    """Return the folders that the server writes to."""
    url = settings.database_url
    written = {Path(url.removeprefix("sqlite:///")).parent} if url.startswith("sqlite:///") else set()
    return written | ({settings.path(settings.mail.folder).resolve()} if not settings.mail.host else set())


def _for_unit(value: object) -> str:
    """Return a text as a quoted word of a unit: `%` begins a specifier there (systemd.unit(5))."""
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("%", "%%") + '"'
