"""Send files to ``idp run`` as browsers do: it reads no more of a body than the page takes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from idp.config import Settings
from idp.server.entry import LARGE_AT_ONCE
from tests.drivers.browser import Browser
from tests.drivers.crowd import write_config
from tests.drivers.idp_process import ask, hear, send, started, until, wait_for_port
from tests.drivers.machine import free_port
from tests.drivers.people_import import AT, upload
from tests.drivers.remote import Remote
from tests.factories import Factory


@pytest.fixture
def port(tmp_path: Path, configure: Callable[..., Settings]) -> Iterator[int]:
    """Run ``idp run`` with one process, and give its port."""
    own = free_port()
    settings = configure(issuer=f"http://localhost:{own}", server={"bind": f"127.0.0.1:{own}", "workers": 1})
    with started(write_config(settings, tmp_path), "run", "--no-mail") as process:
        wait_for_port(process, own)
        yield own


def test_five_thousand_people_arrive_in_full(port: int, factory: Factory) -> None:
    """A file of a chain has more bytes than any other form of ours."""
    issuer = f"http://localhost:{port}"
    shoes = factory.make_organisation(settings={"offer_set_up": False})
    anna = factory.make_user(shoes, "anna", role="administrator", with_totp=True, email="anna@shoes.example")
    browser = Browser(Remote(issuer), issuer).open(AT)
    browser.fill(organisation="example-shoes").submit() if "organisation" in browser.fields else browser
    browser.fill(username="anna", password=anna.password).submit().fill(code=anna.authenticator.code()).submit()
    text = "username;name\n" + "".join(f"season{at};Season worker number {at} of the Dam\n" for at in range(5_000))
    assert len(text) > 200_000
    assert "5,000 created" in upload(browser, text).text.replace("5000", "5,000")


def test_no_more_files_are_read_at_a_time_than_fit_in_memory(port: int) -> None:
    """Anybody may send one. Others are told at once to come back, and everything else is answered."""
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n" % AT.encode()
    announced = head + b"Content-Length: 7000000\r\n\r\n--x"
    silent = [send(port, announced) for _ in range(LARGE_AT_ONCE)]
    until(lambda: hear(send(port, announced)).startswith(b"HTTP/1.1 503 "), "the server reads all of them")
    assert ask(port, "/livez")[0] == 200
    assert hear(send(port, head + b"Content-Length: 3\r\nConnection: close\r\n\r\n--x")).startswith(b"HTTP/1.1 4")
    assert hear(send(port, head + b"Content-Length: 70000000\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    for connection in silent:
        connection.close()
