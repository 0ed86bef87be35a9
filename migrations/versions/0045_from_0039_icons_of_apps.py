"""icons of apps

The home page of a person shows the icons of their apps. The worker fetches them.
"""

from alembic import op
import sqlalchemy as sa


revision = '0045_from_0039'
down_revision = '0044_from_0039'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'app_icons',
        sa.Column('client_id', sa.String(length=200), nullable=False),
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('address', sa.String(length=2000), nullable=False),
        sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('image', sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ['client_id'], ['clients.client_id'], name=op.f('fk_app_icons_client_id'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('client_id', name=op.f('pk_app_icons')),
    )
    op.create_index('uq_app_icons_id', 'app_icons', ['id'], unique=True)


def downgrade() -> None:
    op.drop_table('app_icons')
