"""keep answers to forms until the browser fetches them"""

from alembic import op
import sqlalchemy as sa


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('stash',
    sa.Column('id', sa.String(length=26), nullable=False),
    sa.Column('browser_id', sa.String(length=26), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stash'))
    )
    with op.batch_alter_table('stash', schema=None) as batch_op:
        batch_op.create_index('ix_stash_browser', ['browser_id', 'created_at'], unique=False)
        batch_op.create_index('ix_stash_expires', ['expires_at'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('stash', schema=None) as batch_op:
        batch_op.drop_index('ix_stash_expires')
        batch_op.drop_index('ix_stash_browser')

    op.drop_table('stash')
