"""no unkeyed digests of names

Counters of guesses at names that nobody has, and of mails that were asked for, had an unkeyed digest of what was typed as
their key. Nothing can turn it into a keyed one, so these counters begin again.
"""

from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DELETE FROM failures WHERE length(user_id) = 64")
    op.execute("DELETE FROM address_failures WHERE purpose = 'mails-for'")


def downgrade() -> None:
    # The older code does not find the keyed ones, and reads no sealed request of a sign-in in progress.
    upgrade()
    op.execute("DELETE FROM attempts")
