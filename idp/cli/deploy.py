"""``idp deploy``: print the files that put this installation into service."""

import click

from idp.cli.command import Command
from idp.cli.opening import config_file
from idp.config import read
from idp.deploy import FILES, fill


@click.command(cls=Command)
@click.argument("kind", type=click.Choice(list(FILES)))
def deploy(kind: str) -> None:
    """Print a systemd unit, a Containerfile, or the settings of nginx or Caddy, filled in from the configuration.

    For example:
      idp deploy systemd > /etc/systemd/system/sleutel.service
      idp deploy nginx > /etc/nginx/conf.d/sleutel.conf
    """
    file = config_file()
    click.echo(fill(kind, read(file), file), nl=False)
