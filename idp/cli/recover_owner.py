"""``idp recover-owner``: start the recovery of an owner who lost everything (S48)."""

import click

from idp.actors import System
from idp.audit import Origin
from idp.cli.command import Command
from idp.cli.opening import opened
from idp.cli.organisation import at
from idp.identity.ownership import owner_recovery

ORIGIN = Origin(System("cli"))


@click.command("recover-owner", cls=Command)
@click.argument("store_url")
@click.option("--cancel", is_flag=True, help="Stop the recovery that is under way.")
def recover_owner(store_url: str, cancel: bool) -> None:
    """Begin the recovery of an organisation's owner who lost password, phone and recovery codes.

    An e-mail goes only to the owner's registered address, where the owner confirms. Every administrator is told at
    once and can stop it. After the waiting time the worker removes the second factor and e-mails a link to a new password.

    For example:
      idp recover-owner example-shoes
      idp recover-owner example-shoes --cancel
    """
    with opened() as settings:
        organisation = at(store_url)
        if cancel:
            owner_recovery.cancel(settings, organisation, ORIGIN)
            click.echo(f"The recovery of the owner's account of {organisation.store_url} was stopped.")
            return
        owner = owner_recovery.start(settings, organisation, ORIGIN)
        hours = settings.lifetimes.owner_recovery_hours
        click.echo(f"An e-mail went to the registered address of {owner.username}, and its administrators were told.")
        click.echo(f"{hours} hours after {owner.username} confirms, a link to a new password is e-mailed there.")
