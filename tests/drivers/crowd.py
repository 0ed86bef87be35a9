"""A crowd: four processes, each with the application of the same configuration file, that ask at the same moment.

Every process is a Python of its own. It shares only the database with this one, as the workers of ``idp run`` do. It reads
its work as a line of JSON, reports that it is ready, waits for the start, and sends all requests at once.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from idp import config
from idp.config import Settings

PROCESSES = 4
PATIENCE = 60
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ask:
    """Hold one request: a POST of ``form``, unless ``method`` is another. ``cookies``: name → value."""

    path: str
    form: list[tuple[str, str]] = field(default_factory=list)
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    address: str = "192.0.2.7"
    method: str = "POST"
    json: Any = None
    """What is sent instead of a form."""


@dataclass(frozen=True)
class Answer:
    """Hold an answer. ``location`` is empty without a redirect. ``cookies`` are those that were set."""

    status: int
    location: str
    body: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def json(self) -> dict[str, Any]:
        """Return the body as an object."""
        return dict(json.loads(self.body))


class Crowd:
    """Hold the processes, which wait for work."""

    def __init__(self, processes: list[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def at_once(self, settings: Settings, folder: Path, asks: list[Ask]) -> list[Answer]:
        """Send all requests at the same moment. Returns the answers in the order of the requests."""
        file = write_config(settings, folder)
        shares = [asks[number :: len(self._processes)] for number in range(len(self._processes))]
        for process, share in zip(self._processes, shares, strict=True):
            self._say(process, {"config": str(file), "asks": [asdict(ask) for ask in share]})
        for process in self._processes:
            assert self._hear(process) == "ready"
        for process in self._processes:
            self._say(process, "go")
        answered = [[Answer(**answer) for answer in self._hear(process)] for process in self._processes]
        return [answered[number % len(shares)][number // len(shares)] for number in range(len(asks))]

    @staticmethod
    def _say(process: subprocess.Popen[str], what: Any) -> None:
        assert process.stdin
        process.stdin.write(json.dumps(what) + "\n")
        process.stdin.flush()

    @staticmethod
    def _hear(process: subprocess.Popen[str]) -> Any:
        assert process.stdout
        line = process.stdout.readline()
        assert line, "a process of the crowd ended; its output is above"
        return json.loads(line)


@contextmanager
def gathered() -> Iterator[Crowd]:
    """Keep the processes running within the context."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.drivers.crowd"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    try:
        yield Crowd(processes)
    finally:
        for process in processes:
            if process.stdin:
                process.stdin.close()  # the process then ends by itself
        for process in processes:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
            if process.stdout:
                process.stdout.close()


def write_config(settings: Settings, folder: Path) -> Path:
    """Write the settings as a file that another process reads."""
    file = folder / "crowd.toml"
    values = settings.model_dump(mode="json", exclude={"folder"})
    plain = [f"{key} = {json.dumps(value)}" for key, value in values.items() if not isinstance(value, dict)]
    for name, section in values.items():
        if isinstance(section, dict):
            plain += [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in section.items())]
    file.write_text("\n".join(plain) + "\n", "utf-8")
    return file


def _answer(app: Flask, issuer: str, ask: dict[str, Any]) -> dict[str, Any]:
    """Send one request. A refusal that is shown by a redirect (``web/post_redirect_get``) is looked up: its status and its
    page.
    """
    cookies = dict(ask["cookies"])
    answer = _send(app, issuer, ask, cookies)
    location = answer.headers.get("Location", "")
    status, body = answer.status_code, answer.get_data(as_text=True)
    pairs = [cookie.partition(";")[0].partition("=") for cookie in answer.headers.getlist("Set-Cookie")]
    given = {name: value for name, _, value in pairs}
    if status == 303 and "answer" in parse_qs(urlsplit(location).query):
        cookies |= given
        shown = _send(app, issuer, {**ask, "method": "GET", "form": [], "path": location.removeprefix(issuer)}, cookies)
        if shown.status_code >= 400:
            status, body = shown.status_code, shown.get_data(as_text=True)
    return {"status": status, "location": location, "body": body, "cookies": given}


def _send(app: Flask, issuer: str, ask: dict[str, Any], cookies: dict[str, str]) -> TestResponse:
    headers = {**ask["headers"], "Content-Type": "application/x-www-form-urlencoded"} if ask["form"] else {**ask["headers"]}
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return app.test_client(use_cookies=False).open(
        ask["path"],
        method=ask["method"],
        base_url=issuer,
        data=None if ask.get("json") else urlencode([(name, value) for name, value in ask["form"]]),
        json=ask.get("json"),
        headers=headers,
        environ_overrides={"REMOTE_ADDR": ask["address"]},
    )


def _take_part(work: dict[str, Any], voice: TextIO) -> None:
    """Report ready, wait for the start, send each request from a thread of its own, and report the answers."""
    from tests.drivers.applications import whole_app

    settings = config.read(Path(work["config"]))
    answers: list[dict[str, Any]] = [{}] * len(work["asks"])
    start = threading.Barrier(len(answers) + 1, timeout=PATIENCE)
    with whole_app(settings) as app:
        assert app.test_client().get("/readyz", base_url=settings.issuer).status_code == 200

        def ask(number: int) -> None:
            start.wait()
            answers[number] = _answer(app, settings.issuer, work["asks"][number])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(answers))]
        for thread in threads:
            thread.start()
        print(json.dumps("ready"), file=voice, flush=True)
        sys.stdin.readline()
        start.wait()
        for thread in threads:
            thread.join()
    print(json.dumps(answers), file=voice, flush=True)


if __name__ == "__main__":
    voice, sys.stdout = sys.stdout, sys.stderr  # only answers go to the real standard output
    for line in sys.stdin:
        _take_part(json.loads(line), voice)
