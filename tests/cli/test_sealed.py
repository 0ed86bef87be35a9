"""``idp doctor`` counts the values that need an old sealing key, and those that no key opens."""

from collections.abc import Callable
from typing import Any

from idp import config
from idp.sweeps import sweep
from tests.cli.conftest import ANNA, SEALING, SHOP, Idp

NEW = config.new_ring_entry("newer")


def use(idp: Idp, *secrets: str) -> None:
    """Configure these sealing keys."""
    lines = idp.config.read_text().splitlines()
    listed = ", ".join(f'"{one}"' for one in secrets)
    idp.config.write_text(
        "\n".join(f"secrets = [{listed}]" if line.startswith("secrets") else line for line in lines) + "\n"
    )


def test_the_doctor_says_when_an_old_key_can_be_removed(idp: Idp, inside: Callable[[], Any]) -> None:
    """Design "whose keys can enter and leave": it counts by kind until the worker has resealed everything."""
    idp.apply(SHOP + ANNA)
    assert "everything opens with the key 'test'" in idp("doctor").stdout
    use(idp, NEW, SEALING)
    output = idp("doctor").stdout
    assert "still on an old key: authenticator app: 1, signing key: 4" in output
    with inside():
        sweep(idp.settings)
    assert "everything is on 'newer': 'test' can be removed from `secrets`" in idp("doctor").stdout
    use(idp, NEW)
    assert "everything opens with the key 'newer'" in idp("doctor").stdout


def test_the_doctor_says_which_values_no_key_opens(idp: Idp) -> None:
    """The fault has a remedy, for a key removed too early and for other bytes under the same name."""
    idp.apply(SHOP + ANNA)
    for wrong, reason in ((NEW, "a key that is not in `secrets`"), (config.new_ring_entry("test"), "is not the one")):
        use(idp, wrong)
        output = idp("doctor", code=1).stdout
        assert "authenticator app" in output
        assert reason in output
        assert "put the sealing key they were made with back into `secrets`" in output
