"""use of client secrets

The console and the command line show for each secret of an app who made it and when it was last used.
"""

from alembic import op
import sqlalchemy as sa

import idp.db


revision = '0031_from_0017'
down_revision = '0030_from_0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('client_secrets', sa.Column('made_by', sa.String(length=26), server_default='', nullable=False))
    op.add_column('client_secrets', sa.Column('last_used_at', idp.db.Moment(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column('client_secrets', 'last_used_at')
    op.drop_column('client_secrets', 'made_by')
