"""Grants (user × client × scopes × proofs) with their authorization codes and refresh tokens.

Revoking a grant revokes all that was issued for it. Codes and tokens are found by ``(organisation_id, digest)``; the bearer
string names the organisation (``crypto.new_bearer``).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Select,
    String,
    Text,
    Update,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from idp.db import Base, Id
from idp.rows import add
from idp.statements import asks_every, asks_one, changes, claims
from idp.store.consents import Consent
from idp.store.organisation_states import is_open
from idp.store.sessions import UserSession
from idp.store.users import User

HOLDS = text("revoked_at IS NULL")
REVOKED = text("revoked_at IS NOT NULL")
HAS_SUCCESSOR = text("sealed_successor <> ''")


class Grant(Base):
    """What a user granted a client in one authorization. ``proofs`` and ``asked`` (acr names) are copies of that moment."""

    __tablename__ = "grants"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "user_id"], ["users.organisation_id", "users.id"], ondelete="CASCADE"),
        Index("ix_grants_user", "organisation_id", "user_id"),
        Index("ix_grants_login", "organisation_id", "login_id"),
        Index("ix_grants_client", "client_id", sqlite_where=HOLDS, postgresql_where=HOLDS),
        Index("ix_grants_ends", "ends_at"),
        Index("ix_grants_revoked", "revoked_at", sqlite_where=REVOKED, postgresql_where=REVOKED),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id)
    client_id: Mapped[str] = mapped_column(String(200))
    login_id: Mapped[str] = mapped_column(Id)
    scopes: Mapped[list[str]] = mapped_column(default=list)
    proofs: Mapped[list[Any]] = mapped_column(default=list)
    asked: Mapped[list[str]] = mapped_column(default=list)
    claims: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """Names from the ``claims`` request parameter (OpenID Connect Core §5.5), by section: ``{"id_token": ["email"]}``."""
    details: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    """The authorization details (RFC 9396) that the person allowed."""
    made_by: Mapped[str] = mapped_column(String(60), default="authorization_code", server_default="authorization_code")
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_why: Mapped[str] = mapped_column(String(40), default="")
    bound_to: Mapped[str] = mapped_column(String(60), default="", server_default="")
    """The key without which the refresh tokens of a public client are of no use (RFC 9449 §5): ``jkt:…``."""


class AuthorizationCode(Base):
    """A code, good for one redemption (RFC 6749 §4.1.2)."""

    __tablename__ = "authorization_codes"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "grant_id"], ["grants.organisation_id", "grants.id"], ondelete="CASCADE"),
        Index("ix_authorization_codes_grant", "organisation_id", "grant_id"),
        Index("ix_authorization_codes_expires", "expires_at"),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    grant_id: Mapped[str] = mapped_column(Id)
    client_id: Mapped[str] = mapped_column(String(200))
    redirect_uri: Mapped[str] = mapped_column(Text)
    redirect_uri_sent: Mapped[bool] = mapped_column(default=True)
    code_challenge: Mapped[str] = mapped_column(String(128))
    nonce: Mapped[str | None] = mapped_column(Text)
    claims: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Those of its grant, for servers of the earlier release; the next release drops them."""
    dpop_jkt: Mapped[str] = mapped_column(String(43), default="", server_default="")
    """The thumbprint of the key that must redeem it (RFC 9449 §10)."""
    expires_at: Mapped[datetime]
    redeemed_at: Mapped[datetime | None]


class RefreshToken(Base):
    """A refresh token. A public client's is rotated: the used one keeps its successor sealed for a few seconds."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        ForeignKeyConstraint(["organisation_id", "grant_id"], ["grants.organisation_id", "grants.id"], ondelete="CASCADE"),
        Index("ix_refresh_tokens_grant", "organisation_id", "grant_id"),
        Index("ix_refresh_tokens_successor", "used_at", sqlite_where=HAS_SUCCESSOR, postgresql_where=HAS_SUCCESSOR),
    )

    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    grant_id: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    idle_until: Mapped[datetime]
    used_at: Mapped[datetime | None]
    sealed_successor: Mapped[str] = mapped_column(Text, default="")


def add_grant(row: Grant) -> None:
    """Insert a grant."""
    add(row)


@asks_one
def grant(organisation_id: str, grant_id: str) -> Select[Grant]:
    """Return a grant by its id, revoked or not."""
    return select(Grant).where(Grant.organisation_id == organisation_id, Grant.id == grant_id)


@asks_one
def standing(organisation_id: str, grant_id: str) -> Select[Grant, User, UserSession | None, Consent | None]:
    """Return a grant with its user, its session (which may have been swept) and the person's consent to its client.

    One statement: it is what the gate judges at every use of the grant.
    """
    is_its = (Consent.organisation_id == Grant.organisation_id) & (Consent.user_id == Grant.user_id)
    is_consent = is_its & (Consent.client_id == Grant.client_id) & Consent.revoked_at.is_(None)
    return (
        select(Grant, User, UserSession, Consent)
        .join(User, (User.organisation_id == Grant.organisation_id) & (User.id == Grant.user_id))
        .outerjoin(UserSession, (UserSession.organisation_id == Grant.organisation_id) & (UserSession.id == Grant.login_id))
        .outerjoin(Consent, is_consent)
        .where(Grant.organisation_id == organisation_id, Grant.id == grant_id, is_open(organisation_id, Grant.created_at))
    )


@asks_every
def held_of(organisation_id: str, user_id: str, now: datetime) -> Select[str, list[str], datetime, datetime]:
    """Return client and scopes of a user's active grants, each pair once: first granted, last used.

    A till may hold thousands of grants of one client with the same scopes.
    """
    used = func.max(func.coalesce(Grant.last_used_at, Grant.created_at))
    theirs = (Grant.organisation_id == organisation_id, Grant.user_id == user_id, is_open(organisation_id, Grant.created_at))
    return (
        select(Grant.client_id, Grant.scopes, func.min(Grant.created_at), used)
        .where(*theirs, Grant.revoked_at.is_(None), Grant.ends_at > now)
        .group_by(Grant.client_id, Grant.scopes)
    )


@claims
def revoke_grant(organisation_id: str, grant_id: str, now: datetime, why: str) -> Update:
    """Revoke a grant, once."""
    here = (Grant.organisation_id == organisation_id, Grant.id == grant_id, Grant.revoked_at.is_(None))
    return update(Grant).where(*here).values(revoked_at=now, revoked_why=why)


@changes
def note_grant_use(organisation_id: str, grant_id: str, now: datetime) -> Update:
    """Note that the grant was refreshed."""
    here = (Grant.organisation_id == organisation_id, Grant.id == grant_id)
    return update(Grant).where(*here).values(last_used_at=now)


@changes
def bind_grant(organisation_id: str, grant_id: str, bound_to: str) -> Update:
    """Bind the refresh tokens of a grant to a key."""
    return update(Grant).where(Grant.organisation_id == organisation_id, Grant.id == grant_id).values(bound_to=bound_to)


def add_code(row: AuthorizationCode) -> None:
    """Insert an authorization code."""
    add(row)


@asks_one
def code_of(organisation_id: str, digest: bytes) -> Select[AuthorizationCode]:
    """Return a code by its digest, redeemed or not."""
    return select(AuthorizationCode).where(
        AuthorizationCode.organisation_id == organisation_id, AuthorizationCode.digest == digest
    )


@claims
def burn_code(organisation_id: str, digest: bytes, now: datetime) -> Update:
    """Redeem a code: one conditional UPDATE, before anything is minted."""
    here = (
        AuthorizationCode.organisation_id == organisation_id,
        AuthorizationCode.digest == digest,
        AuthorizationCode.redeemed_at.is_(None),
        AuthorizationCode.expires_at > now,
    )
    return update(AuthorizationCode).where(*here).values(redeemed_at=now)


def add_refresh_token(row: RefreshToken) -> None:
    """Insert a refresh token."""
    add(row)


@asks_one
def refresh_token_of(organisation_id: str, digest: bytes) -> Select[RefreshToken]:
    """Return a refresh token by its digest, used or not."""
    return select(RefreshToken).where(RefreshToken.organisation_id == organisation_id, RefreshToken.digest == digest)


@claims
def burn_refresh_token(organisation_id: str, digest: bytes, now: datetime, sealed_successor: str) -> Update:
    """Use up a rotated token, once, leaving its successor sealed for those who lost the answer."""
    here = (
        RefreshToken.organisation_id == organisation_id,
        RefreshToken.digest == digest,
        RefreshToken.used_at.is_(None),
        RefreshToken.idle_until > now,
    )
    return update(RefreshToken).where(*here).values(used_at=now, sealed_successor=sealed_successor)


@changes
def touch_refresh_token(organisation_id: str, digest: bytes, idle_until: datetime) -> Update:
    """Restart the idle time of a kept token that was used."""
    here = (RefreshToken.organisation_id == organisation_id, RefreshToken.digest == digest)
    return update(RefreshToken).where(*here).values(idle_until=idle_until)
