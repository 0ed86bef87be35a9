"""words of shops, groups and organisations

Shops, groups and organisations are found by the words of their names, sorted and counted by an index. The worker writes the
words of existing rows, as it does for rows that a server of the previous release writes. Until then, a search reads those
rows themselves.
"""

from alembic import op
import sqlalchemy as sa


revision = '0041_from_0039'
down_revision = '0040_from_0039'
branch_labels = None
depends_on = None

STALE = {
    'organisations': "kind = 'retailer' AND (search_text IS NULL OR search_text <> store_url || ' ' || name)",
    'shops': "(search_text IS NULL OR search_text <> code || ' ' || name)",
    'groups': "(search_text IS NULL OR search_text <> name)",
}
INDEXES = [
    ('organisations', 'ix_organisations_listed', ['kind', 'store_url'], None),
    ('organisations', 'ix_organisations_named', ['kind', 'sort_key', 'store_url'], None),
    ('organisations', 'ix_organisations_created', ['kind', 'created_at', 'store_url'], None),
    ('organisations', 'ix_organisations_stale', ['id'], STALE['organisations']),
    ('shops', 'ix_shops_named', ['organisation_id', 'sort_key', 'code_key'], None),
    ('shops', 'ix_shops_stale', ['organisation_id', 'id'], STALE['shops']),
    ('groups', 'ix_groups_requiring', ['organisation_id', 'requires_mfa', 'name_key'], None),
    ('groups', 'ix_groups_stale', ['organisation_id', 'id'], STALE['groups']),
]
"""Table, name, columns, and the condition of a partial index."""


def upgrade() -> None:
    word = sa.String(length=254).with_variant(sa.String(length=254, collation='C'), 'postgresql')
    for table in STALE:
        op.add_column(table, sa.Column('search_text', sa.Text(), nullable=True))
        if table != 'groups':
            op.add_column(table, sa.Column('sort_key', word, server_default='', nullable=False))
    for table, name, columns, where in INDEXES:
        part = None if where is None else sa.text(where)
        op.create_index(name, table, columns, sqlite_where=part, postgresql_where=part)
    op.create_table(
        'organisation_words',
        sa.Column('word', word, nullable=False),
        sa.Column('organisation_id', sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ['organisation_id'],
            ['organisations.id'],
            name=op.f('fk_organisation_words_organisation_id'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('word', 'organisation_id', name=op.f('pk_organisation_words')),
        sqlite_with_rowid=False,
    )
    op.create_index('ix_organisation_words_organisation', 'organisation_words', ['organisation_id', 'word'])
    for one, table in (('shop', 'shops'), ('group', 'groups')):
        _create_words(f'{one}_words', f'{one}_id', table, word)
        op.create_index(f'ix_{one}_words_{one}', f'{one}_words', ['organisation_id', f'{one}_id', 'word'])


def downgrade() -> None:
    for table in ('organisation_words', 'shop_words', 'group_words'):
        op.drop_table(table)
    for table, name, _, _ in INDEXES:
        op.drop_index(name, table)
    for table in STALE:
        if table != 'groups':
            op.drop_column(table, 'sort_key')
        op.drop_column(table, 'search_text')


def _create_words(words: str, named_id: str, table: str, word: sa.types.TypeEngine[str]) -> None:
    op.create_table(
        words,
        sa.Column('organisation_id', sa.String(length=26), nullable=False),
        sa.Column('word', word, nullable=False),
        sa.Column(named_id, sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ['organisation_id', named_id],
            [f'{table}.organisation_id', f'{table}.id'],
            name=op.f(f'fk_{words}_organisation_id_{named_id}'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('organisation_id', 'word', named_id, name=op.f(f'pk_{words}')),
        sqlite_with_rowid=False,
    )
