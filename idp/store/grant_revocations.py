"""Revoke grants by what they hang on: a session, a user, a client, or both."""

from datetime import datetime

from sqlalchemy import ColumnElement, Text, Update, cast, select, update

from idp.batches import change_some
from idp.statements import changes
from idp.store.clients import Client
from idp.store.grants import Grant


@changes
def revoke_grants_of_session(organisation_id: str, login_id: str, now: datetime, why: str) -> Update:
    """Revoke the grants of a session that ends."""
    return _revoke(Grant.organisation_id == organisation_id, Grant.login_id == login_id, now=now, why=why)


@changes
def revoke_grants_of_signed_out(organisation_id: str, login_id: str, now: datetime, why: str) -> Update:
    """Revoke the grants of a session whose person signs out.

    Those with ``offline_access`` of a client that is registered to keep it stay (Back-Channel Logout §2.7).
    """
    keeps = select(Client.client_id).where(Client.metadata_["offline_access_survives_logout"].as_boolean())
    is_kept = cast(Grant.scopes, Text).like('%"offline_access"%') & Grant.client_id.in_(keeps)
    return _revoke(Grant.organisation_id == organisation_id, Grant.login_id == login_id, ~is_kept, now=now, why=why)


@changes
def revoke_grants_of_user(
    organisation_id: str, user_id: str, now: datetime, why: str, *, but_not_session: str | None = None
) -> Update:
    """Revoke the grants of a user, but for those of one session, if given."""
    here = [Grant.organisation_id == organisation_id, Grant.user_id == user_id]
    here += [Grant.login_id != but_not_session] if but_not_session is not None else []
    return _revoke(*here, now=now, why=why)


@changes
def revoke_grants_for_client(organisation_id: str, user_id: str, client_id: str, now: datetime, why: str) -> Update:
    """Revoke what a user allowed a client."""
    here = (Grant.organisation_id == organisation_id, Grant.user_id == user_id, Grant.client_id == client_id)
    return _revoke(*here, now=now, why=why)


def revoke_grants_of_client(client_id: str, now: datetime, why: str, most: int) -> int:
    """Revoke at most ``most`` grants of a client that is removed, in all organisations. Returns how many it revoked."""
    here = (Grant.client_id == client_id) & Grant.revoked_at.is_(None)
    return change_some(Grant, here, most, revoked_at=now, revoked_why=why)


def _revoke(*here: ColumnElement[bool], now: datetime, why: str) -> Update:
    return update(Grant).where(*here, Grant.revoked_at.is_(None)).values(revoked_at=now, revoked_why=why)
