"""compared forms of usernames, shop codes and group names"""

import re
import unicodedata

from alembic import op
import sqlalchemy as sa


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

# As `idp.normal_forms.compared` was at this release.
INVISIBLE = re.compile('[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0000-\U000e0fff]')
users = sa.table('users', *(sa.column(name, sa.String()) for name in ('organisation_id', 'id', 'username_key', 'email_key')))
shops = sa.table('shops', *(sa.column(name, sa.String()) for name in ('organisation_id', 'id', 'code', 'code_key')))
groups = sa.table('groups', *(sa.column(name, sa.String()) for name in ('organisation_id', 'id', 'name', 'name_key')))


def upgrade() -> None:
    _add_key('shops', shops, 'uq_shops_code', 'code', 'code_key', 90)
    _add_key('groups', groups, 'uq_groups_name', 'name', 'name_key', 254)
    _renew_keys_of_users()


def downgrade() -> None:
    for table, index, old, new in (('groups', 'uq_groups_name', 'name', 'name_key'), ('shops', 'uq_shops_code', 'code', 'code_key')):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_index(index)
            batch_op.create_index(index, ['organisation_id', old], unique=True)
            batch_op.drop_column(new)


def _add_key(table: str, rows: sa.TableClause, index: str, old: str, new: str, length: int) -> None:
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.add_column(sa.Column(new, sa.String(length=length), nullable=False, server_default=''))
    taken = set()
    for row in _all(rows, rows.c[old]):
        key = _compared(getattr(row, old))[:length]
        if (row.organisation_id, key) in taken:  # a look-alike of an earlier row gets a key that nobody can type
            key = f'{key[:length - 28]}\n{row.id}'
        taken.add((row.organisation_id, key))
        _write(rows, row, {new: key})
    with op.batch_alter_table(table, schema=None) as batch_op:
        batch_op.alter_column(new, server_default=None, existing_type=sa.String(length=length))
        batch_op.drop_index(index)
        batch_op.create_index(index, ['organisation_id', new], unique=True)


def _renew_keys_of_users() -> None:
    """Remove invisible characters from a key, unless the result is taken: `idp doctor` lists those rows."""
    found = _all(users, users.c.username_key)
    taken = {(row.organisation_id, row.username_key) for row in found}
    for row in found:
        email_key = _compared(row.email_key) if row.email_key else row.email_key
        username_key = _compared(row.username_key)
        if not username_key or (row.organisation_id, username_key) in taken:
            username_key = row.username_key
        if (username_key, email_key) != (row.username_key, row.email_key):
            taken.add((row.organisation_id, username_key))
            _write(users, row, {'username_key': username_key, 'email_key': email_key})


def _all(table: sa.TableClause, ordered_by: sa.ColumnElement[str]) -> list[sa.Row]:
    return list(op.get_bind().execute(sa.select(table).order_by(ordered_by, table.c.id)).all())


def _write(table: sa.TableClause, row: sa.Row, columns: dict[str, str | None]) -> None:
    here = (table.c.organisation_id == row.organisation_id, table.c.id == row.id)
    op.get_bind().execute(table.update().where(*here).values(**columns))


def _visible(text: str) -> str:
    return ''.join(letter for letter in INVISIBLE.sub('', text) if unicodedata.category(letter) != 'Cf')


def _compared(text: str) -> str:
    folded = unicodedata.normalize('NFKC', _visible(text)).casefold()
    return ' '.join(_visible(unicodedata.normalize('NFKC', folded)).split())
