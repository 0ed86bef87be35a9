"""passwords that are blocked"""

from alembic import op
import sqlalchemy as sa


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('leaked_found_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('barred_hash', sa.String(length=255), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_column('barred_hash')
        batch_op.drop_column('leaked_found_at')
