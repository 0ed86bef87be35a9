"""words of users, and indexes for lists

People are found by the words of their names (``user_words``). The worker writes the words of existing users. Until then,
and for rows that a server of the previous release writes, the names themselves are searched. Lists and the audit trail get
indexes in the order in which they are shown.
"""

from alembic import op
import sqlalchemy as sa


revision = '0017_from_0016'
down_revision = '0016'
branch_labels = None
depends_on = None

STALE = "(search_text IS NULL OR search_text <> username_key || ' ' || coalesce(email_key, '') || ' ' || name)"
INDEXES = [
    ('audit', 'ix_audit_about', ['organisation_id', 'subject_id', 'at', 'seq'], None),
    ('audit', 'ix_audit_actor', ['organisation_id', 'actor_id', 'at', 'seq'], None),
    ('audit', 'ix_audit_event', ['organisation_id', 'event', 'at', 'seq'], None),
    ('audit', 'ix_audit_time', ['organisation_id', 'at', 'seq'], None),
    ('outbox', 'ix_outbox_kept', ['organisation_id', 'created_at', 'id'], 'failed_at IS NOT NULL'),
    ('outbox', 'ix_outbox_waiting', ['organisation_id', 'created_at', 'id'], 'sent_at IS NULL AND failed_at IS NULL'),
    ('sessions', 'ix_sessions_newest', ['organisation_id', 'ends_at', 'id'], 'ended_at IS NULL'),
    ('sessions', 'ix_sessions_user', ['organisation_id', 'user_id', 'ends_at', 'id'], None),
    ('users', 'ix_users_role', ['organisation_id', 'role', 'username_key'], None),
    ('users', 'ix_users_stale', ['organisation_id', 'id'], STALE),
]
"""Table, name, columns, and the condition of a partial index."""
FORMER = [
    ('audit', 'ix_audit_subject', ['organisation_id', 'subject_id', 'seq'], None),
    ('sessions', 'ix_sessions_started', ['organisation_id', 'started_at', 'id'], 'ended_at IS NULL'),
    ('sessions', 'ix_sessions_user', ['organisation_id', 'user_id'], None),
]
"""Those that they replace."""


def upgrade() -> None:
    word = sa.String(length=254).with_variant(sa.String(length=254, collation='C'), 'postgresql')
    op.create_table(
        'user_words',
        sa.Column('organisation_id', sa.String(length=26), nullable=False),
        sa.Column('word', word, nullable=False),
        sa.Column('user_id', sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ['organisation_id', 'user_id'],
            ['users.organisation_id', 'users.id'],
            name=op.f('fk_user_words_organisation_id_user_id'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('organisation_id', 'word', 'user_id', name=op.f('pk_user_words')),
        sqlite_with_rowid=False,
    )
    op.create_index('ix_user_words_user', 'user_words', ['organisation_id', 'user_id', 'word'])
    op.add_column('users', sa.Column('search_text', sa.Text(), nullable=True))
    _replace(FORMER, INDEXES)


def downgrade() -> None:
    _replace(INDEXES, FORMER)
    op.drop_column('users', 'search_text')
    op.drop_table('user_words')


def _replace(former: list[tuple[str, str, list[str], str | None]], new: list[tuple[str, str, list[str], str | None]]) -> None:
    for table, name, _, _ in former:
        op.drop_index(name, table)
    for table, name, columns, where in new:
        part = None if where is None else sa.text(where)
        op.create_index(name, table, columns, sqlite_where=part, postgresql_where=part)
