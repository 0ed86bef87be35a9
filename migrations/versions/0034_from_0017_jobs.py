"""jobs

The worker carries long work out, line by line. Lines hold personal data, and are sealed.
"""

from alembic import op
import sqlalchemy as sa


revision = '0034_from_0017'
down_revision = '0033_from_0017'
branch_labels = None
depends_on = None
DUE = sa.text("state IN ('waiting', 'running')")
UNSEEN = sa.text('codes_until IS NOT NULL AND codes_shown_at IS NULL')
WITH_CODE = sa.text("sealed_code <> ''")


def upgrade() -> None:
    op.create_table(
        'jobs',
        sa.Column('organisation_id', sa.String(26), nullable=False),
        sa.Column('id', sa.String(26), nullable=False),
        sa.Column('kind', sa.String(20), nullable=False),
        sa.Column('state', sa.String(10), nullable=False),
        sa.Column('created_by', sa.String(26), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('digest', sa.LargeBinary(32), nullable=False),
        sa.Column('total', sa.Integer(), nullable=False),
        sa.Column('done', sa.Integer(), nullable=False),
        sa.Column('prints_codes', sa.Boolean(), nullable=False),
        sa.Column('codes_until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('codes_shown_at', sa.DateTime(timezone=True), nullable=True),
        sa.Column('leased_until', sa.DateTime(timezone=True), nullable=True),
        sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['organisation_id'], ['organisations.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('organisation_id', 'id'),
    )
    op.create_index('ix_jobs_list', 'jobs', ['organisation_id', 'created_at'])
    op.create_index('ix_jobs_due', 'jobs', ['created_at'], sqlite_where=DUE, postgresql_where=DUE)
    op.create_index('ix_jobs_created', 'jobs', ['created_at'])
    op.create_index('ix_jobs_unseen', 'jobs', ['codes_until'], sqlite_where=UNSEEN, postgresql_where=UNSEEN)
    op.create_table(
        'job_lines',
        sa.Column('organisation_id', sa.String(26), nullable=False),
        sa.Column('id', sa.String(26), nullable=False),
        sa.Column('job_id', sa.String(26), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('outcome', sa.String(10), nullable=False),
        sa.Column('sealed', sa.Text(), nullable=False),
        sa.Column('sealed_code', sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ['organisation_id', 'job_id'], ['jobs.organisation_id', 'jobs.id'], ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('organisation_id', 'id'),
    )
    op.create_index(
        'uq_job_lines_position', 'job_lines', ['organisation_id', 'job_id', 'position'], unique=True
    )
    op.create_index('ix_job_lines_outcome', 'job_lines', ['organisation_id', 'job_id', 'outcome', 'position'])
    op.create_index(
        'ix_job_lines_code', 'job_lines', ['organisation_id', 'job_id'],
        sqlite_where=WITH_CODE, postgresql_where=WITH_CODE,
    )


def downgrade() -> None:
    op.drop_table('job_lines')
    op.drop_table('jobs')
