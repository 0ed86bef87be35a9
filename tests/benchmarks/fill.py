"""Fill a database with users who have signed in: browsers, sessions, grants, refresh tokens and authenticator apps."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, make_url, select, text

from idp import config
from idp.config import Settings
from idp.search_words import words_of
from idp.store.browsers import Browser, BrowserUser
from idp.store.grants import Grant, RefreshToken
from idp.store.organisations import Organisation
from idp.store.sealed import TOTP
from idp.store.sessions import SessionClient, UserSession
from idp.store.totp import Totp
from idp.store.user_words import UserWord
from idp.store.users import User

BATCH = 10_000
"""Users per transaction."""
PEOPLE_PER_APP = 3
"""Every third person has an authenticator app."""
TABLES = (User, UserWord, Browser, BrowserUser, UserSession, SessionClient, Grant, RefreshToken, Totp)
Rows = dict[type, list[dict[str, Any]]]


def fill(file: Path, count: int) -> None:
    """Add ``count`` people to the organisation ``bench`` in the database of a configuration file."""
    settings = config.read(file)
    engine = new_engine(settings, file.parent)
    with engine.begin() as connection:
        organisation = str(connection.scalar(select(Organisation.id).where(Organisation.store_url == "bench")))
        password = str(connection.scalar(select(func.min(User.password_hash))))
    for first in range(0, count, BATCH):
        rows: Rows = {table: [] for table in TABLES}
        for number in range(first, min(first + BATCH, count)):
            _add_person(rows, settings, organisation, number, password)
        with engine.begin() as connection:
            _insert(connection, rows)
        print(f"\rfilling the database: {min(first + BATCH, count):,} of {count:,} people", end="", flush=True)
    print()
    with engine.begin() as connection:
        connection.execute(text("ANALYZE"))  # PostgreSQL does this by itself after some time
    engine.dispose()


def new_engine(settings: Settings, folder: Path) -> Engine:
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        return create_engine(url.set(drivername="postgresql+psycopg"))
    engine = create_engine(url.set(database=str(folder / str(url.database))))

    @event.listens_for(engine, "connect")
    def _hurry(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -500000")  # KiB: keys are random, so every page is written to

    return engine


def _insert(connection: Connection, rows: Rows) -> None:
    for table, values in rows.items():
        if values:
            connection.execute(insert(table), values)


def _add_person(rows: Rows, settings: Settings, organisation: str, number: int, password: str) -> None:
    user, browser, session, grant = (new_id() for _ in range(4))
    now = datetime.now(UTC) - timedelta(seconds=number % 1800)
    proofs = [{"method": "pwd", "at": now.isoformat(), "credential": ""}]
    here = {"organisation_id": organisation}
    name = f"staff{number}"
    common = {"created_at": now}
    texts = f"{name} {name}@example.com Staff {number}"
    rows[UserWord] += [here | {"user_id": user, "word": word} for word in words_of(texts)]
    rows[User].append(
        here
        | common
        | {"id": user, "username": name, "username_key": name, "name": f"Staff {number}", "password_hash": password}
        | {"email": f"{name}@example.com", "email_key": f"{name}@example.com", "last_login_at": now}
        | {"search_text": texts}
    )
    rows[Browser].append(here | common | {"id": browser, "digest": os.urandom(32), "last_seen_at": now})
    rows[BrowserUser].append(here | {"user_id": user, "browser_id": browser, "username": name, "last_login_at": now})
    rows[UserSession].append(
        here
        | {"id": session, "user_id": user, "browser_id": browser, "digest": os.urandom(32), "proofs": proofs}
        | {"started_at": now, "last_seen_at": now, "address": "192.0.2.7", "label": "Firefox on Windows"}
        | {"idle_until": now + timedelta(hours=2), "ends_at": now + timedelta(hours=24)}
    )
    rows[SessionClient].append(here | {"login_id": session, "client_id": "bench", "since": now})
    rows[Grant].append(
        here
        | common
        | {"id": grant, "user_id": user, "client_id": "bench", "login_id": session, "proofs": proofs}
        | {"scopes": ["openid", "profile", "offline_access"], "ends_at": now + timedelta(days=90)}
    )
    rows[RefreshToken].append(
        here | common | {"digest": os.urandom(32), "grant_id": grant, "idle_until": now + timedelta(days=30)}
    )
    if number % PEOPLE_PER_APP == 0:
        app = new_id()
        sealed = TOTP.seal(settings.ring, app, os.urandom(20))
        rows[Totp].append(here | {"id": app, "user_id": user, "sealed_secret": sealed, "active_since": now})


def new_id() -> str:
    return os.urandom(13).hex()
