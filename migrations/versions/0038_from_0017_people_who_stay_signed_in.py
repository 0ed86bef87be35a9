"""people who stay signed in

A session lasts as long as the organisation offers, where the person chose to stay signed in on their device.
"""

from alembic import op
import sqlalchemy as sa


revision = '0038_from_0017'
down_revision = '0037_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('sessions', sa.Column('stays', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column('sessions', 'stays')
