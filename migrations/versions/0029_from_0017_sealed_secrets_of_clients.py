"""sealed secrets of clients

A client that signs with its secret (client_secret_jwt) needs the secret itself, sealed beside its digest.
"""

from alembic import op
import sqlalchemy as sa


revision = '0029_from_0017'
down_revision = '0028_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('client_secrets', sa.Column('sealed', sa.Text(), server_default='', nullable=False))


def downgrade() -> None:
    op.drop_column('client_secrets', 'sealed')
