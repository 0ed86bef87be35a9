"""approvals

An app asks for a person's approval, and is told of the decision instead of polling for it (OpenID CIBA).
"""

from alembic import op
import sqlalchemy as sa


revision = '0025_from_0017'
down_revision = '0024_from_0017'
branch_labels = None
depends_on = None

PINGS = sa.text('ping_due_at IS NOT NULL')


def upgrade() -> None:
    op.add_column('polled_requests', sa.Column('kind', sa.String(length=10), server_default='device', nullable=False))
    op.add_column('polled_requests', sa.Column('user_id', sa.String(length=26), nullable=True))
    op.add_column('polled_requests', sa.Column('sealed_ping', sa.Text(), server_default='', nullable=False))
    op.add_column('polled_requests', sa.Column('ping_due_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_polled_requests_person', 'polled_requests', ['organisation_id', 'user_id', 'expires_at'])
    due = ['client_id', 'ping_due_at']
    op.create_index('ix_polled_requests_ping', 'polled_requests', due, sqlite_where=PINGS, postgresql_where=PINGS)


def downgrade() -> None:
    op.drop_index('ix_polled_requests_ping', 'polled_requests')
    op.drop_index('ix_polled_requests_person', 'polled_requests')
    op.execute("DELETE FROM polled_requests WHERE kind <> 'device'")
    for column in ('ping_due_at', 'sealed_ping', 'user_id', 'kind'):
        op.drop_column('polled_requests', column)
