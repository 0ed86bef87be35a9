"""``idp doctor`` and ``idp run --check`` report what is slow on this machine."""

import re
import socket

import pytest

from tests.cli.conftest import SHOP, Idp
from tests.drivers.machine import free_port


@pytest.mark.both_engines
def test_the_doctor_reports_what_a_sign_in_waits_for(engine: str, idp: Idp) -> None:
    """It measures a hash with these settings, and a query of the database."""
    output = idp("doctor").stdout
    assert re.search(
        r"ok    password hash  \d+ ms of one core each \(64 KiB, 1 passes\): at most \d+ sign-ins a second", output
    )
    assert re.search(r"ok    round trip     [\d.]+ ms ", output)
    assert ("synchronous NORMAL: they do not wait for the disk" in output) == (engine == "sqlite")


def test_the_doctor_reports_the_cost_of_full_durability(idp: Idp) -> None:
    """`synchronous = "FULL"`: it measures the disk of the database."""
    output = idp("doctor", env={"IDP_DATABASE__SYNCHRONOUS": "FULL"}).stdout
    assert re.search(r"commits        synchronous FULL: each waits for the disk, [\d.]+ ms here", output)


def test_run_check_starts_no_server(idp: Idp) -> None:
    """It exits with 0 and the costs if the server could start. Otherwise it names the reason and the remedy."""
    idp.apply(SHOP)
    free = {"IDP_SERVER__BIND": f"127.0.0.1:{free_port()}"}
    output = idp("run", "--check", env=free).stdout
    assert "Ready to serve." in output
    assert "password hash: " in output
    assert "listens on" not in output
    with socket.create_server(("127.0.0.1", 0)) as other:
        used = {"IDP_SERVER__BIND": f"127.0.0.1:{other.getsockname()[1]}"}
        assert "Ready to serve." in idp("run", "--check", env=used).stdout, "the check must work beside a running server"
        assert "stop what listens there" in idp("run", code=1, env=used).stderr
    idp.point_at("new.sqlite3")
    assert "run `idp migrate`" in idp("run", "--check", code=1, env=free).stderr
    env = {"IDP_CONFIG": str(idp.config)}
    assert "not up to date" in idp("migrate", "--check", code=1, env=env).stderr, "the check must make no table"
