"""levels that operators demand

Administrators may not choose a lower level for an app that they manage. What it has now counts as demanded.
"""

from alembic import op
import sqlalchemy as sa


revision = '0042_from_0039'
down_revision = '0041_from_0039'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('clients', sa.Column('least_acr', sa.String(length=100), server_default='', nullable=False))
    op.execute("UPDATE clients SET least_acr = minimum_acr WHERE managed_by <> ''")


def downgrade() -> None:
    op.drop_column('clients', 'least_acr')
