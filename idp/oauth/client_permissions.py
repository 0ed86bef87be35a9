"""Decide which actor may change which app: operators all, administrators those that their organisation manages.

An app that an organisation manages stays within bounds, no matter which actor changes it: it serves that organisation alone,
people sign in to it at a browser, and they are always asked. An operator who wants more takes the app over first.
"""

from collections.abc import Mapping
from typing import Any

from idp import outgoing
from idp.audit import Origin
from idp.config import Settings
from idp.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, say
from idp.identity import permissions
from idp.identity.policy.dated_rules import touches
from idp.normal_forms import compared
from idp.oauth.client_metadata import SCOPES, SECRET_METHODS
from idp.oauth.self_registered import CALLED, VISITED, is_inside
from idp.store import client_registrations, dated_rules, organisation_rules, organisations
from idp.store import clients as store
from idp.store.clients import Client
from idp.store.organisations import Organisation

SETTING = "administrators_connect_apps"
"""The setting of an organisation that lets its administrators connect apps. Only operators change it."""
MOST = 50
"""Apps that an organisation may manage."""
FREE = frozenset(
    (
        "client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri", "contacts", "redirect_uris",
        "post_logout_redirect_uris", "backchannel_logout_uri", "initiate_login_uri", "default_max_age",
        "default_acr_values", "application_type", "id_token_signed_response_alg",
    )
)  # fmt: skip
"""The members that administrators may set as they like."""
BOUNDED: Mapping[str, frozenset[str]] = {
    "grant_types": frozenset(("authorization_code", "refresh_token")),
    "response_types": frozenset(("code",)),
    "token_endpoint_auth_method": frozenset((*SECRET_METHODS, "none")),
    "subject_type": frozenset(("public",)),
    "scope": frozenset(SCOPES),
}
"""The members of which administrators may choose only these values."""


def refusal_to_connect(organisation: Organisation | None, origin: Origin) -> Refusal | None:
    """Return why the acting user may not connect apps for an organisation; None where they may."""
    if permissions.runs_installation(origin):
        return None
    if organisation is None or organisation.settings.get(SETTING) is not True:
        return NotFound(detail="administrators of this organisation connect no apps")
    return permissions.refusal_to_rule(organisation.id, origin)


def may_connect(organisation: Organisation | None, origin: Origin) -> bool:
    """Return whether the acting user may connect apps for an organisation."""
    return refusal_to_connect(organisation, origin) is None


def refusal_to_change(row: Client, origin: Origin) -> Refusal | None:
    """Return why the acting user may not change an app; None where they may."""
    if permissions.runs_installation(origin):
        return None
    if not row.managed_by:
        return NotFound(detail="only operators may do this")
    return refusal_to_connect(organisations.organisation(row.managed_by), origin)


def may_change(row: Client, origin: Origin) -> bool:
    """Return whether the acting user may change an app."""
    return refusal_to_change(row, origin) is None


def require_change(row: Client, origin: Origin) -> None:
    """Raise unless the acting user may change an app."""
    if (refusal := refusal_to_change(row, origin)) is not None:
        raise refusal


def require_room(organisation_id: str, origin: Origin) -> None:
    """Raise unless the acting user may connect one more app for an organisation, within the transaction."""
    refusal = refusal_to_connect(organisations.lock_organisation(organisation_id), origin)
    if refusal is not None:
        raise refusal
    if len(store.managed(organisation_id, MOST)) >= MOST:
        raise Forbidden(say("Your organisation has as many apps as it may have. Delete one first."))


def require_within(
    settings: Settings, managed_by: str, former: Mapping[str, Any], metadata: Mapping[str, Any], columns: Mapping[str, Any]
) -> None:
    """Raise ``Invalid`` if an app would get more than an organisation may give. What an operator gave before may stay.

    ``former``: its metadata before the change; empty for a new app.
    The networks of ``[outgoing] allow`` are for apps of operators.
    """
    if columns["first_party"]:
        raise Invalid("first_party", say("Administrators can change this app's addresses. Take it over first."))
    if columns["organisations"] != [managed_by]:
        raise Invalid("organisations", say("This app is for the organisation that connected it. Take it over first."))
    for name, value in metadata.items():
        if value != former.get(name):
            _require_allowed(name, value, former.get(name, ()))
    for name in (*CALLED, *VISITED):
        addresses = metadata.get(name, ())
        for address in [addresses] if isinstance(addresses, str) else addresses:
            if outgoing.is_own(settings, address) or (name in CALLED and is_inside(address, ())):
                raise Invalid(
                    name, say("%(address)s is an address of the provider itself, or inside its network.", address=address)
                )


def least_level(settings: Settings, row: Client, wanted: str, origin: Origin) -> dict[str, str]:
    """Return the lowest level that an app may ask from now on, as a column: what an operator chooses.

    Raises ``Invalid`` if an administrator would go below.
    """
    if permissions.runs_installation(origin):
        return {"least_acr": wanted}
    levels = settings.acr.names
    if levels.get(wanted, 0) < levels.get(row.least_acr, 0):
        raise Invalid(
            "minimum_acr", say("The installation administrator demands at least %(level)s here.", level=row.least_acr)
        )
    return {}


def require_unnamed(row: Client, origin: Origin) -> None:
    """Raise ``Conflict`` if a dated rule names an app that an administrator would delete: the rule would lose its effect.

    Connected once more, the app would have another id.
    """
    at = None if permissions.runs_installation(origin) else organisations.organisation(row.managed_by)
    if at is None:
        return
    for rule in dated_rules.dated_rules():
        if row.client_id in rule.clients and touches(rule, at):
            raise Conflict(
                say(
                    "The policy %(policy)s names this app. Ask the installation administrator to change it.",
                    policy=rule.name,
                )
            )
    if policy := organisation_rules.naming(at.id, "clients", row.client_id):
        raise Conflict(say("The policy %(policy)s names this app. Change or delete that policy first.", policy=policy))


def require_own_names(client_id: str, managed_by: str, former: Mapping[str, Any], metadata: Mapping[str, Any]) -> None:
    """Raise ``Invalid`` if an app takes the name of another app that serves the organisation: people know it by that name.

    Apps that registered themselves do not count: nobody has looked at their names, and they must not occupy any.
    """
    wanted = {compared(name): member for member, name in _names_in(metadata).items() if name != former.get(member)}
    others = [row for row in store.serving(managed_by) if row.client_id != client_id] if wanted else []
    named = {row.client_id: name for row in others for name in _names_of(row) if compared(name) in wanted}
    alone = set(client_registrations.registered_among(list(named))) if named else set()
    for name in (name for other, name in named.items() if other not in alone):
        raise Invalid(wanted[compared(name)], say("There is already an app with the name “%(name)s”.", name=name))


def _names_of(row: Client) -> tuple[str, ...]:
    return (row.name, *_names_in(row.metadata_).values())


def _names_in(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {member: name for member, name in metadata.items() if member.partition("#")[0] == "client_name"}


def _require_allowed(name: str, value: Any, former: Any) -> None:
    if name.partition("#")[0] in FREE:
        return
    if name not in BOUNDED or not _words(value) <= BOUNDED[name] | _words(former):
        raise Invalid(name, say("Only the installation administrator may change this."))


def _words(value: Any) -> set[Any]:
    return set(value.split() if isinstance(value, str) else value)
