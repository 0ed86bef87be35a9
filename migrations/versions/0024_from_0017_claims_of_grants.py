"""claims of grants

A grant keeps which claims its request named for the ID token (OpenID Connect Core §5.5), so that refreshing gives them too.
"""

from alembic import op
import sqlalchemy as sa


revision = '0024_from_0017'
down_revision = '0023_from_0017'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), 'postgresql')


def upgrade() -> None:
    op.add_column('grants', sa.Column('claims', JSON, server_default='{}', nullable=False))


def downgrade() -> None:
    op.drop_column('grants', 'claims')
