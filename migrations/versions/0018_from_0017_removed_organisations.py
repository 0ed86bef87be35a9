"""removed organisations

The worker finds organisations that were removed, and deletes what is left of them.
"""

from alembic import op
import sqlalchemy as sa


revision = '0018_from_0017'
down_revision = '0017_from_0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    part = sa.text("kind = 'removed'")
    op.create_index('ix_organisations_removed', 'organisations', ['id'], sqlite_where=part, postgresql_where=part)


def downgrade() -> None:
    op.execute("DELETE FROM organisations WHERE kind = 'removed'")  # former code would serve them
    op.drop_index('ix_organisations_removed', 'organisations')
