"""Look passwords up among leaked ones: in the built-in list, an offline file and the range service."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from idp.config import Settings
from idp.errors import Invalid
from idp.identity.credentials import leaked_passwords
from idp.identity.credentials.leaked_passwords import Lookup, build_file, look_up
from idp.identity.credentials.leaked_passwords.file import LARGE_FROM, File, Unusable

RARE = "correct horse battery staple of mine"


def sha1(password: str) -> str:
    """Return the hash of a password, in the form in which lists are published."""
    return hashlib.sha1(password.encode()).hexdigest().upper()


@pytest.fixture
def settings(tmp_path: Path, bare_settings: Callable[..., Settings]) -> Settings:
    """Use settings without a database."""
    return bare_settings()


@pytest.mark.parametrize("typed", ["123456", "password", "PaSsWoRd", "ｐａｓｓｗｏｒｄ", "qwerty"])
def test_common_passwords_are_always_found(settings: Settings, typed: str) -> None:
    """S31: the built-in list needs no configuration. Case and width of letters do not matter."""
    assert look_up(settings, typed) == Lookup(hit=True, source="list")


def test_concurrent_first_lookups_load_the_built_in_list_once() -> None:
    """S30, S31: the built-in list is read once. No thread sees the library while another one drops it."""
    program = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from idp.identity.credentials import leaked_passwords\n"
        "with ThreadPoolExecutor(8) as threads:\n"
        "    assert all(threads.map(leaked_passwords.is_common, ['password'] * 8))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("typed", [RARE, "", "x" * 5000, "\ud800 lone", "a\x00b"])
def test_a_rare_password_is_not_found(settings: Settings, typed: str) -> None:
    """The whole password is compared, and no typed text breaks the check."""
    assert look_up(settings, typed) == Lookup(hit=False)


def _lines(passwords: list[str]) -> list[str]:
    return sorted(f"{sha1(password)}:7" for password in passwords)


def test_an_imported_file_is_looked_up(tmp_path: Path, bare_settings: Callable[..., Settings]) -> None:
    """S31: a newer import is used without a restart."""
    settings = bare_settings(leaked={"file": "leaked.bin"})
    assert look_up(settings, RARE) == Lookup(hit=False, is_down=True)
    build_file(_lines(["something else"]), tmp_path / "leaked.bin")
    assert look_up(settings, RARE) == Lookup(hit=False)
    build_file(_lines(["something else", RARE]), tmp_path / "leaked.bin")
    assert look_up(settings, RARE) == Lookup(hit=True, source="file")


@pytest.mark.parametrize("expected", [0, LARGE_FROM])
def test_exactly_the_imported_entries_are_found(tmp_path: Path, expected: int) -> None:
    """This holds with the small index and with the large one."""
    passwords = [f"leaked {number}" for number in range(3000)]
    lines = [*_lines(passwords), "F" * 40 + ":1"]
    lines.insert(0, "0" * 40 + ":1\r\n")
    assert build_file(lines, tmp_path / "list", expected=expected) == 3002
    file = File(tmp_path / "list")
    assert all(sha1(password) in file for password in passwords)
    assert "0" * 40 in file
    assert "F" * 40 in file
    assert not any(sha1(f"not leaked {number}") in file for number in range(3000))
    entry_bits = 8 * file._width
    assert entry_bits == (32 if expected else 40)


@given(st.sets(st.integers(min_value=0, max_value=2**160 - 1), min_size=1, max_size=40))
def test_any_list_can_be_built(tmp_path_factory: pytest.TempPathFactory, hashes: set[int]) -> None:
    """A list is built correctly from any hashes."""
    target = tmp_path_factory.mktemp("list") / "file"
    build_file([f"{hash_:040X}:1" for hash_ in sorted(hashes)], target)
    file = File(target)
    assert all(f"{hash_:040X}" in file for hash_ in hashes)


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ([], "line 1"),
        (["hello"], "line 1"),
        (["0" * 40 + ":1", "0" * 39 + ":1"], "line 2"),
        (["0" * 40 + ":1", "0" * 40 + ":1"], "line 2"),
        (["1" * 40 + ":1", "2" * 40 + ":1", "0" * 40 + ":1"], "line 3"),
        (["0" * 40], "line 1"),
        (["0" * 40 + ":x"], "line 1"),
        (["", "0" * 40 + ":1"], "line 1"),
    ],
)
def test_an_unreadable_list_is_refused_with_its_line_number(tmp_path: Path, lines: list[str], line: str) -> None:
    """The error names the line, and the former file stays unchanged."""
    target = tmp_path / "list"
    build_file(["A" * 40 + ":1"], target)
    with pytest.raises(Invalid) as refused:
        build_file(lines, target)
    assert refused.value.field == line
    assert "A" * 40 in File(target)
    assert [path.name for path in tmp_path.iterdir()] == ["list"]


def test_a_truncated_or_unknown_file_counts_as_down(tmp_path: Path, bare_settings: Callable[..., Settings]) -> None:
    """S31: a check that is down never stops a sign-in. The failure is recorded."""
    settings, target = bare_settings(leaked={"file": "list"}), tmp_path / "list"
    build_file(_lines([RARE]), target)
    whole = target.read_bytes()
    for content in (whole[:-1], whole[:100], b"", b"x" * 1000):
        target.write_bytes(content)
        with pytest.raises((Unusable, ValueError)):
            File(target)
        assert look_up(settings, RARE) == Lookup(hit=False, is_down=True)
        assert look_up(settings, "password").hit


class Service:
    """A range service that follows the real protocol, or misbehaves as the test orders."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.listed = {sha1(RARE): 3}
        self.status = 200
        self.body: bytes | None = None
        self.release = threading.Event()
        self.hangs = False
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.asked.append((self.path, self.headers["Add-Padding"]))
                if service.hangs:
                    service.release.wait(60)
                prefix = self.path.rpartition("/")[2]
                body = service.answer(prefix) if service.body is None else service.body
                self.send_response(service.status)
                if service.status == 302:
                    self.send_header("Location", "/range/ABCDE")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    return  # the client closed the connection at its limit

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/range/"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, prefix: str) -> bytes:
        """Return a suffix and count per line. Padding has count 0, and here it names a password that never leaked."""
        rows = [f"{hash_[5:]}:{count}" for hash_, count in self.listed.items() if hash_.startswith(prefix)]
        rows += [f"{sha1(f'padding {number}')[5:]}:0" for number in range(20)]
        return "\r\n".join(rows).encode()

    def stop(self) -> None:
        """Stop the service. No thread and no socket stays behind."""
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(30)


@pytest.fixture
def service() -> Iterator[Service]:
    """Start a service on its own port, so that each test has its own circuit breaker."""
    running = Service()
    yield running
    running.stop()


@pytest.fixture
def service_settings(service: Service, bare_settings: Callable[..., Settings]) -> Settings:
    """Return settings with the service switched on."""
    return bare_settings(leaked={"range_service": service.address, "timeout_seconds": 0.5})


def test_the_range_service_gets_five_characters_only(service: Service, service_settings: Settings) -> None:
    """V6.2.12: no more of the hash leaves the server, and the request asks for padding."""
    assert look_up(service_settings, RARE) == Lookup(hit=True, source="service")
    assert service.asked == [(f"/range/{sha1(RARE)[:5]}", "true")]


def test_padding_does_not_count_as_leaked(service: Service, service_settings: Settings) -> None:
    """libraries.md: rows with count 0 are padding."""
    service.listed = {sha1(RARE): 0}
    assert look_up(service_settings, RARE) == Lookup(hit=False)


def test_common_passwords_do_not_reach_the_service(service: Service, service_settings: Settings) -> None:
    """The cheapest source is asked first."""
    look_up(service_settings, "password")
    assert service.asked == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (302, b""),
        (500, b""),
        (404, b""),
        (200, b""),
        (200, b"<html>blocked by proxy</html>"),
        (200, b"\xff\xfe\x00"),
        (200, (b"0" * 35 + b":1\r\n") * 20_000),
        (204, b""),
    ],
)
def test_an_invalid_answer_counts_as_down(service: Service, service_settings: Settings, status: int, body: bytes) -> None:
    """security.md: redirects are not followed and the answer has a maximum size. The check fails open and records it."""
    service.status, service.body = status, body
    assert look_up(service_settings, RARE) == Lookup(hit=False, is_down=True)
    assert len(service.asked) == 1


def test_a_slow_service_is_given_up(service: Service, service_settings: Settings) -> None:
    """security.md: the check takes at most 500 ms in all."""
    service.hangs = True
    assert look_up(service_settings, RARE) == Lookup(hit=False, is_down=True)
    assert not service.release.is_set(), "the check waited until the service answered"


def test_an_unreachable_service_counts_as_down(bare_settings: Callable[..., Settings]) -> None:
    """S31: a check that is down never stops a sign-in."""
    settings = bare_settings(leaked={"range_service": "http://127.0.0.1:9/range/"})
    assert look_up(settings, RARE) == Lookup(hit=False, is_down=True)


def test_a_failing_service_is_not_asked_for_thirty_seconds(service: Service, service_settings: Settings) -> None:
    """security.md: a circuit breaker."""
    with time_machine.travel(datetime(2026, 3, 1, tzinfo=UTC), tick=False) as clock:
        service.status = 500
        for _ in range(6):
            assert look_up(service_settings, RARE).is_down
        assert len(service.asked) == 3
        service.status = 200
        assert look_up(service_settings, RARE).is_down
        clock.shift(31)
        assert look_up(service_settings, RARE).hit
        assert look_up(service_settings, RARE).hit
        clock.shift(-3600)
        assert look_up(service_settings, RARE).hit


def test_the_built_in_list_has_every_shipped_password() -> None:
    """libraries.md: 30,000 passwords."""
    assert len(leaked_passwords._common()) > 29_000
