"""logout notices

The worker finds ended sessions, writes a notice for each app, and sends it (OpenID Connect Back-Channel Logout 1.0). Nobody
is told of a session that ended before: apps could not register for it.
"""

from alembic import op
import sqlalchemy as sa


revision = '0023_from_0017'
down_revision = '0022_from_0017'
branch_labels = None
depends_on = None

UNNOTED = sa.text('ended_at IS NOT NULL AND apps_noted_at IS NULL')
WAITS = sa.text('failed_at IS NULL')
TROUBLED = sa.text('tried_at IS NOT NULL')


def upgrade() -> None:
    op.add_column('sessions', sa.Column('apps_noted_at', sa.DateTime(timezone=True), nullable=True))
    op.execute('UPDATE sessions SET apps_noted_at = ended_at WHERE ended_at IS NOT NULL')
    op.create_index('ix_sessions_unnoted', 'sessions', ['ended_at'], sqlite_where=UNNOTED, postgresql_where=UNNOTED)
    op.create_table(
        'logout_notices',
        sa.Column('organisation_id', sa.String(length=26), nullable=False),
        sa.Column('session_id', sa.String(length=26), nullable=False),
        sa.Column('client_id', sa.String(length=200), nullable=False),
        sa.Column('user_id', sa.String(length=26), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('tried_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('failed_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('is_silent', sa.Boolean(), nullable=False),
        sa.Column('reason', sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint('organisation_id', 'session_id', 'client_id', name=op.f('pk_logout_notices')),
    )
    due, tried = ['client_id', 'due_at'], ['client_id', 'tried_at']
    op.create_index('ix_logout_notices_due', 'logout_notices', due, sqlite_where=WAITS, postgresql_where=WAITS)
    op.create_index('ix_logout_notices_troubled', 'logout_notices', tried, sqlite_where=TROUBLED, postgresql_where=TROUBLED)
    op.create_index('ix_logout_notices_created', 'logout_notices', ['created_at'])


def downgrade() -> None:
    op.drop_table('logout_notices')
    op.drop_index('ix_sessions_unnoted', 'sessions')
    op.drop_column('sessions', 'apps_noted_at')
