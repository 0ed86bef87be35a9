"""go-oidc signs people in from exactly what `idp client guide` prints, unchanged."""

import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conftest import Live
from tests.drivers import golang
from tests.outside.printed import REFUSED, assert_signs_in_and_out, prepare, running

LOCK = Path(__file__).parent / "go_app"


@pytest.mark.go_app
def test_go_oidc_signs_in_and_out(live: Live, tmp_path: Path) -> None:
    """Go-oidc verifies the ID token of a sign-in with PKCE and a nonce, and reads userinfo."""
    guided = prepare(live, tmp_path / "app", "go-oidc")
    with running(guided, [str(golang.build(guided.folder, LOCK))], os.environ) as visitor:
        assert_signs_in_and_out(visitor)
        begun = visitor.session.get(guided.origin, allow_redirects=False).headers["Location"]
        state = parse_qs(urlsplit(begun).query)["state"][0]
        refused = visitor.session.get(f"{guided.origin}/callback", params={**REFUSED, "state": state})
        assert (refused.status_code, refused.text) == (403, "access_denied: The person refused.\n")
