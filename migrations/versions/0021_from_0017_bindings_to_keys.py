"""bindings to keys

Codes and grants name the key that they are bound to (RFC 9449), and the ids of proofs are kept until they would be too old.
"""

from alembic import op
import sqlalchemy as sa


revision = '0021_from_0017'
down_revision = '0020_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'spent_ids',
        sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
        sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('digest', name=op.f('pk_spent_ids')),
    )
    op.create_index('ix_spent_ids_expires', 'spent_ids', ['expires_at'])
    with op.batch_alter_table('authorization_codes', schema=None) as batch_op:
        batch_op.add_column(sa.Column('dpop_jkt', sa.String(length=43), nullable=False, server_default=''))
    with op.batch_alter_table('grants', schema=None) as batch_op:
        batch_op.add_column(sa.Column('bound_to', sa.String(length=60), nullable=False, server_default=''))


def downgrade() -> None:
    with op.batch_alter_table('grants', schema=None) as batch_op:
        batch_op.drop_column('bound_to')
    with op.batch_alter_table('authorization_codes', schema=None) as batch_op:
        batch_op.drop_column('dpop_jkt')
    op.drop_index('ix_spent_ids_expires', table_name='spent_ids')
    op.drop_table('spent_ids')
