"""``idp init``: write a first configuration with fresh secrets."""

import os
from pathlib import Path

import click
from pydantic import ValidationError

from idp import clock, config
from idp.cli.command import Command

TEMPLATE = """\
# Sleutel. Every key with its meaning: config.example.toml. The environment overrides this file: IDP_DATABASE__URL, ….
# Keep this file private: everybody who reads `secrets` can open what is sealed in the database.

issuer = {issuer}
secrets = [{secret}]

[server]
bind = {bind}

[database]
url = {database}

[mail]
# Without a host, mails are written into this folder.
# host = "smtp.example.com"
folder = "mail"
"""


@click.command(cls=Command)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--issuer", required=True, metavar="URL", help="The address by which browsers and apps reach this provider.")
@click.option("--database", default="sqlite:///sleutel.sqlite3", show_default=True, metavar="URL", help="Or postgresql://….")
@click.option("--bind", default="127.0.0.1:8000", show_default=True, metavar="HOST:PORT", help="Where `idp run` listens.")
def init(file: Path, issuer: str, database: str, bind: str) -> None:
    """Write a configuration FILE with fresh secrets. An existing file is never overwritten.

    For example:
      idp init sleutel.toml --issuer https://id.example.com
      idp init sleutel.toml --issuer https://id.example.com --database postgresql://idp@db.internal/idp
      idp init try.toml --issuer http://localhost:8000

    The issuer is what apps find in `iss` and cannot be changed later. Plain http is accepted for loopback addresses only.
    """
    write(file, issuer=issuer, database=database, bind=bind)
    click.echo(f"Wrote {file} (readable by you alone). Next: idp run --config {file}")


def write(file: Path, *, issuer: str, database: str, bind: str) -> None:
    """Write a configuration that ``Settings`` takes, mode 0600. Raises ``ConfigError``."""
    secret = config.new_ring_entry(f"{clock.now():%Y-%m-%d}")
    _check(issuer, database, bind, secret)
    text = TEMPLATE.format(issuer=_quoted(issuer), secret=_quoted(secret), bind=_quoted(bind), database=_quoted(database))
    try:
        # O_EXCL: an existing file is never overwritten, not even one made this moment.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise config.ConfigError(f"{file}: exists already; remove it first, or choose another name") from error
    except OSError as error:
        raise config.ConfigError(f"{file}: cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def _check(issuer: str, database: str, bind: str, secret: str) -> None:
    if not database.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise config.ConfigError(f"--database: {database!r} must be sqlite:///FILE or postgresql://USER@HOST/NAME")
    try:
        config.make({"issuer": issuer, "secrets": [secret], "database": {"url": database}, "server": {"bind": bind}})
    except ValidationError as error:
        option = {"issuer": "--issuer", "server": "--bind", "database": "--database"}
        faults = [
            f"{option.get(str(fault['loc'][0]), fault['loc'][0])}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise config.ConfigError("\n".join(faults)) from error


def _quoted(text: str) -> str:
    """Return text as a TOML basic string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
