"""Spring Boot signs people in from exactly what `idp client guide` prints, unchanged."""

import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import Live
from tests.drivers import maven
from tests.outside.printed import EMAIL, NAME, SIGNED_OUT, prepare, running

PROJECT = Path(__file__).parent / "spring_app"
TOKEN = re.compile(r'name="_csrf"[^>]*value="([^"]+)"')


@pytest.mark.spring_app
def test_spring_boot_signs_in_and_out(live: Live, tmp_path: Path) -> None:
    """Spring Security signs in with PKCE and a nonce, verifies ES256, reads userinfo and signs out."""
    path = maven.classpath(PROJECT)
    guided = prepare(
        live, tmp_path / "app", "spring-boot", "/login/oauth2/code/sleutel", id_token_signed_response_alg="ES256"
    )
    shutil.copy(PROJECT / "Shop.java", guided.folder)
    maven.compile_java(guided.folder, path)
    with running(guided, ["java", *maven.QUICK, "-cp", f"{guided.folder}:{path}", "Shop"], os.environ) as visitor:
        for _ in range(2):
            assert visitor.open("/").json() == {"sub": guided.person.id, "name": NAME, "email": EMAIL}
        token = TOKEN.search(visitor.open("/logout").text)
        assert visitor.sign_ins == 1
        assert token
        left = visitor.open("/logout", _csrf=token[1])
        assert urlsplit(left.url).path == SIGNED_OUT
        assert visitor.sign_ins == 2, "this app lets nobody see that page without signing in"
