"""groups by name

A policy names groups of any organisation. The index finds one by its name.
"""

from alembic import op


revision = '0030_from_0017'
down_revision = '0029_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_groups_of_all', 'groups', ['name'])


def downgrade() -> None:
    op.drop_index('ix_groups_of_all', table_name='groups')
