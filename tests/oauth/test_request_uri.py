"""Request objects by reference (OpenID Connect Core §6.2, RFC 9101 §5.2)."""

import base64
import hashlib
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from idp import clock, db
from idp.errors import Invalid
from idp.oauth.client_metadata import validate_metadata
from idp.write_gate import MustWait, never_waits
from tests.drivers.app_server import AppServer
from tests.drivers.client_keys import jwks, key, signed
from tests.drivers.relying_party import RelyingParty
from tests.oauth.conftest import Scene

KEY = key("ES256")


@pytest.fixture
def settings(configure):
    """Let the provider call apps on loopback."""
    return configure(outgoing={"allow": ["127.0.0.0/8"]})


@pytest.fixture
def party(scene: Scene, server: AppServer) -> RelyingParty:
    """Return an app that publishes its requests. The person has signed in to it before."""
    made = scene.party(jwks=jwks(KEY), request_uris=[f"{server.address}/{name}" for name in ("one", "two")])
    scene.tokens(made)
    return made


def text_of(party: RelyingParty, **changes: Any) -> bytes:
    """Return a good request object."""
    at = clock.epoch_seconds(clock.now())
    sent = dict(parse_qsl(urlsplit(party.authorize_url()).query))
    claims = {**sent, "iss": party.client_id, "aud": party.issuer, "exp": at + 600, **changes}
    return signed(claims, KEY, "ES256").encode()


def digest(document: bytes) -> str:
    """Return what an address says of its contents."""
    return base64.urlsafe_b64encode(hashlib.sha256(document).digest()).rstrip(b"=").decode()


def come(scene: Scene, party: RelyingParty, request_uri: str, **outer: str) -> dict[str, str]:
    """Return what the app is told."""
    sent = {"client_id": party.client_id, "request_uri": request_uri, "redirect_uri": party.redirect_uri, **outer}
    left = scene.browser.open(f"/oauth/authorize?{urlencode(sent)}").left_for
    assert left, scene.browser.text[:300]
    return dict(parse_qsl(urlsplit(left).query))


def test_a_published_request_signs_in(scene: Scene, party: RelyingParty, server: AppServer) -> None:
    """§5.2.3, §6.3: it is fetched once for each request, and what stands outside it counts for nothing."""
    server.documents["/one"] = text_of(party) + b"\n"
    found = come(scene, party, f"{server.address}/one", state="evil", scope="openid email", nonce="evil")
    assert found["state"] == party.state
    tokens = party.redeem(found["code"])
    assert (tokens.claims["nonce"], tokens.raw["scope"]) == (party.nonce, "openid")
    assert [one["path"] for one in server.requests] == ["/one"]
    assert "oauth-authz-req+jwt" in server.requests[0]["headers"]["Accept"]


def test_a_sign_in_with_pages_fetches_it_once(scene: Scene, party: RelyingParty, server: AppServer, new_browser) -> None:
    """S60: the object may be gone while the person types."""
    scene.browser = new_browser()
    server.documents["/one"] = text_of(party)
    sent = {"client_id": party.client_id, "request_uri": f"{server.address}/one"}
    scene.browser.open(f"/oauth/authorize?{urlencode(sent)}")
    del server.documents["/one"]
    scene._answer()
    assert party.redeem(party.answer(scene.browser.left_for)["code"]).claims["nonce"] == party.nonce
    assert len(server.requests) == 1


def test_an_object_whose_address_has_its_digest_is_kept(scene: Scene, party: RelyingParty, server: AppServer) -> None:
    """Core §6.2: the fragment is SHA-256 of the contents; another one is fetched again, and must be true."""
    document = server.documents["/one"] = text_of(party)
    address = f"{server.address}/one#{digest(document)}"
    for _ in range(3):
        assert come(scene, party, address)["code"]
    assert len(server.requests) == 1
    server.documents["/one"] = text_of(party)
    assert come(scene, party, f"{server.address}/one#{digest(server.documents['/one'])}")["code"]
    assert len(server.requests) == 2
    assert come(scene, party, f"{server.address}/one#{'A' * 43}")["error"] == "invalid_request_uri"
    assert come(scene, party, f"{server.address}/one")["code"], "a stranger's fragment closes no address"


@pytest.mark.parametrize(
    "request_uri",
    [
        "{server}/three", "{server}/one/", "{server}/one?x=1", "{server}/ONE", "{server}//one", "{server}", "one", "file:///one",
        "{server}/one#x", "{server}/one ", "http://127.0.0.1:1/one", "https://id.example.com/oauth/jwks", "urn:x", "#",
        "{server}/one#", "data:,x",
    ],
)  # fmt: skip
def test_only_a_registered_address_is_called(scene: Scene, party: RelyingParty, server: AppServer, request_uri: str) -> None:
    """RFC 9101 §10.4.1: nobody can have us call an address that the client did not register, letter for letter."""
    server.documents["/one"] = text_of(party)
    wanted = request_uri.format(server=server.address)
    assert come(scene, party, wanted)["error"] == "invalid_request_uri"
    assert server.requests == []


def test_nothing_is_called_for_an_unknown_client(scene: Scene, party: RelyingParty, server: AppServer) -> None:
    """RFC 9101 §10.4: the client is known first, and it is the client that registered the address."""
    other = scene.party("back-office", redirect_uri=party.redirect_uri, jwks=jwks(KEY))
    server.documents["/one"] = text_of(party)
    assert come(scene, other, f"{server.address}/one")["error"] == "invalid_request_uri"
    sent = {"client_id": "nobody", "request_uri": f"{server.address}/one", "redirect_uri": party.redirect_uri}
    assert scene.browser.open(f"/oauth/authorize?{urlencode(sent)}").status == 400
    assert server.requests == []


BROKEN: dict[str, tuple[int, dict[str, str], bytes | None, str]] = {
    "absent": (200, {}, None, "invalid_request_uri"),
    "an error": (500, {}, b"x", "invalid_request_uri"),
    "a redirect": (302, {"Location": "/two"}, b"", "invalid_request_uri"),
    "too large": (200, {}, b"A" * 70_000, "invalid_request_uri"),
    "large": (200, {}, b"A" * 40_000, "invalid_request_object"),
    "empty": (200, {}, b"", "invalid_request_object"),
    "a page": (200, {"Content-Type": "text/html"}, b"<html>", "invalid_request_object"),
    "no UTF-8": (200, {}, b"\xff\xfe.a.b", "invalid_request_object"),
    "unsigned": (200, {}, b"eyJhbGciOiJub25lIn0.e30.", "invalid_request_object"),
    "deep": (200, {}, b"[" * 30_000, "invalid_request_object"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_no_request_object_is_refused(
    scene: Scene, party: RelyingParty, server: AppServer, turned, what: str
) -> None:
    """§6.2, §7: no redirects, a bounded answer, one error, and never one of ours."""
    status, headers, document, error = BROKEN[what]
    server.documents["/two"] = text_of(party)
    server.status, server.headers = status, headers
    if document is not None:
        server.documents["/one"] = document
    assert come(scene, party, f"{server.address}/one")["error"] == error
    assert [one["path"] for one in server.requests] == ["/one"]


def test_an_address_that_fails_is_left_alone_for_some_seconds(
    scene: Scene, party: RelyingParty, server: AppServer, turned
) -> None:
    """RFC 9101 §10.4.2: strangers must not have us wait for a slow address again and again."""
    for _ in range(3):
        assert come(scene, party, f"{server.address}/one")["error"] == "invalid_request_uri"
    assert len(server.requests) == 1
    server.documents["/one"] = text_of(party)
    turned.shift(16)
    assert come(scene, party, f"{server.address}/one")["code"]


def test_a_private_address_is_not_called(scene: Scene, server: AppServer, configure: Callable[..., Any], factory) -> None:
    """RFC 9101 §10.4.1: not inside our network, unless ``[outgoing] allow`` lists it."""
    from idp.app import create_app
    from tests.drivers.applications import close

    made = factory.make_client("inside", jwks=jwks(KEY), request_uris=[f"{server.address}/one"])
    app = create_app(configure(outgoing={"allow": []}))
    sent = {"client_id": "inside", "request_uri": f"{server.address}/one", "redirect_uri": made.redirect_uri}
    answer = app.test_client().get(f"/oauth/authorize?{urlencode(sent)}", base_url=scene.settings.issuer)
    assert "error=invalid_request_uri" in answer.headers["Location"]
    assert server.requests == []
    close(app)


def test_the_network_is_not_waited_for_on_an_event_loop_or_in_a_transaction(scene, party: RelyingParty, server) -> None:
    """A thread answers such a request, and it holds no connection."""
    documents = scene.app.extensions["sleutel.oauth"].provider.request_documents
    server.documents["/one"] = text_of(party)
    token = never_waits.set(True)
    with pytest.raises(MustWait):
        documents.read(f"{server.address}/one")
    never_waits.reset(token)
    with scene.factory.context(), db.transaction(), pytest.raises(RuntimeError):
        documents.read(f"{server.address}/one")
    assert server.requests == []


def test_a_pushed_request_has_no_reference(scene: Scene, party: RelyingParty, server: AppServer) -> None:
    """RFC 9126 §2.1: "The request_uri authorization request parameter [...] MUST NOT be provided"."""
    answer = party.ask("pushed_authorization_request_endpoint", {"request_uri": f"{server.address}/one"})
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert server.requests == []


def test_only_clear_addresses_are_registered(settings) -> None:
    """Registration §2: https, or http on loopback; a fragment is the digest of the contents."""
    given = {"redirect_uris": ["https://app.example/cb"]}
    good = ["https://app.example/r", f"https://app.example/r#{'A' * 43}", "https://app.example/r"]
    assert validate_metadata({**given, "request_uris": good}, settings)["request_uris"] == good[:2]
    for wrong in (
        "http://app.example/r", "ftp://app.example/r", "r", "", 5, "https://app.example/r#", "https://app.example/r#x",
        "https://app.example/r#" + "%" * 43, "https://a@app.example/r", "https://app.example/" + "a" * 3000, "javascript:1",
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            validate_metadata({**given, "request_uris": [wrong]}, settings)
        assert refused.value.field == "request_uris", wrong
    with pytest.raises(Invalid):
        validate_metadata({**given, "request_uris": "https://app.example/r"}, settings)


def test_the_page_about_a_wrong_address_says_whose_mistake_it_is(scene: Scene, party: RelyingParty) -> None:
    """Such an address never expires, so that beginning again in the app would help nobody."""
    sent = {"client_id": party.client_id, "response_type": "code", "request_uri": "https://app.example/other"}
    scene.browser.open(f"/oauth/authorize?{urlencode(sent)}")
    assert (scene.browser.status, scene.browser.heading) == (400, "The app made a mistake")
    assert "not registered for this client" in scene.browser.text
