"""HEAD is safe (RFC 9110 §9.2.1): it neither signs anybody in or out, nor makes a code."""

from urllib.parse import urlencode

from idp import clock
from idp.store import sessions
from tests.drivers.statements import counted
from tests.oauth.conftest import Scene


def test_head_makes_no_code_and_ends_no_session(scene: Scene) -> None:
    """A prefetching proxy or a link checker may send it with the person's cookies. ``Allow`` says what the address takes."""
    party = scene.party(post_logout_redirect_uris=["https://shop.example.com/bye"])
    hint = scene.tokens(party).id_token
    leave = urlencode({"id_token_hint": hint, "post_logout_redirect_uri": "https://shop.example.com/bye"})
    start = party.authorize_url(prompt="none").removeprefix(scene.settings.issuer)
    resume = "/oauth/authorize/abcdefghijklmnopqrstuvwxyz"
    for path, posted in ((start, True), (f"/oauth/logout?{leave}", True), (resume, False)):
        with counted(scene.app) as seen:
            answer = scene.browser.client.head(path, base_url=scene.settings.issuer)
        assert (answer.status_code, answer.headers.get("Location"), answer.data) == (405, None, b""), path
        assert {name.strip() for name in answer.headers["Allow"].split(",")} == {
            "GET",
            "OPTIONS",
            *(["POST"] if posted else []),
        }
        assert not [one for one in seen if one.startswith(("INSERT", "UPDATE", "DELETE"))], path
    with scene.factory.context():
        assert sessions.sessions_of(scene.person.organisation_id, scene.person.id, clock.now(), None, 100)
    assert party.redeem(scene.code(party, prompt="none")).claims["sub"] == scene.person.id


def test_head_at_documents_answers_like_get(ask) -> None:
    """Discovery and the key set have the headers of GET, without a body."""
    for path in ("/.well-known/openid-configuration", "/oauth/jwks"):
        got, headed = ask("GET", path), ask("HEAD", path)
        assert (headed.status_code, headed.data) == (200, b"")
        assert headed.headers["ETag"] == got.headers["ETag"]
