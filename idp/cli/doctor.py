"""``idp doctor``: check the installation, and say how to repair what is wrong."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import click
from sqlalchemy.exc import DBAPIError

from idp import clock, keys, sealing
from idp.cli.command import Command
from idp.cli.costs import costs
from idp.cli.counts import counted
from idp.cli.migrate import is_current
from idp.cli.opening import config_file, opened
from idp.config import Settings, read
from idp.identity import odd_names
from idp.identity.credentials.leaked_passwords.file import File, Unusable
from idp.mail import smtp
from idp.mail.letters import envelope_sender
from idp.mail.smtp import Failure, NotSent
from idp.oauth.client_metadata import TLS_METHODS, usable_methods
from idp.oauth.pkce import Demand, demand_of
from idp.store import (
    client_lists,
    client_registrations,
    clients,
    database_clock,
    epoch,
    logout_notices,
    outbox,
    restore,
    signing_keys,
)

CLOCK_SECONDS = 5


@dataclass(frozen=True)
class Finding:
    """The result of one check. ``remedy`` is empty where nothing is wrong."""

    subject: str
    words: str
    remedy: str = ""


@click.command(cls=Command)
def doctor() -> None:
    """Check configuration, database, keys, mail, clock and the leaked list, and say what to do. Exit code 1 if something
    is wrong.
    """
    file = config_file()
    settings = read(file)
    faults = 0
    for finding in _examine(file, settings):
        click.echo(f"{'FAULT' if finding.remedy else 'ok':5} {finding.subject:14} {finding.words}")
        if finding.remedy:
            click.echo(f"      {'':14} → {finding.remedy}")
            faults += 1
    if faults:
        raise click.ClickException(f"{faults} to correct")
    click.echo("All is well.")


def _examine(file: Path, settings: Settings) -> Iterator[Finding]:
    yield _configuration(file, settings)
    reachable = _database(settings)
    yield reachable
    if not reachable.remedy:
        with opened(settings, only_look=True):
            yield from _within(settings)
    yield _mail(settings)
    yield _leaked(settings)


def _configuration(file: Path, settings: Settings) -> Finding:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        return Finding("configuration", f"{file} may be read by others (mode {mode:o})", f"chmod 600 {file}")
    kind = "https" if settings.is_secure else "plain http, for this machine only"
    return Finding(
        "configuration", f"{file}: issuer {settings.issuer} ({kind}), {counted(len(settings.secrets), 'sealing key')}"
    )


def _database(settings: Settings) -> Finding:
    shown = settings.database.url.rpartition("@")[2]
    try:
        current = is_current(settings)
    except DBAPIError as error:
        words = next(iter(str(error.orig).strip().splitlines()), type(error.orig).__name__)
        return Finding(
            "database", f"{shown}: {words}", "check [database] url, and that the server runs and accepts this user"
        )
    if not current:
        return Finding("database", f"{shown}: its tables are not up to date", "idp migrate")
    return Finding("database", f"{shown}: reachable and up to date")


def _within(settings: Settings) -> Iterator[Finding]:
    checks: tuple[Callable[[Settings], Finding], ...] = (
        _restore, _keys, _sealed, _clock, _outbox, logouts, _names, _pkce, _certificates, _registration,
    )  # fmt: skip
    for check in checks:
        yield check(settings)
    for subject, words in costs(settings):
        yield Finding(subject, words)


def _restore(_: Settings) -> Finding:
    """Check that a restore was finished, and count what it closed that nobody has opened."""
    now = epoch.epoch()
    if now is None:
        return Finding("restore", "this is a backup whose restore is not finished", "idp restore FILE --replace")
    if now.backup_at is None:
        return Finding("restore", "never restored from a backup")
    words = f"restored {now.begun_at:%Y-%m-%d %H:%M} UTC from a backup of {now.backup_at:%Y-%m-%d %H:%M}"
    waiting = restore.count_closed(now.begun_at) + len(epoch.closed_clients(now.begun_at))
    return Finding(
        "restore", words + (f"; accounts and apps still closed: {waiting:,} (idp reopen lists them)" if waiting else "")
    )


def _keys(settings: Settings) -> Finding:
    rows = signing_keys.published_keys()
    if not rows:
        return Finding("keys", "none yet; the first `idp run` makes them")
    active = {row.alg for row in rows if keys.state_of(row) == "active"}
    missing = [alg for alg in keys.ALGORITHMS if alg not in active]
    if missing:
        return Finding("keys", f"no active key for {', '.join(missing)}", "idp run makes them when it starts")
    if not keys.KeyRing(settings).is_ready():
        words = "the signing keys do not open with the secrets of this configuration"
        return Finding("keys", words, "put the sealing key they were made with back into `secrets`, at the end of the list")
    return Finding("keys", f"an active key each for {', '.join(sorted(active))}; {len(rows)} published")


def _sealed(settings: Settings) -> Finding:
    """Check that everything stored can be unsealed, and say which sealing keys are still needed."""
    subject, (current, *old) = "sealed", settings.ring.names
    locked = sealing.locked(settings)
    if locked:
        words = "; ".join(f"{one.kind}{f' ({one.count})' if one.count else ''}: {one.reason}" for one in locked)
        return Finding(subject, words, "put the sealing key they were made with back into `secrets`, at the end of the list")
    if not old:
        return Finding(subject, f"everything opens with the key {current!r}")
    left = sealing.left_behind(settings)
    if left:
        kinds = ", ".join(f"{name}: {count:,}" for name, count in left.items())
        return Finding(subject, f"still on an old key: {kinds}; the worker moves them to {current!r}, keep the old key")
    words = f"everything is on {current!r}: {', '.join(map(repr, old))} can be removed from `secrets`"
    fading = sealing.fading(settings)
    return Finding(subject, words + (f" (guesses at {fading:,} unknown names are then counted from zero)" if fading else ""))


def _names(_: Settings) -> Finding:
    """Check that names have the form that apps rely on. Names from before that rule keep working."""
    odd = list(odd_names.found())
    if odd:
        shown = "; ".join(odd[:5]) + (" …" if len(odd) > 5 else "")
        remedy = "rename these users and groups; make shops with plain codes instead of those shops"
        return Finding("names", f"{len(odd)} with invisible characters, separators or a look-alike: {shown}", remedy)
    return Finding("names", "users, shops and groups have plain names")


def _pkce(settings: Settings) -> Finding:
    """Name the apps that may sign people in without PKCE. It is a choice, not a fault."""
    demands = {row.client_id: demand_of(row.metadata_, settings) for row in clients.clients()}
    free = [client_id for client_id, demand in demands.items() if demand is Demand.NEVER]
    nonce = sum(demand is Demand.UNLESS_NONCE for demand in demands.values())
    words = f"not required of {', '.join(free)}" if free else "no app goes without it"
    return Finding("PKCE", f"{words}; {counted(nonce, 'app')} may send a nonce instead")


def _certificates(settings: Settings) -> Finding:
    """Check that apps which prove themselves by a TLS certificate can: a proxy may have passed it until a change."""
    usable = usable_methods(settings)
    methods = {row.client_id: row.metadata_.get("token_endpoint_auth_method") for row in clients.clients()}
    by_certificate = [client_id for client_id, method in methods.items() if method in TLS_METHODS]
    lost = [client_id for client_id in by_certificate if methods[client_id] not in usable]
    if lost:
        remedy = "set [server] trusted_proxies, client_certificate_header and client_certificate_verified_header"
        return Finding("certificates", f"no proxy passes what {', '.join(lost)} must show", remedy)
    return Finding("certificates", f"{counted(len(by_certificate), 'app')} authenticating with one")


def _registration(settings: Settings) -> Finding:
    """Tell which apps may register themselves, and how many have. It is a choice, not a fault."""
    tokens = chain.from_iterable(client_lists.each_token())
    usable = [row for row in tokens if row.expires_at > clock.now() and row.uses_left != 0]
    in_words = {"off": "no app may register itself", "open": "any app may register itself"}
    by_token = f"an app may register itself with a token; {counted(len(usable), 'usable token')}"
    count = len(client_registrations.registrations())
    return Finding("registration", f"{in_words.get(settings.clients.registration, by_token)}; {counted(count, 'app')} did")


def _clock(_: Settings) -> Finding:
    theirs = database_clock.now()
    apart = abs((clock.now() - theirs).total_seconds())
    if apart > CLOCK_SECONDS:
        words = f"{apart:.0f} seconds from the database's clock ({theirs:%Y-%m-%d %H:%M:%S} UTC)"
        return Finding(
            "clock", words, "let both machines take the time from the network (NTP); codes and tokens depend on it"
        )
    return Finding("clock", f"{clock.now():%Y-%m-%d %H:%M:%S} UTC, as the database's")


def _outbox(_: Settings) -> Finding:
    mails = outbox.mails()
    waiting = [mail for mail in mails if mail.sent_at is None and mail.failed_at is None and mail.failure == Failure.RELAY]
    if waiting:
        words = f"{counted(len(waiting), 'mail')} waiting because the mail server refuses us: {waiting[0].reason}"
        return Finding("outbox", words, "correct [mail]; the waiting mails are then sent")
    # A mailbox that does not exist is for the organisation to correct: its console shows it.
    # What a restore made void was told to everybody by other mails.
    excused = (Failure.RECIPIENT, Failure.RESTORED)
    failed = [mail for mail in mails if mail.failed_at is not None and mail.failure not in excused]
    if failed:
        words = f"{counted(len(failed), 'mail')} given up, the latest: {failed[0].reason or 'no reason noted'}"
        return Finding("outbox", words, "remove the cause; the audit log has the events that they told about")
    refused = sum(mail.failure == Failure.RECIPIENT and mail.failed_at is not None for mail in mails)
    return Finding(
        "outbox", f"{counted(refused, 'mail')} refused by their recipients' servers" if refused else "no mail was given up"
    )


def logouts(_: Settings) -> Finding:
    """Check that every app that wants to be told of the end of sessions accepts it."""
    found = logout_notices.troubled()
    if not found:
        return Finding("sign-outs", "every app that is told of the end of sessions accepts it")
    lines = (f"{name}: {waiting} wait, {failed} not accepted ({_last_answer(name)})" for name, waiting, failed, _ in found)
    return Finding("sign-outs", "; ".join(lines), "correct its backchannel_logout_uri, or the app itself")


def _last_answer(client_id: str) -> str:
    latest = logout_notices.latest_failure(client_id)
    return latest.reason if latest is not None else ""


def _mail(settings: Settings) -> Finding:
    if not settings.mail.host:
        return _mail_folder(settings)
    shown = f"{settings.mail.host}:{settings.mail.port}"
    try:
        smtp.try_out(settings)
    except NotSent as error:
        remedy = "check [mail] host, port, security, username, password, ehlo_name, sender and envelope_sender"
        return Finding("mail", f"{shown}: {error}", remedy)
    return Finding("mail", f"{shown} answers and takes mail from {envelope_sender(settings.mail) or 'no sender (<>)'}")


def _mail_folder(settings: Settings) -> Finding:
    folder = settings.path(settings.mail.folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".doctor"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Finding("mail", f"{folder}: {error.strerror}", "name a [mail] host, or a folder that can be written")
    return Finding("mail", f"no [mail] host: mails are written into {folder}")


def _leaked(settings: Settings) -> Finding:
    if not settings.leaked.file:
        return Finding("leaked list", "the built-in list only")
    path = settings.path(settings.leaked.file)
    try:
        return Finding("leaked list", f"{path}: {File(path).count:,} entries")
    except (OSError, Unusable) as error:
        return Finding("leaked list", f"{path}: {error}", f"idp leaked import LIST {path}")
