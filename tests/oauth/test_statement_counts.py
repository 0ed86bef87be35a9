"""Count the statements of each operation on the hot path. One statement too many fails a test."""

import pytest

from tests.drivers.statements import counted
from tests.oauth.conftest import Scene

CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")


def run(statements: list[str]) -> list[str]:
    """Return the statements without those that open and end transactions."""
    return [one for one in statements if not one.startswith(CONTROL)]


@pytest.fixture
def signed_in(scene: Scene) -> Scene:
    """Return a user with a session of an app that may refresh. The process has read all that it reads once."""
    party = scene.party(grant_types=["authorization_code", "refresh_token"], scope="openid profile offline_access")
    for _ in range(2):
        scene.tokens(party, scope="openid profile offline_access")
    return scene


@pytest.mark.both_engines
@pytest.mark.parametrize(("operation", "count"), [("silent", 8), ("redeem", 6), ("refresh", 6), ("userinfo", 2)])
def test_each_hot_operation_runs_this_many_statements(signed_in: Scene, operation: str, count: int, engine: str) -> None:
    """Silent sign-in in an active session, redemption of a code, refresh, and userinfo."""
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
def test_a_full_sign_in_runs_this_many_statements(signed_in: Scene, new_browser, engine: str) -> None:
    """From the app, through the password page and back to the app. Redemption of the code is not counted."""
    signed_in.browser = new_browser()
    with counted(signed_in.app) as seen:
        signed_in.code(signed_in.party(), scope="openid profile offline_access")
    assert len(run(seen)) == 60, "\n".join(run(seen))
