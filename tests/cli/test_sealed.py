"""``idp doctor`` and the sealing keys: what still needs an old one, and what no key opens."""

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


def test_the_doctor_counts_what_needs_an_old_key_and_says_when_it_can_go(idp: Idp, inside: Callable[[], Any]) -> None:
    """Design "whose keys can enter and leave": per kind, until the worker has moved everything; then the old one by name."""
    idp.apply(SHOP + ANNA)
    assert "everything opens with the key 'test'" in idp("doctor").stdout
    use(idp, NEW, SEALING)
    said = idp("doctor").stdout
    assert "still on an old key: authenticator app: 1, signing key: 4" in said
    with inside():
        sweep(idp.settings)
    assert "everything is on 'newer': 'test' can be removed from `secrets`" in idp("doctor").stdout
    use(idp, NEW)
    assert "everything opens with the key 'newer'" in idp("doctor").stdout


def test_the_doctor_says_which_values_no_key_opens(idp: Idp) -> None:
    """A fault with its remedy, for a key that was taken away too early and for one of the same name with other bytes."""
    idp.apply(SHOP + ANNA)
    for wrong, reason in ((NEW, "a key that is not in `secrets`"), (config.new_ring_entry("test"), "is not the one")):
        use(idp, wrong)
        said = idp("doctor", code=1).stdout
        assert "authenticator app" in said
        assert reason in said
        assert "put the sealing key they were made with back into `secrets`" in said
