"""``idp policy``: explain why a user must have a second factor, and list the users a dated rule would affect."""

from datetime import date
from pathlib import Path

import click

from idp import errors
from idp.cli.command import Noun
from idp.cli.counts import counted
from idp.cli.opening import opened
from idp.cli.provision import document as documents
from idp.cli.refusals import in_english
from idp.cli.user import find
from idp.config import Settings
from idp.identity import assurance, policy_dry_run
from idp.identity.policy import dated_rules
from idp.identity.policy.dated_rules import known_now
from idp.identity.policy.rules import DatedRule
from idp.store import clients
from idp.store import dated_rules as store_dated_rules
from idp.store import organisations as store
from idp.store.clients import Client


def day(_: click.Context, __: click.Parameter, value: str | None) -> date | None:
    """A parameter that is a date, for example 2021-04-30."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("give a date, for example 2021-04-30") from error


@click.group(cls=Noun)
def policy() -> None:
    """Explain which people must have a second factor, and why. Create dated rules with `idp apply` ([[policies]])."""


@policy.command()
@click.argument("store_url")
@click.argument("username")
@click.option("--client", metavar="CLIENT_ID", help="For a sign-in to this app.")
@click.option("--on", metavar="DATE", callback=day, help="As on this day in the organisation's time zone; else today.")
def explain(store_url: str, username: str, client: str | None, on: date | None) -> None:
    """Say for every source of rules whether it requires something of a person, and why or why not.

    For example:
      idp policy explain example-shoes anna --client pos --on 2027-01-01
    """
    with opened() as settings:
        organisation, row = find(store_url, username)
        reasons = policy_dry_run.explained(
            settings, organisation, row, on or policy_dry_run.today(organisation), _client(client)
        )
        click.echo(f"{row.username} must give {assurance.NAMES[max(reason.level for reason in reasons) or 1]}.")
        for reason in sorted(reasons, key=lambda reason: -reason.level):
            mark = f"level {reason.level}" if reason.speaks else "-"
            click.echo(f"  {mark:8} {reason.source:7} {reason.name:20} {in_english(reason.message)}")


@policy.command("dry-run")
@click.argument("source", required=False, metavar="[FILE|NAME]")
@click.option("--on", metavar="DATE", callback=day, required=True, help="The day to look at.")
@click.option("--client", metavar="CLIENT_ID", help="For a sign-in to this app.")
def dry_run(source: str | None, on: date, client: str | None) -> None:
    """List the people that the dated rules would affect on a day: those whose required level would rise.

    SOURCE is a file as for `idp apply`, whose [[policies]] are looked at as if they were in force, or the name of a rule;
    without it all rules are looked at. Nothing is changed.

    For example:
      idp policy dry-run new-rules.toml --on 2027-01-01
    """
    with opened() as settings:
        looked_at = _looked_at(settings, source)
        found = policy_dry_run.reach_of(settings, store.organisations(), looked_at, on, _client(client))
        for one in found.affected:
            has, why = "has one" if one.person.has_factor else "has none yet", ", ".join(one.because)
            click.echo(f"{one.person.store_url:24} {one.person.username:24} {assurance.NAMES[one.level]} ({why}); {has}")
        rules = counted(len(looked_at), "policy", "policies")
        click.echo(f"{len(found.affected):,} of {found.of:,} people would be affected on {on} by {rules}.")


def _client(client_id: str | None) -> Client | None:
    row = clients.client(client_id) if client_id is not None else None
    if client_id is not None and row is None:
        raise click.ClickException(f"there is no client {client_id!r}; `idp client list` lists the clients")
    return row


def _looked_at(settings: Settings, source: str | None) -> list[DatedRule]:
    if source is None:
        return policy_dry_run.stored_rules()
    stands = store_dated_rules.dated_rule_named(source)
    if stands is not None:
        return [dated_rules.rule_of(stands)]
    if not Path(source).is_file():
        raise click.ClickException(f"{source}: neither an existing rule nor a file")
    return _of_file(settings, Path(source))


def _of_file(settings: Settings, file: Path) -> list[DatedRule]:
    document = documents.read(file)
    found = []
    for table in document.of("policies"):
        try:
            found.append(dated_rules.draft(settings, table.values, known_now()))
        except errors.Invalid as refusal:
            document.fault(table, refusal.field, in_english(refusal.message))
    document.refuse_if_faulty()
    return found
