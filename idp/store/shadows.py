"""A private copy of the tables on PostgreSQL, for one transaction: what is tried there locks no row that others need.

A temporary table hides the one of the same name. It ends with the transaction, and only its session sees it.
"""

from sqlalchemy import text

from idp.db import Base, connection

PASSED_OVER = frozenset(
    (
        "attempts", "audit", "auth_failures", "authorization_codes", "browser_users", "browsers", "email_links",
        "grants", "ip_failures", "outbox", "password_resets", "refresh_tokens", "remembered_devices",
        "restore_notices", "session_clients", "sessions", "stash", "totp_used_steps", "user_words",
        "group_words", "organisation_words", "shop_words",
    )
)  # fmt: skip
"""What comes of use. It is by far the most, and no rule of provisioning reads it: these copies begin empty."""
REFERENCES = text(
    "SELECT relname, pg_get_constraintdef(c.oid) FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid "
    "WHERE contype = 'f' AND t.oid = ANY(CAST(:tables AS text[])::regclass[])"
)


def shadow_tables() -> None:
    """Put the copies before the tables, within the transaction; to be called before anything else in it."""
    current = connection()
    names = {table.name: f'"{table.name}"' for table in Base.metadata.sorted_tables}
    references = current.execute(REFERENCES, {"tables": list(names.values())}).all()
    for name, quoted in names.items():
        current.execute(text(f'CREATE TEMPORARY TABLE "shadow_{name}" (LIKE {quoted} INCLUDING ALL) ON COMMIT DROP'))
        if name not in PASSED_OVER:
            current.execute(text(f'INSERT INTO "shadow_{name}" SELECT * FROM {quoted}'))  # noqa: S608 — our own names
        current.execute(text(f'ALTER TABLE "shadow_{name}" RENAME TO {quoted}'))
    for name, definition in references:
        current.execute(text(f"ALTER TABLE {names[name]} ADD {definition}"))
