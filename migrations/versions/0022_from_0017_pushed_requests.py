"""pushed requests

An app sends its authorization request itself and gets a short reference, which the browser then brings (RFC 9126).
"""

from alembic import op
import sqlalchemy as sa


revision = '0022_from_0017'
down_revision = '0021_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'pushed_requests',
        sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
        sa.Column('client_id', sa.String(length=200), nullable=False),
        sa.Column('sealed', sa.Text(), nullable=False),
        sa.Column('browser_id', sa.String(length=26), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('digest', name=op.f('pk_pushed_requests')),
    )
    op.create_index('ix_pushed_requests_expires', 'pushed_requests', ['expires_at'])


def downgrade() -> None:
    op.drop_table('pushed_requests')
