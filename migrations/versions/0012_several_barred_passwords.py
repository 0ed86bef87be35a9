"""several blocked passwords"""

from alembic import op
from sqlalchemy.dialects import postgresql
import sqlalchemy as sa


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

hashes = sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')
users = sa.table('users',
    sa.column('organisation_id', sa.String()),
    sa.column('id', sa.String()),
    sa.column('barred_hash', sa.String()),
    sa.column('barred_hashes', hashes),
)


def upgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('barred_hashes', hashes, nullable=False, server_default='[]'))
    for row in _rows(users.c.barred_hash.is_not(None), 'barred_hash'):
        _write(row, barred_hashes=[row.barred_hash])
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.alter_column('barred_hashes', server_default=None, existing_type=hashes)
        batch_op.drop_column('barred_hash')


def downgrade() -> None:
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.add_column(sa.Column('barred_hash', sa.String(length=255), nullable=True))
    for row in _rows(sa.cast(users.c.barred_hashes, sa.Text()) != '[]', 'barred_hashes'):
        _write(row, barred_hash=row.barred_hashes[-1])
    with op.batch_alter_table('users', schema=None) as batch_op:
        batch_op.drop_column('barred_hashes')


def _rows(condition: sa.ColumnElement[bool], column: str) -> list[sa.Row]:
    asked = sa.select(users.c.organisation_id, users.c.id, users.c[column]).where(condition)
    return list(op.get_bind().execute(asked).all())


def _write(row: sa.Row, **columns: object) -> None:
    here = (users.c.organisation_id == row.organisation_id, users.c.id == row.id)
    op.get_bind().execute(users.update().where(*here).values(**columns))
