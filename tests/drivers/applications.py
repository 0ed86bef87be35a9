"""Make applications for tests: whole, or only a database. Costly parts are made once for many tests."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from idp.app import create_app
from idp.config import Settings
from idp.db import close as close_connection
from idp.db import db, setup_db
from idp.logs import setup_logs
from idp.oauth.provider import make_provider
from idp.readiness import Readiness


class Compiled(BytecodeCache):
    """Hold compiled templates for all applications of this process, because compiling takes most of a first answer."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


Flask.jinja_options = {"bytecode_cache": Compiled()}


def _are_equal(one: Settings, other: Settings) -> bool:
    """Compare what was configured. Settings that are read from a file have a class of their own, so ``==`` says no."""
    return all(getattr(one, name) == getattr(other, name) for name in Settings.model_fields)


class Shelf:
    """Keep the applications that tests last used, by their settings, so that routes and statements are compiled once.

    Between tests only code is kept: connections are closed, and cached keys and clients are forgotten.
    """

    def __init__(self, make: Callable[[Settings], Flask]) -> None:
        self._make = make
        self._kept: list[tuple[Settings, Flask]] = []

    @contextmanager
    def lend(self, settings: Settings) -> Iterator[Flask]:
        """Lend an application that no other test uses at the same time."""
        app = self._take(settings)
        outermost = app.wsgi_app
        try:
            yield app
        finally:
            app.wsgi_app = outermost  # type: ignore[method-assign] # some tests put a recorder before it
            close(app)
            self._kept = [(settings, app), *self._kept[:3]]

    def _take(self, settings: Settings) -> Flask:
        for place, (known, app) in enumerate(self._kept):
            if _are_equal(known, settings):
                del self._kept[place]
                return app
        return self._make(settings)


def _make_bare(settings: Settings) -> Flask:
    app = Flask("idp")
    setup_db(app, settings)
    return app


_bare_apps = Shelf(_make_bare)
_apps = Shelf(create_app)


def bare_app(settings: Settings) -> AbstractContextManager[Flask]:
    """Make an application that is only a database, as floors 0 to 3 need."""
    return _bare_apps.lend(settings)


@contextmanager
def whole_app(settings: Settings) -> Iterator[Flask]:
    """Make the application as ``idp run`` serves it, in the state after a start."""
    with _apps.lend(settings) as app:
        setup_logs(settings)
        provider = make_provider(settings)
        app.extensions["sleutel.oauth"].provider = provider
        app.extensions["sleutel"] = replace(app.extensions["sleutel"], readiness=Readiness(app, provider))
        yield app


def close(app: Flask) -> None:
    """Close every connection."""
    with app.app_context():
        close_connection()
        db.engine.dispose()
