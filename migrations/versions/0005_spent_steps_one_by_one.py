"""record each spent step of a one-time code in a row of its own"""

from alembic import op
import sqlalchemy as sa


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

# Keep the last accepted step spent: give it a row if it has none.
TAKE_OVER = """
INSERT INTO spent_steps (organisation_id, totp_id, step, spent_at)
SELECT organisation_id, id, last_step, COALESCE(last_used_at, active_since) FROM totp
WHERE last_step > 0 AND NOT EXISTS (
    SELECT 1 FROM spent_steps
    WHERE spent_steps.organisation_id = totp.organisation_id
    AND spent_steps.totp_id = totp.id AND spent_steps.step = totp.last_step
)
"""
GIVE_BACK = """
UPDATE totp SET last_step = COALESCE((
    SELECT MAX(step) FROM spent_steps
    WHERE spent_steps.organisation_id = totp.organisation_id AND spent_steps.totp_id = totp.id
), 0)
"""


def upgrade() -> None:
    op.execute(TAKE_OVER)
    with op.batch_alter_table('totp', schema=None) as batch_op:
        batch_op.drop_column('last_step')


def downgrade() -> None:
    with op.batch_alter_table('totp', schema=None) as batch_op:
        batch_op.add_column(sa.Column('last_step', sa.BigInteger(), nullable=False, server_default='0'))
    with op.batch_alter_table('totp', schema=None) as batch_op:
        batch_op.alter_column('last_step', server_default=None, existing_type=sa.BigInteger())
    op.execute(GIVE_BACK)
