"""name tables as the code does

Eight tables get the names that the rest of the program uses, and so do their indexes and constraints. Values sealed under
the old names still open: what binds them to their rows is kept apart from the table's name. Three columns that nothing
reads are dropped.
"""

import re

from alembic import op
import sqlalchemy as sa


revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

NEW_NAMES = {
    'address_failures': 'ip_failures',
    'failures': 'auth_failures',
    'login_clients': 'session_clients',
    'logins': 'sessions',
    'mailed_links': 'email_links',
    'policies': 'dated_rules',
    'reset_requests': 'password_resets',
    'spent_steps': 'totp_used_steps',
}


def upgrade() -> None:
    _rename(NEW_NAMES)
    with op.batch_alter_table('browsers', schema=None) as batch_op:
        batch_op.drop_column('locale')
    with op.batch_alter_table('clients', schema=None) as batch_op:
        batch_op.drop_column('changed_at')
    with op.batch_alter_table('recovery_codes', schema=None) as batch_op:
        batch_op.drop_column('held_by')


def downgrade() -> None:
    with op.batch_alter_table('recovery_codes', schema=None) as batch_op:
        batch_op.add_column(sa.Column('held_by', sa.LargeBinary(length=32), nullable=True))
    with op.batch_alter_table('clients', schema=None) as batch_op:
        batch_op.add_column(sa.Column('changed_at', sa.DateTime(timezone=True), nullable=True))
    op.execute('UPDATE clients SET changed_at = created_at')
    with op.batch_alter_table('clients', schema=None) as batch_op:
        batch_op.alter_column('changed_at', nullable=False, existing_type=sa.DateTime(timezone=True))
    with op.batch_alter_table('browsers', schema=None) as batch_op:
        batch_op.add_column(sa.Column('locale', sa.String(length=10), nullable=False, server_default=''))
    with op.batch_alter_table('browsers', schema=None) as batch_op:
        batch_op.alter_column('locale', server_default=None, existing_type=sa.String(length=10))
    _rename({new: old for old, new in NEW_NAMES.items()})


def _rename(names: dict[str, str]) -> None:
    change = _on_sqlite if op.get_bind().dialect.name == 'sqlite' else _on_postgresql
    for old in names:
        change(old, names)


def _renamed(word: str, names: dict[str, str]) -> str:
    """Return the new name of a table, or of an index or constraint (``pk_logins``, ``ix_logins_user``) of one."""
    kind, _, rest = word.partition('_')
    for old, new in names.items():
        if word == old:
            return new
        if kind in ('pk', 'fk', 'uq', 'ix') and (rest + '_').startswith(old + '_'):
            return f'{kind}_{new}{rest.removeprefix(old)}'
    return word


def _on_postgresql(table: str, names: dict[str, str]) -> None:
    """Rename in place: no row is copied."""
    found = sa.inspect(op.get_bind())
    constraints = [found.get_pk_constraint(table)['name'], *(one['name'] for one in found.get_foreign_keys(table))]
    for name in constraints:
        op.execute(f'ALTER TABLE {table} RENAME CONSTRAINT {name} TO {_renamed(name, names)}')
    for index in found.get_indexes(table):
        op.execute(f"ALTER INDEX {index['name']} RENAME TO {_renamed(index['name'], names)}")
    op.execute(f'ALTER TABLE {table} RENAME TO {names[table]}')


def _on_sqlite(table: str, names: dict[str, str]) -> None:
    """Create the table again from its own statement, since SQLite cannot rename a constraint. Foreign keys are off here."""
    bind = op.get_bind()
    asked = sa.text("SELECT type, sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL")
    words = [(kind, re.sub(r'\w+', lambda word: _renamed(word[0], names), sql)) for kind, sql in bind.execute(asked, {'table': table})]
    for sql in (sql for kind, sql in words if kind == 'table'):
        op.execute(sa.text(sql))
    op.execute(f'INSERT INTO {names[table]} SELECT * FROM {table}')
    op.drop_table(table)
    for sql in (sql for kind, sql in words if kind == 'index'):
        op.execute(sa.text(sql))
