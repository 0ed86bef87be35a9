"""entries in authenticator apps"""

from alembic import op
import sqlalchemy as sa


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('totp', schema=None) as batch_op:
        batch_op.add_column(sa.Column('issuer', sa.String(length=64), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('label', sa.String(length=96), nullable=False, server_default=''))
    with op.batch_alter_table('totp', schema=None) as batch_op:
        batch_op.alter_column('issuer', server_default=None, existing_type=sa.String(length=64))
        batch_op.alter_column('label', server_default=None, existing_type=sa.String(length=96))


def downgrade() -> None:
    with op.batch_alter_table('totp', schema=None) as batch_op:
        batch_op.drop_column('label')
        batch_op.drop_column('issuer')
