"""``idp audit``: verify the audit log and export it."""

from collections.abc import Iterator

import click

from idp.audit import chain, search
from idp.cli.command import Noun
from idp.cli.opening import opened
from idp.identity.organisations.settings import normal_store_url
from idp.store import audit as store
from idp.store import organisations
from idp.store.audit import INSTALLATION, Sought

FORMATS = {"csv": search.as_csv, "json": search.as_json}


@click.group(cls=Noun)
def audit() -> None:
    """The audit log: entries that are only ever added, each chained to the one before by its hash.

    Every organisation has a chain of its own; clients, keys and dated rules are in the installation's.
    """


@audit.command()
@click.option("--organisation", metavar="STORE_URL", help="Only this organisation's chain; else all.")
def verify(organisation: str | None) -> None:
    """Walk the chains from first entry to head and say whether they are whole. Exit code 1 if one is not."""
    with opened():
        broken = 0
        for name, organisation_id in _chains(organisation):
            fault = chain.verify(organisation_id)
            broken += fault is not None
            click.echo(f"{name:24} {f'broken at entry {fault.seq}: {fault.why}' if fault else 'whole'}")
        if broken:
            raise click.ClickException("a chain is broken: somebody changed the database directly, without the provider")


@audit.command()
@click.option("--organisation", metavar="STORE_URL", help="This organisation's chain; else the installation's.")
@click.option("--format", "form", type=click.Choice(sorted(FORMATS)), default="json", show_default=True)
def export(organisation: str | None, form: str) -> None:
    """Write a chain to standard output, oldest entry first. In CSV no cell is a formula.

    For example:
      idp audit export --organisation example-shoes --format csv > audit.csv
    """
    with opened():
        organisation_id = _id_of(organisation) if organisation else INSTALLATION
        for piece in FORMATS[form](search.every(organisation_id, Sought())):
            click.echo(piece, nl=False)


def _chains(store_url: str | None) -> Iterator[tuple[str, str]]:
    if store_url:
        yield normal_store_url(store_url), _id_of(store_url)
        return
    names = {INSTALLATION: "(installation)"} | {row.id: row.store_url for row in organisations.organisations()}
    yield from ((name, organisation_id) for organisation_id, name in names.items())
    gone = [organisation_id for organisation_id in store.chain_ids() if organisation_id not in names]
    yield from ((f"{organisation_id} (removed)", organisation_id) for organisation_id in gone)


def _id_of(store_url: str) -> str:
    """Return the id of an organisation by store URL, or by the id that ``verify`` prints for a removed one."""
    found = organisations.organisation_at(normal_store_url(store_url))
    if found is None and store_url in store.chain_ids():
        return store_url
    if found is None:
        raise click.ClickException(
            f"there is no organisation {store_url!r}; `idp organisation list` lists the organisations"
        )
    return found.id
