"""states of people

Lists of people are filtered and sorted by an index: who has a second factor or a passkey, on which day somebody last signed
in, who is disabled, locked out, or without a verified address. A server of the previous release leaves the new columns as
they are. The next sign-in of the person puts them right.
"""

from alembic import op
import sqlalchemy as sa


revision = '0033_from_0017'
down_revision = '0032_from_0017'
branch_labels = None
depends_on = None

ACTIVE = "disabled_at IS NULL"
REACH = f"""CASE WHEN NOT {ACTIVE} THEN 'disabled' WHEN email_key IS NULL THEN 'no_email'
WHEN email_verified_at IS NULL THEN 'unverified' ELSE '' END"""
INDEXES = [
    ('users', 'ix_users_seen', ['organisation_id', 'seen_on', 'username_key'], None),
    ('users', 'ix_users_created', ['organisation_id', 'created_at', 'username_key'], None),
    ('users', 'ix_users_reach', ['organisation_id', 'reach', 'username_key'], None),
    ('users', 'ix_users_factor', ['organisation_id', 'has_factor', 'username_key'], ACTIVE),
    ('users', 'ix_users_passkey', ['organisation_id', 'has_passkey', 'username_key'], ACTIVE),
    (
        'auth_failures',
        'ix_auth_failures_locked',
        ['organisation_id', 'lane', 'user_id'],
        "lane = '*' AND blocked_until IS NOT NULL",
    ),
]
"""Table, name, columns, and the condition of a partial index."""
OF_USER = "organisation_id = users.organisation_id AND user_id = users.id AND removed_at IS NULL"
DAYS = {'sqlite': "date(last_login_at)", 'postgresql': "CAST(last_login_at AT TIME ZONE 'UTC' AS date)"}


def upgrade() -> None:
    op.add_column('users', sa.Column('seen_on', sa.Date(), server_default='1970-01-01', nullable=False))
    op.add_column('users', sa.Column('reach', sa.String(length=12), server_default='', nullable=False))
    op.add_column('users', sa.Column('has_factor', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('users', sa.Column('has_passkey', sa.Boolean(), server_default=sa.false(), nullable=False))
    has_app = f"EXISTS (SELECT 1 FROM totp WHERE {OF_USER})"
    has_passkey = f"EXISTS (SELECT 1 FROM passkeys WHERE {OF_USER})"
    op.execute(f"UPDATE users SET reach = {REACH}, has_factor = {has_app} OR {has_passkey}, has_passkey = {has_passkey}")
    day = DAYS[op.get_bind().dialect.name]
    op.execute(f"UPDATE users SET seen_on = {day} WHERE last_login_at IS NOT NULL")
    for table, name, columns, where in INDEXES:
        part = None if where is None else sa.text(where)
        op.create_index(name, table, columns, sqlite_where=part, postgresql_where=part)
    _index_shops('organisation_id', 'shop_id', 'user_id')


def downgrade() -> None:
    _index_shops('organisation_id', 'shop_id')
    for table, name, _, _ in INDEXES:
        op.drop_index(name, table)
    for column in ('has_passkey', 'has_factor', 'reach', 'seen_on'):
        op.drop_column('users', column)


def _index_shops(*columns: str) -> None:
    """Replace the index of the people of a shop."""
    op.drop_index('ix_user_shops_shop', 'user_shops')
    op.create_index('ix_user_shops_shop', 'user_shops', [*columns])
