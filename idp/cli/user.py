"""``idp user``: look up one user, and help users who are locked out."""

import functools
import json
from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple

import click

from idp import factors, zones
from idp.actors import System
from idp.audit import Origin
from idp.cli import user_facts
from idp.cli.command import Noun
from idp.cli.counts import counted
from idp.cli.leaked import read_password
from idp.cli.opening import opened
from idp.cli.organisation import at
from idp.cli.refusals import in_english
from idp.config import Settings
from idp.errors import Invalid, NotFound
from idp.identity import access
from idp.identity.accounts import accounts
from idp.identity.credentials import bypass_codes, new_passwords, passkeys, passwords, second_factor
from idp.identity.credentials import unlock as unlock_factor
from idp.identity.credentials.passwords import NewPassword
from idp.identity.users import lookup, status
from idp.store import user_search
from idp.store.organisations import Organisation
from idp.store.users import User

ORIGIN = Origin(System("cli"))
"""The actor in the audit log: a person with a shell on this machine."""


@click.group(cls=Noun)
def user() -> None:
    """Look people up, and help those who are locked out.

    A person is named by the store URL and the username:
      idp user show example-shoes anna
      idp user reset-factor example-shoes anna

    People are created and changed with `idp apply`.
    """


def find(store_url: str, username: str) -> tuple[Organisation, User]:
    """Return the organisation and its user; raises ``ClickException`` where one of the two is missing."""
    organisation = at(store_url)
    found = lookup.find(organisation.id, username)
    if found is None:
        raise click.ClickException(
            f"{organisation.store_url} has no user {username!r}; `idp user list {organisation.store_url}` lists its users"
        )
    return organisation, found


class Chosen(NamedTuple):
    """The user that a command is about."""

    settings: Settings
    organisation: Organisation
    row: User


def _user_command(name: str) -> Callable[[Callable[..., str]], click.Command]:
    """Make a command about one user, who is named by store URL and username; it prints what the function returns."""

    def _command(act: Callable[..., str]) -> click.Command:
        @functools.wraps(act)
        def _run(store_url: str, username: str, **options: Any) -> None:
            with opened() as settings:
                click.echo(act(Chosen(settings, *find(store_url, username)), **options))

        named = click.argument("store_url")(click.argument("username")(_run))
        return user.command(name)(named)

    return _command


@user.command("list")
@click.argument("store_url")
def show_all(store_url: str) -> None:
    """List the people of an organisation: username, role, second factor, last sign-in."""
    with opened():
        organisation = at(store_url)
        for row in chain.from_iterable(user_search.each(organisation.id)):
            factor = _factors(row)
            seen = str(zones.today(row.last_login_at, organisation.zone)) if row.last_login_at else "never"
            state = "disabled" if row.disabled_at else _last_day(organisation, row)
            click.echo(f"{row.username:32} {row.role:14} {factor:12} {seen:11} {state}".rstrip())


def _last_day(organisation: Organisation, row: User) -> str:
    if row.valid_until is None:
        return ""
    return f"{'ended' if access.has_ended(row, organisation.zone) else 'until'} {row.valid_until}"


def _factors(row: User) -> str:
    return "+".join(owned.factor for owned in factors.owned_by(row.organisation_id, row.id)) or "-"


@_user_command("show")
def show(chosen: Chosen) -> str:
    """Show one person as JSON: details, second factor, passkeys, devices and the newest open sessions."""
    shown = user_facts.all_of(chosen.settings, chosen.organisation, chosen.row)
    return json.dumps(shown, indent=2, ensure_ascii=False, default=str)


@_user_command("reset-factor")
def reset_factor(chosen: Chosen) -> str:
    """Reset the second factor: a new one must be set up at the next sign-in (new phone, everything lost).

    Recovery codes, remembered devices and open sessions end, and the person gets an e-mail.
    """
    second_factor.reset_factor(*chosen, ORIGIN)
    return f"{chosen.row.username} must set up a second factor at the next sign-in."


@_user_command("remove-factor")
def remove_factor(chosen: Chosen) -> str:
    """Remove the second factor. If it is required, it must be set up again.

    Recovery codes, remembered devices and open sessions end, and the person gets an e-mail.
    """
    removed = second_factor.remove_factor(*chosen, ORIGIN)
    return f"{chosen.row.username} has no second factor {'any more' if removed else 'and had none'}."


@_user_command("remove-passkey")
@click.argument("passkey_id")
def remove_passkey(chosen: Chosen, passkey_id: str) -> str:
    """Remove one passkey or security key (lost, stolen, copied). `idp user show` lists their IDs.

    Remembered devices and open sessions end, and with the last second factor the recovery codes. The person gets an e-mail.
    """
    username = chosen.row.username
    try:
        passkeys.remove(*chosen, passkey_id, ORIGIN)
    except NotFound as missing:
        see = f"idp user show {chosen.organisation.store_url} {username}"
        raise click.ClickException(f"{username} has no passkey {passkey_id!r}; `{see}` lists them") from missing
    return f"The passkey of {username} was removed."


@_user_command("one-time-code")
def one_time_code(chosen: Chosen) -> str:
    """Issue a one-time code for a person without their phone. It replaces the second factor, never the password.

    It works once, until the end of the day in the organisation's time zone. An earlier code stops working. Nobody can issue
    one for the owner. The person gets an e-mail. The code is the first line of the output, and is shown only once.
    """
    code, ends = bypass_codes.issue(*chosen, ORIGIN)
    at = ends.astimezone(chosen.organisation.zone).isoformat(timespec="minutes")
    return f"{code}\nThis code for {chosen.row.username} works once, until {at}."


@_user_command("disable")
@click.option("--reason", metavar="TEXT", default="", help="One line for the audit log; the person is not told.")
def disable(chosen: Chosen, reason: str) -> str:
    """Disable a person: open sessions, grants and remembered devices end at once.

    For example:
      idp user disable example-shoes anna --reason "left the company"
    """
    ended = status.disable(*chosen, ORIGIN, reason=reason)
    done = "was already disabled" if ended is None else "is disabled and signed out everywhere"
    return f"{chosen.row.username} {done}: {counted(ended or 0, 'session')} ended."


@_user_command("enable")
def enable(chosen: Chosen) -> str:
    """Let a disabled person sign in again."""
    done = status.enable(*chosen, ORIGIN)
    return f"{chosen.row.username} {'can sign in again' if done else 'was not disabled; nothing has changed'}."


@_user_command("valid-until")
@click.argument("day")
def valid_until(chosen: Chosen, day: str) -> str:
    """Set the last day of a person's access, for example 2026-12-31; "never" removes it.

    After that day nobody can sign in as this person, and open sessions and grants end.
    """
    try:
        accounts.change(*chosen, {"valid_until": "" if day == "never" else day}, ORIGIN)
    except Invalid as refused:
        raise click.ClickException(in_english(refused.message)) from refused
    return f"The access of {chosen.row.username} {'has no last day' if day == 'never' else f'ends after {day}'}."


@_user_command("unlock")
def unlock(chosen: Chosen) -> str:
    """Unblock a person: clear their wrong passwords and codes."""
    done = unlock_factor.unlock(*chosen, ORIGIN)
    return (
        f"{chosen.row.username} {'is unblocked and can try again now' if done else 'was not blocked; nothing has changed'}."
    )


@_user_command("end-sessions")
def end_sessions(chosen: Chosen) -> str:
    """Sign a person out everywhere. Remembered devices stay remembered."""
    count = status.end_sessions(*chosen, ORIGIN)
    return f"{chosen.row.username} is signed out everywhere: {counted(count, 'session')} ended."


@_user_command("set-password")
@click.option("--must-change", is_flag=True, help="The person must choose another one at the next sign-in.")
def set_password(chosen: Chosen, must_change: bool) -> str:
    """Set a password. It is typed unseen or read from standard input, and is never an argument.

    It must be long enough, on no list of leaked passwords, and different from the current one. Open sessions and remembered
    devices end, the second factor does not change, and the person gets an e-mail.

    For example:
      pass show example-shoes/anna | idp user set-password example-shoes anna --must-change
    """
    settings, organisation, row = chosen
    password = read_password(f"New password for {row.username}", twice=True)
    has_factor = lookup.person_of(settings, organisation, row).has_factor
    try:
        hashed = new_passwords.hashed(settings, organisation, row, password, ORIGIN, has_factor=has_factor)
    except Invalid as refused:
        raise click.ClickException(in_english(refused.message)) from refused
    passwords.put(settings, row, NewPassword(hashed, must_change=must_change), ORIGIN)
    return f"The password of {row.username} was changed."
