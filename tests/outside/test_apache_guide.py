"""mod_auth_openidc signs people in from exactly what `idp client guide` prints, unchanged."""

import os
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.conftest import Live
from tests.drivers import apache
from tests.outside.printed import EMAIL, SIGNED_OUT, prepare, running

pytestmark = pytest.mark.apache_app
SITE = f"""
Header always set X-User "expr=%{{REMOTE_USER}}"
Header always set X-Email "expr=%{{reqenv:OIDC_CLAIM_email}}"
<Location "{SIGNED_OUT}">
    AuthType None
    Require all granted
</Location>
"""
"""A site that tells what it knows about the person, with a page for everybody."""


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_mod_auth_openidc_signs_in_and_out(live: Live, tmp_path: Path, algorithm: str) -> None:
    """Debian's module protects a site, and leaving it ends the session at the provider."""
    guided = prepare(live, tmp_path / "app", "mod_auth_openidc", id_token_signed_response_alg=algorithm)
    (guided.folder / "site.conf").write_text(SITE)
    command = apache.command(guided.folder, guided.port, "oidc.conf", "site.conf")
    with running(guided, command, {**os.environ, "OIDC_CRYPTO_PASSPHRASE": "x" * 32}) as visitor:
        for _ in range(2):
            headers = visitor.open("/").headers
            assert (headers["X-User"], headers["X-Email"]) == (guided.person.id, EMAIL)
        left = visitor.open("/callback?" + urlencode({"logout": guided.origin + SIGNED_OUT}))
        assert left.url == guided.origin + SIGNED_OUT
        visitor.open("/")
        assert visitor.sign_ins == 2
