"""The log: lines that machines read, with ids and without secrets."""

import json
from typing import Any

import pytest
import structlog

from idp.config import Settings
from idp.logs import setup_logs
from tests.drivers.browser import Browser


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Everything that was logged since the last look."""
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_refusal_is_one_line_of_json(browser: Browser, capsys: pytest.CaptureFixture[str]) -> None:
    """V16.2.1, V16.2.2, V16.2.4: what, when in UTC, and the id of the request."""
    browser.open("/oauth/authorize?client_id=nobody")
    (line,) = lines(capsys)
    assert line["event"] == "oauth_error"
    assert line["timestamp"].endswith("Z")
    assert line["level"] == "info"
    assert len(line["request"]) == 26


def test_what_users_send_cannot_forge_a_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """V16.4.1: line breaks, control characters and quotes stay within their value."""
    setup_logs(settings)
    hostile = 'x"}\n{"event": "login:started"}\r\n\x1b[31m\u2028\u202e'
    structlog.get_logger().info("odd", said=hostile)
    (line,) = lines(capsys)
    assert line["said"] == hostile


def test_a_traceback_comes_without_values(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """V16.2.5: no local variables, which may be passwords."""
    setup_logs(settings)
    secret = "hunter" + "2" * 3
    try:
        raise ValueError(len(secret))
    except ValueError as error:
        structlog.get_logger().error("unexpected", exc_info=error)
    (line,) = lines(capsys)
    assert "ValueError" in line["exception"]
    assert secret not in line["exception"]


def test_the_level_is_configured(configure: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What lies below the level is not written."""
    setup_logs(configure(log_level="WARNING"))
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]
