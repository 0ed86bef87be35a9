"""no unkeyed digests of names

The key of a counter was an unkeyed digest of the typed text, for guesses at unknown names and for requested mails. It
cannot be turned into a keyed digest, so these counters start again.
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
    # Older code cannot find the keyed ones, and cannot read the sealed request of a sign-in in progress.
    upgrade()
    op.execute("DELETE FROM attempts")
