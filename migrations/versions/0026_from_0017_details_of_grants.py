"""details of grants

A grant keeps the authorization details (RFC 9396) that a person allowed.
"""

from alembic import op
import sqlalchemy as sa


revision = '0026_from_0017'
down_revision = '0025_from_0017'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), 'postgresql')


def upgrade() -> None:
    op.add_column('grants', sa.Column('details', JSON, server_default='[]', nullable=False))


def downgrade() -> None:
    op.drop_column('grants', 'details')
