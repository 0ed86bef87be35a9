"""clients by manager

Administrators connect apps for their own organisation, so that clients grow with organisations. An organisation's pages read
its own clients and those of the operators by this index.
"""

from alembic import op


revision = '0044_from_0039'
down_revision = '0043_from_0039'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_clients_managed', 'clients', ['managed_by', 'client_id'])


def downgrade() -> None:
    op.drop_index('ix_clients_managed', 'clients')
