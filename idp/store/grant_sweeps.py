"""Delete grants, codes and refresh tokens that are over, in small batches."""

from datetime import datetime

from sqlalchemy import ColumnElement, Delete, delete, select

from idp.batches import change_some
from idp.statements import changes, delete_some, some_of, values
from idp.store.grants import HAS_SUCCESSOR, AuthorizationCode, Grant, RefreshToken


def sweep_grants(before: datetime, most: int) -> int:
    """Delete grants that were over before ``before``, their tokens and codes first: a grant may have thousands."""
    swept = _sweep_with_tokens(Grant.ends_at < before, most)
    return swept + (_sweep_with_tokens(Grant.revoked_at < before, most - swept) if swept < most else 0)


def _sweep_with_tokens(is_over: ColumnElement[bool], most: int) -> int:
    over = select(Grant.organisation_id, Grant.id).where(is_over).limit(most)
    found, swept = values(over.with_for_update(skip_locked=True)), 0
    for organisation_id, grant_id in found:
        for delete_its in (_delete_tokens, _delete_codes):
            swept += delete_its(organisation_id, grant_id, most - swept) if swept < most else 0
        swept += _delete_grant(organisation_id, grant_id) if swept < most else 0
    return swept


@changes
def _delete_tokens(organisation_id: str, grant_id: str, most: int) -> Delete:
    here = (RefreshToken.organisation_id == organisation_id) & (RefreshToken.grant_id == grant_id)
    return delete(RefreshToken).where(some_of(RefreshToken, here, most))


@changes
def _delete_codes(organisation_id: str, grant_id: str, most: int) -> Delete:
    here = (AuthorizationCode.organisation_id == organisation_id) & (AuthorizationCode.grant_id == grant_id)
    return delete(AuthorizationCode).where(some_of(AuthorizationCode, here, most))


@changes
def _delete_grant(organisation_id: str, grant_id: str) -> Delete:
    return delete(Grant).where(Grant.organisation_id == organisation_id, Grant.id == grant_id)


def sweep_codes(before: datetime, most: int) -> int:
    """Delete codes that expired before ``before``."""
    return delete_some(AuthorizationCode, AuthorizationCode.expires_at < before, most)


def wipe_successors(before: datetime, most: int) -> int:
    """Wipe sealed successors of tokens used before ``before``: the grace is over."""
    return change_some(RefreshToken, (RefreshToken.used_at < before) & HAS_SUCCESSOR, most, sealed_successor="")
