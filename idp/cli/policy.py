"""``idp policy``: why somebody must have a second factor, and whom a dated rule would reach."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import click

from idp import clock, errors
from idp.cli.command import Noun, in_english, opened
from idp.cli.provision import document as documents
from idp.cli.provision.policies import known_now
from idp.cli.user import everyone, find
from idp.config import Settings
from idp.identity import dated_rules, people
from idp.identity import policy as rules
from idp.identity.policy import ClientRule, DatedRule, Person
from idp.store import clients
from idp.store import organisations as store

NAMES = {0: "nothing", 1: "a password", 2: "a second factor or a remembered device", 3: "a second factor"}
NAMES |= {4: "a passkey", 5: "a hardware key"}


def day(_: click.Context, __: click.Parameter, value: str | None) -> date | None:
    """A date as 2021-04-30."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("give a date as 2021-04-30") from error


def _noon(on: date | None) -> datetime:
    """A moment within that day; now where none was given."""
    return clock.now() if on is None else datetime(on.year, on.month, on.day, 12, tzinfo=UTC)


@click.group(cls=Noun)
def policy() -> None:
    """Who must have a second factor, why, and since when. Dated rules are made with `idp apply` ([[policies]])."""


@policy.command()
@click.argument("store_url")
@click.argument("username")
@click.option("--client", metavar="CLIENT_ID", help="As this app would ask.")
@click.option("--on", metavar="DATE", callback=day, help="As on this day; else today.")
def explain(store_url: str, username: str, client: str | None, on: date | None) -> None:
    """Say for every source of rules whether it asks something of a person, and why or why not.

    For example:
      idp policy explain example-shoes anna --client pos --on 2027-01-01
    """
    with opened() as settings:
        organisation, row = find(store_url, username)
        person = people.person_of(settings, organisation, row)
        reasons = rules.explain(person, _stored(), settings.acr.names, _noon(on), _client_rule(settings, client))
        click.echo(f"{row.username} must give {NAMES[max(reason.level for reason in reasons) or 1]}.")
        for reason in sorted(reasons, key=lambda reason: -reason.level):
            mark = f"level {reason.level}" if reason.speaks else "-"
            click.echo(f"  {mark:8} {reason.source:7} {reason.name:20} {in_english(reason.message)}")


@policy.command("dry-run")
@click.argument("source", required=False, metavar="[FILE|NAME]")
@click.option("--on", metavar="DATE", callback=day, required=True, help="The day to look at.")
@click.option("--client", metavar="CLIENT_ID", help="As this app would ask.")
def dry_run(source: str | None, on: date, client: str | None) -> None:
    """List whom the dated rules would affect on a day: those of whom more would be asked than without them.

    SOURCE is a file as for `idp apply`, whose [[policies]] are looked at as if they stood, or the name of one that stands;
    without it all that stand are looked at. Nothing is changed.

    For example:
      idp policy dry-run new-rules.toml --on 2027-01-01
    """
    with opened() as settings:
        looked_at = _looked_at(settings, source)
        names = {rule.name for rule in looked_at}
        others = [rule for rule in _stored() if rule.name not in names]
        where = _client_rule(settings, client)
        affected = list(_affected(settings, others, looked_at, _noon(on), where))
        for person, level, why in affected:
            has = "has one" if person.has_factor else "has none yet"
            click.echo(f"{person.store_url:24} {person.username:24} {NAMES[level]} ({', '.join(why)}); {has}")
        click.echo(f"{len(affected)} of {len(everyone())} people would be affected on {on} by {len(looked_at)} rule(s).")


def _affected(
    settings: Settings, others: list[DatedRule], looked_at: list[DatedRule], on: datetime, client: ClientRule | None
) -> Iterable[tuple[Person, int, list[str]]]:
    names = {rule.name for rule in looked_at}
    for organisation, row in everyone():
        person = people.person_of(settings, organisation, row)
        before = rules.rules_for(person, others, settings.acr.names, on, client)
        after = rules.rules_for(person, [*others, *looked_at], settings.acr.names, on, client)
        if after.level > before.level or (after.must_own and not before.must_own):
            why = [reason.name for reason in after.reasons if reason.source == "policy" and reason.name in names]
            yield person, after.level, why


def _stored() -> list[DatedRule]:
    return [dated_rules.rule_of(row) for row in store.policies()]


def _client_rule(settings: Settings, client_id: str | None) -> ClientRule | None:
    if client_id is None:
        return None
    row = clients.client(client_id)
    if row is None:
        raise click.ClickException(f"there is no client {client_id!r}; `idp client list` shows which there are")
    return ClientRule(client_id, settings.acr.names.get(row.minimum_acr, 0))


def _looked_at(settings: Settings, source: str | None) -> list[DatedRule]:
    if source is None:
        return _stored()
    stands = store.policy_named(source)
    if stands is not None:
        return [dated_rules.rule_of(stands)]
    if not Path(source).is_file():
        raise click.ClickException(f"{source}: neither a rule that stands nor a file")
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
