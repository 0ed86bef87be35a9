"""last days of access

A person's access may end by itself after a day. The index finds those whose day has passed.
"""

from alembic import op
import sqlalchemy as sa


revision = '0032_from_0017'
down_revision = '0031_from_0017'
branch_labels = None
depends_on = None
ENDING = sa.text('valid_until IS NOT NULL AND access_ended_at IS NULL')


def upgrade() -> None:
    op.add_column('users', sa.Column('valid_until', sa.Date(), nullable=True))
    op.add_column('users', sa.Column('access_ended_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        'ix_users_ending', 'users', ['organisation_id', 'valid_until'], sqlite_where=ENDING, postgresql_where=ENDING
    )


def downgrade() -> None:
    op.drop_index('ix_users_ending', table_name='users')
    op.drop_column('users', 'access_ended_at')
    op.drop_column('users', 'valid_until')
