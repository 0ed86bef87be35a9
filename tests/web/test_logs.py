"""The log has lines that machines read, with ids and without secrets."""

import json
import logging
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from flask import Flask

from idp.config import Settings
from idp.logs import setup_logs, take_from_libraries
from tests.conftest import ISSUER
from tests.drivers.applications import whole_app
from tests.drivers.browser import Browser


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines that were logged since the last call."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_refusal_is_one_line_of_json(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    """V16.2.1, V16.2.2, V16.2.4: the line has the event, the time in UTC, and the id of the request."""
    browser.open("/oauth/authorize?client_id=nobody")
    (line,) = lines(capsys)
    assert line["event"] == "oauth_error"
    assert line["timestamp"].endswith("Z")
    assert line["level"] == "info"
    assert line["request"] == browser.headers["X-Request-Id"]
    assert line["request"] in browser.text, "the page must show the id of the request"


@pytest.mark.parametrize("path", ["/oauth/token", "/no-such-page"])
def test_a_response_has_the_request_id_of_its_log_lines(app: Flask, capsys: pytest.CaptureFixture[str], path: str) -> None:
    """An app that logs our response, or a user who reads the page, can name the request."""
    answer = app.test_client().post(path, base_url=ISSUER)
    assert {line["request"] for line in lines(capsys)} <= {answer.headers["X-Request-Id"]}


def test_server_timing_is_sent_only_if_switched_on(configure: Callable[..., Settings]) -> None:
    """``Server-Timing`` names the parts of a request and their milliseconds."""
    with whole_app(configure(server={"timing": True})) as measured:
        timing = measured.test_client().get("/oauth/authorize?client_id=x", base_url=ISSUER).headers["Server-Timing"]
        kept = measured.test_client().get("/.well-known/openid-configuration", base_url=ISSUER).headers["Server-Timing"]
    assert re.fullmatch(r'db;dur=\d+\.\d;desc="\d+", total;dur=\d+\.\d', timing), timing
    assert re.fullmatch(r"total;dur=\d+\.\d", kept), kept
    with whole_app(configure()) as plain:
        assert "Server-Timing" not in plain.test_client().get("/oauth/jwks", base_url=ISSUER).headers


def test_user_input_cannot_forge_a_log_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """V16.4.1: line breaks, control characters and quotes stay within their value."""
    setup_logs(settings)
    hostile = 'x"}\n{"event": "login:started"}\r\n\x1b[31m\u2028\u202e'
    structlog.get_logger().info("odd", message=hostile)
    (line,) = lines(capsys)
    assert line["message"] == hostile


def test_a_traceback_contains_no_values(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """V16.2.5: local variables may be passwords."""
    setup_logs(settings)
    secret = "hunter" + "2" * 3
    try:
        raise ValueError(len(secret))
    except ValueError as error:
        structlog.get_logger().error("unexpected", exc_info=error)
    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]
    assert secret not in line["exception"]


def test_the_log_level_is_configured(configure: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines below the level are not written."""
    setup_logs(configure(log_level="WARNING"))
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


@pytest.fixture
def own_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Configure logging as ``idp run`` does in each of its processes, and undo it afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    setup_logs(settings)
    take_from_libraries()
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("own_process")
def test_libraries_log_as_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """A lost connection, a failed thread and a warning of Python keep the format of the log."""
    try:
        raise OSError("gone")
    except OSError:
        logging.getLogger("sqlalchemy.pool").exception("Exception during reset or similar")
    logging.getLogger("sqlalchemy.pool").info("quiet")
    warnings.showwarning("old", DeprecationWarning, "file.py", 1)
    thread = threading.Thread(target=lambda: next(iter(())), name="keys")
    thread.start()
    thread.join(30)
    pool, warned, ended = lines(capsys)
    assert (pool["event"], pool["level"], pool["logger"]) == ("library", "error", "sqlalchemy.pool")
    assert "OSError: gone" in pool["exception"]
    assert "DeprecationWarning: old" in warned["message"]
    assert (ended["event"], ended["thread"]) == ("thread_ended", "keys")
    assert "StopIteration" in ended["exception"]
