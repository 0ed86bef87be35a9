"""apps of administrators

Administrators may connect apps for their own organisation, where the operators allow it.
"""

from alembic import op
import sqlalchemy as sa


revision = '0035_from_0017'
down_revision = '0034_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('clients', sa.Column('managed_by', sa.String(length=26), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('clients', 'managed_by')
