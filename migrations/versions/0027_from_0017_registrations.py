"""registrations

Apps may register themselves (RFC 7591) and change their registration (RFC 7592).
"""

from alembic import op
import sqlalchemy as sa


revision = '0027_from_0017'
down_revision = '0026_from_0017'
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), 'postgresql')


def upgrade() -> None:
    op.create_table(
        'registration_tokens',
        sa.Column('id', sa.String(length=26), nullable=False),
        sa.Column('name', sa.String(length=200), nullable=False),
        sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
        sa.Column('grant_types', JSON, nullable=False),
        sa.Column('scopes', JSON, nullable=False),
        sa.Column('organisations', JSON, nullable=False),
        sa.Column('uses_left', sa.Integer(), nullable=True),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_registration_tokens')),
    )
    op.create_index('uq_registration_tokens_digest', 'registration_tokens', ['digest'], unique=True)
    op.create_table(
        'client_registrations',
        sa.Column('client_id', sa.String(length=200), nullable=False),
        sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
        sa.Column('grant_types', JSON, nullable=False),
        sa.Column('scopes', JSON, nullable=False),
        sa.Column('token_id', sa.String(length=26), nullable=False),
        sa.Column('registered_at', sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ['client_id'], ['clients.client_id'], name=op.f('fk_client_registrations_client_id'), ondelete='CASCADE'
        ),
        sa.PrimaryKeyConstraint('client_id', name=op.f('pk_client_registrations')),
    )


def downgrade() -> None:
    op.drop_table('client_registrations')
    op.drop_index('uq_registration_tokens_digest', 'registration_tokens')
    op.drop_table('registration_tokens')
