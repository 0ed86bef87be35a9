"""epochs

The row of `epoch` says that this database may serve. A backup has none. `idp restore` adds one after it has voided what
may have been used or withdrawn since. Older code would not check for the row, so this migration names no older code that
may go on.
"""

from datetime import UTC, datetime

from alembic import op
import sqlalchemy as sa


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    epoch = op.create_table(
        'epoch',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('begun_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('backup_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_epoch')),
    )
    op.bulk_insert(epoch, [{'id': 1, 'begun_at': datetime.now(UTC), 'backup_at': None}])
    with op.batch_alter_table('totp', schema=None) as batch_op:
        batch_op.add_column(sa.Column('spent_until', sa.BigInteger(), nullable=False, server_default='0'))


def downgrade() -> None:
    with op.batch_alter_table('totp', schema=None) as batch_op:
        batch_op.drop_column('spent_until')
    op.drop_table('epoch')
