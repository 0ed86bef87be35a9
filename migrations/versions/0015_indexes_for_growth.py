"""indexes for growth

Sweeps, lists and foreign keys find their rows by an index, however many people, sessions and organisations there are.
"""

from alembic import op
import sqlalchemy as sa


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

INDEXES = [
    ('attempts', 'ix_attempts_user', ['organisation_id', 'user_id'], 'user_id IS NOT NULL AND finished_at IS NULL'),
    ('authorization_codes', 'ix_authorization_codes_expires', ['expires_at'], None),
    ('authorization_codes', 'ix_authorization_codes_grant', ['organisation_id', 'grant_id'], None),
    ('browser_users', 'ix_browser_users_browser', ['browser_id', 'last_login_at'], None),
    ('browser_users', 'ix_browser_users_last', ['last_login_at'], None),
    ('browsers', 'ix_browsers_created', ['created_at'], None),
    ('browsers', 'ix_browsers_strangers', ['last_seen_at'], 'organisation_id IS NULL'),
    ('consents', 'ix_consents_client', ['client_id'], None),
    ('email_links', 'ix_email_links_purpose', ['organisation_id', 'purpose', 'created_at'], None),
    ('grants', 'ix_grants_client', ['client_id'], 'revoked_at IS NULL'),
    ('grants', 'ix_grants_ends', ['ends_at'], None),
    ('grants', 'ix_grants_revoked', ['revoked_at'], 'revoked_at IS NOT NULL'),
    ('outbox', 'ix_outbox_created', ['created_at', 'id'], None),
    ('outbox', 'ix_outbox_failed', ['failed_at'], 'failed_at IS NOT NULL'),
    ('outbox', 'ix_outbox_organisation', ['organisation_id', 'created_at', 'id'], None),
    ('outbox', 'ix_outbox_parked', ['expires_at'], "failed_at IS NOT NULL AND sealed_values <> ''"),
    ('owner_recoveries', 'ix_owner_recoveries_user', ['organisation_id', 'user_id'], None),
    ('password_resets', 'ix_password_resets_created', ['created_at', 'id'], None),
    ('recovery_sets', 'ix_recovery_sets_user', ['organisation_id', 'user_id'], None),
    ('refresh_tokens', 'ix_refresh_tokens_successor', ['used_at'], "sealed_successor <> ''"),
    ('remembered_devices', 'ix_remembered_devices_revoked', ['revoked_at'], 'revoked_at IS NOT NULL'),
    ('remembered_devices', 'ix_remembered_devices_until', ['until'], None),
    ('sessions', 'ix_sessions_ended', ['ended_at'], 'ended_at IS NOT NULL'),
    ('sessions', 'ix_sessions_ends', ['ends_at'], None),
    ('sessions', 'ix_sessions_started', ['organisation_id', 'started_at', 'id'], 'ended_at IS NULL'),
    ('totp', 'ix_totp_user', ['organisation_id', 'user_id'], None),
    ('totp_used_steps', 'ix_totp_used_steps_step', ['step'], None),
    ('user_shops', 'ix_user_shops_shop', ['organisation_id', 'shop_id'], None),
]
"""Table, name, columns, and the condition of a partial index."""


def upgrade() -> None:
    op.drop_index('ix_browser_users_browser', 'browser_users')
    for table, name, columns, where in INDEXES:
        _create(table, name, columns, where)
    _create('organisations', 'uq_organisations_installation', ['kind'], "kind = 'installation'", unique=True)


def downgrade() -> None:
    op.drop_index('uq_organisations_installation', 'organisations')
    for table, name, _, _ in reversed(INDEXES):
        op.drop_index(name, table)
    op.create_index('ix_browser_users_browser', 'browser_users', ['browser_id'])


def _create(table: str, name: str, columns: list[str], where: str | None, *, unique: bool = False) -> None:
    part = None if where is None else sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=part, postgresql_where=part)
