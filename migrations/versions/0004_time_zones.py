"""time zones of organisations and people"""

from importlib.resources import files

from alembic import op
import sqlalchemy as sa


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

users = sa.table('users',
    sa.column('organisation_id', sa.String()),
    sa.column('id', sa.String()),
    sa.column('claims', sa.JSON()),
    sa.column('time_zone', sa.String()),
)


def upgrade() -> None:
    for table in ('organisations', 'users'):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column('time_zone', sa.String(length=64), nullable=False, server_default=''))
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.alter_column('time_zone', server_default=None, existing_type=sa.String(length=64))
    names = set((files('tzdata') / 'zones').read_text('utf-8').split()) - {'Factory'}
    # The claim was kept as any text. A text that names no zone is no value of the claim (OpenID Connect Core 5.1).
    for row in _rows(sa.cast(users.c.claims, sa.Text()).contains('"zoneinfo"')):
        kept = {name: value for name, value in row.claims.items() if name != 'zoneinfo'}
        chosen = row.claims.get('zoneinfo')
        _write(row, claims=kept, time_zone=chosen if chosen in names else '')


def downgrade() -> None:
    for row in _rows(users.c.time_zone != ''):
        _write(row, claims={**row.claims, 'zoneinfo': row.time_zone}, time_zone='')
    for table in ('users', 'organisations'):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column('time_zone')


def _rows(condition: sa.ColumnElement[bool]) -> list[sa.Row]:
    return list(op.get_bind().execute(sa.select(users).where(condition)).all())


def _write(row: sa.Row, **columns: object) -> None:
    here = (users.c.organisation_id == row.organisation_id, users.c.id == row.id)
    op.get_bind().execute(users.update().where(*here).values(**columns))
