"""Show the secrets of an app: how old each is, who made it, when it was last used and when it ends."""

from dataclasses import dataclass
from datetime import datetime

from idp.errors import Message
from idp.oauth import secret_changes
from idp.oauth.client_metadata import accepted_methods
from idp.oauth.client_secrets import MOST_SECRETS, TOO_MANY
from idp.oauth.secret_changes import OVERLAPS, USUAL_OVERLAP
from idp.store import operators, users
from idp.store.client_secrets import ClientSecret
from idp.store.clients import Client, uses_secret
from idp.web.admin.audit import NOT_HERE, WITHOUT_NAME
from idp.web.admin.guard import Admin


@dataclass(frozen=True)
class Secret:
    """Hold a valid secret. ``made_by``: the name, or words; empty where it is not known. ``ends_at`` None: no end yet."""

    id: str
    made_at: datetime
    made_by: Message | str
    last_used_at: datetime | None
    ends_at: datetime | None


@dataclass(frozen=True)
class SecretPanel:
    """Hold the secrets, oldest first. ``methods``: how the app may prove itself. ``overlaps``: choices for a new secret.

    ``full``: why no more than these may work; None where there is room. ``are_used``: whether it proves itself by a secret;
    it may have one from before.
    """

    methods: tuple[str, ...]
    are_used: bool = True
    secrets: tuple[Secret, ...] = ()
    overlaps: tuple[tuple[str, Message], ...] = tuple((name, overlap.choice) for name, overlap in OVERLAPS.items())
    usual: str = USUAL_OVERLAP
    full: Message | None = None


def panel(admin: Admin, client: Client) -> SecretPanel:
    """Return the panel of an app. It names operators, and the people of those organisations that the reader manages."""
    found = secret_changes.valid_secrets(client.client_id)
    names = _names(admin, client, {row.made_by for row in found if row.made_by})
    return SecretPanel(
        accepted_methods(client.metadata_),
        uses_secret(client.metadata_),
        tuple(_secret(row, names) for row in found),
        full=TOO_MANY if len(found) >= MOST_SECRETS else None,
    )


def _names(admin: Admin, client: Client, ids: set[str]) -> dict[str, str]:
    if not ids - set(WITHOUT_NAME):
        return {}
    names = {operator.id: operator.username for operator in operators.operators()}
    managed = {client.managed_by, *client.organisations} if admin.is_operator else set()
    return names | users.usernames_in({admin.organisation.id, *managed}, ids)


def _secret(row: ClientSecret, names: dict[str, str]) -> Secret:
    by = names.get(row.made_by) or (WITHOUT_NAME.get(row.made_by, NOT_HERE) if row.made_by else "")
    return Secret(row.id, row.created_at, by, row.last_used_at, row.expires_at)
