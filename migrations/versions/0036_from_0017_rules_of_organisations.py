"""rules of organisations

Administrators make dated rules for the people of their own organisation.
"""

from alembic import op
import sqlalchemy as sa


revision = '0036_from_0017'
down_revision = '0035_from_0017'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'organisation_rules',
        sa.Column('organisation_id', sa.String(length=26), nullable=False),
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('name', sa.String(length=100), nullable=False),
        sa.Column('name_key', sa.String(length=254), nullable=False),
        sa.Column('starts', sa.Date(), nullable=False),
        sa.Column('ends', sa.Date(), nullable=True),
        sa.Column('roles', JSON, nullable=False),
        sa.Column('groups', JSON, nullable=False),
        sa.Column('shops', JSON, nullable=False),
        sa.Column('clients', JSON, nullable=False),
        sa.ForeignKeyConstraint(
            ['organisation_id'],
            ['organisations.id'],
            name=op.f('fk_organisation_rules_organisation_id'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('organisation_id', 'id', name=op.f('pk_organisation_rules')),
    )
    op.add_column('organisations', sa.Column('has_rules', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index('uq_organisation_rules_name', 'organisation_rules', ['organisation_id', 'name_key'], unique=True)


def downgrade() -> None:
    op.drop_column('organisations', 'has_rules')
    op.drop_table('organisation_rules')
