"""people without accents

People are found by words without accents. The worker writes the words of those again whose names have other letters than
ASCII: their search text is forgotten here. Until then, a search reads their names themselves.
"""

from alembic import op


revision = '0043_from_0039'
down_revision = '0042_from_0039'
branch_labels = None
depends_on = None

LENGTHS = {
    'sqlite': 'length(CAST(search_text AS BLOB)) <> length(search_text)',
    'postgresql': 'octet_length(search_text) <> char_length(search_text)',
}
"""Match a text with other letters than ASCII: they take several bytes of UTF-8."""


def upgrade() -> None:
    _forget()


def downgrade() -> None:
    _forget()


def _forget() -> None:
    op.execute(f'UPDATE users SET search_text = NULL WHERE {LENGTHS[op.get_bind().dialect.name]}')
