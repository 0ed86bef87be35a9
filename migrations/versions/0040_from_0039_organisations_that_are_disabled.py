"""organisations that are disabled

An operator disables an organisation: nobody signs in there until it is enabled again.
"""

from alembic import op
import sqlalchemy as sa


revision = '0040_from_0039'
down_revision = '0039'
branch_labels = None
depends_on = None

DISABLED = sa.text('disabled_at IS NOT NULL')


def upgrade() -> None:
    for name in ('disabled_at', 'enabled_at'):
        op.add_column('organisations', sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        'ix_organisations_disabled', 'organisations', ['id'], sqlite_where=DISABLED, postgresql_where=DISABLED
    )


def downgrade() -> None:
    op.drop_index('ix_organisations_disabled', 'organisations')
    for name in ('enabled_at', 'disabled_at'):
        op.drop_column('organisations', name)
