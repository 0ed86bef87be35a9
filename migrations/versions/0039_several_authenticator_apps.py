"""several authenticator apps

A person may have up to five. Code of before reads one row for each person, so it cannot use these tables. Going back keeps
the first app of each person.
"""

from alembic import op
import sqlalchemy as sa


revision = '0039'
down_revision = '0038_from_0017'
branch_labels = None
depends_on = None

ACTIVE = sa.text('removed_at IS NULL')
FURTHER = """
UPDATE totp SET removed_at = active_since, sealed_secret = :nothing
WHERE removed_at IS NULL AND EXISTS (
    SELECT 1 FROM totp AS first
    WHERE first.organisation_id = totp.organisation_id AND first.user_id = totp.user_id
    AND first.removed_at IS NULL AND first.number < totp.number
)
"""


def upgrade() -> None:
    op.add_column('totp', sa.Column('number', sa.Integer(), server_default='1', nullable=False))
    op.add_column('totp', sa.Column('name', sa.String(length=60), server_default='', nullable=False))
    op.drop_index('uq_totp_active', table_name='totp')
    op.create_index(
        'uq_totp_number', 'totp', ['organisation_id', 'user_id', 'number'],
        unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE,
    )


def downgrade() -> None:
    op.execute(sa.text(FURTHER).bindparams(sa.bindparam('nothing', b'', sa.LargeBinary())))
    op.drop_index('uq_totp_number', table_name='totp')
    op.create_index(
        'uq_totp_active', 'totp', ['organisation_id', 'user_id'], unique=True, sqlite_where=ACTIVE, postgresql_where=ACTIVE
    )
    op.drop_column('totp', 'name')
    op.drop_column('totp', 'number')
