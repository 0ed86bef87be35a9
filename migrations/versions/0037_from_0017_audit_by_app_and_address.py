"""audit by app and address

The console finds events by the app and by the IP address.
"""

from alembic import op
import sqlalchemy as sa


revision = '0037_from_0017'
down_revision = '0036_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name, column in (('ix_audit_client', 'client_id'), ('ix_audit_address', 'address')):
        there = sa.text(f"{column} <> ''")
        columns = ['organisation_id', column, 'at', 'seq']
        op.create_index(name, 'audit', columns, sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    op.drop_index('ix_audit_address', table_name='audit')
    op.drop_index('ix_audit_client', table_name='audit')
