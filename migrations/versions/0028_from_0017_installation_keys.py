"""installation keys

A key by which each sector of apps gets its own identifier for a person (OpenID Connect Core §8.1).
"""

from alembic import op
import sqlalchemy as sa


revision = '0028_from_0017'
down_revision = '0027_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'installation_keys',
        sa.Column('name', sa.String(length=40), nullable=False),
        sa.Column('sealed', sa.LargeBinary(), nullable=False),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_installation_keys')),
    )


def downgrade() -> None:
    op.drop_table('installation_keys')
