"""people to tell of a restore

Each row is a person that the worker still has to tell by mail that the installation was restored from a backup.
"""

from alembic import op
import sqlalchemy as sa


revision = '0019_from_0017'
down_revision = '0018_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'restore_notices',
        sa.Column('organisation_id', sa.String(length=26), nullable=False),
        sa.Column('user_id', sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ['organisation_id', 'user_id'],
            ['users.organisation_id', 'users.id'],
            name=op.f('fk_restore_notices_organisation_id_user_id'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('organisation_id', 'user_id', name=op.f('pk_restore_notices')),
    )


def downgrade() -> None:
    op.drop_table('restore_notices')
