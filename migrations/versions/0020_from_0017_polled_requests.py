"""polled requests

A device without a keyboard asks, a person approves in another browser, and the device polls for its tokens (RFC 8628). Grants
say by which grant type they were made: a client that loses that type loses them.
"""

from alembic import op
import sqlalchemy as sa


revision = '0020_from_0017'
down_revision = '0019_from_0017'
branch_labels = None
depends_on = None

CODE = 'authorization_code'


def upgrade() -> None:
    op.add_column('grants', sa.Column('made_by', sa.String(length=60), server_default=CODE, nullable=False))
    op.create_table(
        'polled_requests',
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
        sa.Column('user_code', sa.String(length=64), nullable=False),
        sa.Column('client_id', sa.String(length=200), nullable=False),
        sa.Column('parameters', sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), 'postgresql'), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('interval', sa.Integer(), nullable=False),
        sa.Column('polled_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('organisation_id', sa.String(length=26), nullable=True),
        sa.Column('grant_id', sa.String(length=26), nullable=True),
        sa.Column('redeemed_at', sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_polled_requests')),
    )
    op.create_index('uq_polled_requests_digest', 'polled_requests', ['digest'], unique=True)
    op.create_index('uq_polled_requests_user_code', 'polled_requests', ['user_code'], unique=True)
    op.create_index('ix_polled_requests_expires', 'polled_requests', ['expires_at'])


def downgrade() -> None:
    op.drop_table('polled_requests')
    op.execute(f"DELETE FROM grants WHERE made_by <> '{CODE}'")  # former code would judge them by another grant type
    op.drop_column('grants', 'made_by')
