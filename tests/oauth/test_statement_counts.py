"""How many statements each operation of the hot path runs: one too many is red at once (issue 9)."""

import pytest

from tests.drivers.statements import counted
from tests.oauth.conftest import Scene

CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")


def run(statements: list[str]) -> list[str]:
    """Without what opens and ends transactions."""
    return [one for one in statements if not one.startswith(CONTROL)]


@pytest.fixture
def signed_in(scene: Scene) -> Scene:
    """A person with a session, of an app that may refresh. Everything that a process reads once has been read."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"], scope="openid profile offline_access")
    for _ in range(2):
        scene.tokens(party, scope="openid profile offline_access")
    return scene


@pytest.mark.both_engines
@pytest.mark.parametrize(("operation", "count"), [("silent", 8), ("redeem", 6), ("refresh", 6), ("userinfo", 2)])
def test_the_hot_path_runs_so_many_statements(signed_in: Scene, operation: str, count: int, engine: str) -> None:
    """Issue 9: single sign-on of a live session, the code's redemption, a refresh, the claims about a person."""
    party, asked = signed_in.party(), {"scope": "openid profile offline_access"}
    code = signed_in.code(party, **asked)
    tokens = party.redeem(code) if operation != "redeem" else None
    with counted(signed_in.app) as seen:
        if operation == "silent":
            signed_in.code(party, **asked)
        elif tokens is None:
            party.redeem(code)
        elif operation == "refresh":
            party.refresh(tokens.refresh_token)
        else:
            party.userinfo(tokens.access_token)
    assert len(run(seen)) == count, "\n".join(run(seen))


@pytest.mark.both_engines
def test_a_full_sign_in_runs_so_many_statements(signed_in: Scene, new_browser, engine: str) -> None:
    """Issue 9: from the app, over the password page, back to the app; the code's redemption apart."""
    signed_in.browser = new_browser()
    with counted(signed_in.app) as seen:
        signed_in.code(signed_in.party(), scope="openid profile offline_access")
    assert len(run(seen)) == 60, "\n".join(run(seen))
