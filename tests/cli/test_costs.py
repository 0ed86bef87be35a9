"""``idp doctor`` and ``idp run --check`` say what is slow on this machine."""

import re
import socket

import pytest

from tests.cli.conftest import SHOP, Idp
from tests.drivers.machine import free_port


@pytest.mark.both_engines
def test_the_doctor_tells_what_a_sign_in_waits_for(engine: str, idp: Idp) -> None:
    """The cost of a hash with these settings, and of a question to the database."""
    said = idp("doctor").stdout
    assert re.search(
        r"ok    password hash  \d+ ms of one core each \(64 KiB, 1 passes\): at most \d+ sign-ins a second", said
    )
    assert re.search(r"ok    round trip     [\d.]+ ms ", said)
    assert ("synchronous NORMAL: they do not wait for the disk" in said) == (engine == "sqlite")


def test_full_durability_has_its_price_told(idp: Idp) -> None:
    """`synchronous = "FULL"`: the disk is measured where the database is."""
    said = idp("doctor", env={"IDP_DATABASE__SYNCHRONOUS": "FULL"}).stdout
    assert re.search(r"commits        synchronous FULL: each waits for the disk, [\d.]+ ms here", said)


def test_run_check_starts_nothing(idp: Idp) -> None:
    """Exit code 0 and the costs where it could serve; else the reason with its remedy."""
    idp.apply(SHOP)
    free = {"IDP_SERVER__BIND": f"127.0.0.1:{free_port()}"}
    said = idp("run", "--check", env=free).stdout
    assert "It could serve." in said
    assert "password hash: " in said
    assert "listens on" not in said
    with socket.create_server(("127.0.0.1", 0)) as other:
        used = {"IDP_SERVER__BIND": f"127.0.0.1:{other.getsockname()[1]}"}
        assert "It could serve." in idp("run", "--check", env=used).stdout, "beside the server that runs now"
        assert "stop what listens there" in idp("run", code=1, env=used).stderr
    idp.point_at("new.sqlite3")
    assert "run `idp migrate`" in idp("run", "--check", code=1, env=free).stderr
    env = {"IDP_CONFIG": str(idp.config)}
    assert "not up to date" in idp("migrate", "--check", code=1, env=env).stderr, "no table was made"
