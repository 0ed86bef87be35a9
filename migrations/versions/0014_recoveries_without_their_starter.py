"""recoveries without their starter"""

from alembic import op
import sqlalchemy as sa


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('owner_recoveries', schema=None) as batch_op:
        batch_op.drop_column('started_by')


def downgrade() -> None:
    with op.batch_alter_table('owner_recoveries', schema=None) as batch_op:
        batch_op.add_column(sa.Column('started_by', sa.String(length=40), nullable=False, server_default=''))
    with op.batch_alter_table('owner_recoveries', schema=None) as batch_op:
        batch_op.alter_column('started_by', server_default=None, existing_type=sa.String(length=40))
