"""An app signs its user out (OpenID Connect RP-Initiated Logout 1.0)."""

import base64
from urllib.parse import urlencode

import pytest
import time_machine
from joserfc import jwt
from joserfc.jwk import OctKey

from idp import clock
from idp.store import audit
from tests.drivers.statements import counted
from tests.drivers.words import YOU_ARE_SIGNED_OUT

BYE = "https://shop.example.com/bye"


@pytest.fixture
def party(scene):
    """Return an app with a registered address for after sign-out."""
    return scene.party(post_logout_redirect_uris=[BYE, BYE + "?x=1"])


def log_out(scene, **params):
    """Open the logout endpoint."""
    return scene.browser.open(f"/oauth/logout?{urlencode(params)}")


def is_signed_in(scene, party):
    """Return whether a silent sign-in works."""
    return "code=" in (scene.browser.open(party.authorize_url(prompt="none")).left_for or "")


def test_a_hint_of_this_session_signs_out_at_once_and_redirects(scene, party):
    """OC-17: the registered address gets the state back."""
    token = scene.tokens(party).id_token
    answer = log_out(scene, id_token_hint=token, post_logout_redirect_uri=BYE, state="a b&c")
    assert answer.left_for == BYE + "?state=a%20b%26c"
    assert not is_signed_in(scene, party)
    with scene.factory.context():
        assert "login:ended" in [row.event for row in audit.rows(scene.person.organisation_id)]


def test_an_expired_hint_is_accepted(scene, party):
    """§2: "the OP SHOULD accept ID Tokens […] even when the exp time has passed"."""
    with time_machine.travel(clock.now(), tick=False) as turned:
        token = scene.tokens(party).id_token
        turned.shift(1200)
        log_out(scene, id_token_hint=token)
        assert not is_signed_in(scene, party)


def test_without_a_hint_sign_out_asks_for_confirmation(scene, party):
    """V10.6.2: a link alone must not sign a person out."""
    scene.tokens(party)
    answer = log_out(scene, client_id=party.client_id, post_logout_redirect_uri=BYE, state="s")
    assert (answer.status, answer.left_for) == (200, None)
    assert scene.person.username in answer.text
    assert is_signed_in(scene, party)
    log_out(scene, client_id=party.client_id, post_logout_redirect_uri=BYE, state="s")
    assert scene.browser.submit("choice=sign_out").left_for == BYE + "?state=s"
    assert not is_signed_in(scene, party)


def test_declining_sign_out_keeps_the_session(scene, party):
    """V10.6.2: the user decides."""
    scene.tokens(party)
    log_out(scene).submit("choice=stay")
    assert is_signed_in(scene, party)


def test_an_invalid_hint_asks_for_confirmation(scene, party):
    """V9.2.2, V10.6.2: an access token, a changed token, rubbish, and the ID token of an ended session."""
    old = scene.tokens(party).id_token
    log_out(scene, id_token_hint=old)
    tokens = scene.tokens(party)
    for hint in (tokens.access_token, tokens.id_token[:-6] + "AAAAAA", "a.b.c", old):
        assert log_out(scene, id_token_hint=hint, client_id=party.client_id).left_for is None, hint
        assert is_signed_in(scene, party)


def test_a_forged_or_replayed_confirmation_is_refused(scene, party):
    """The form is bound to the browser. A forged form, or one replayed in another browser, changes nothing."""
    scene.tokens(party)
    page = log_out(scene, client_id=party.client_id).page
    kept = next(form for form in page.forms if "request" in form.fields).fields["request"][0]
    scene.browser.send("POST", scene.settings.issuer + "/oauth/logout/confirm", [("choice", "sign_out"), ("request", kept)])
    assert scene.browser.status == 403
    assert is_signed_in(scene, party)


ELSEWHERE = [
    "https://evil.example/", BYE + "/", BYE + "?", BYE + "?x=2", BYE.upper(), "https://shop.example.com/callback",
    "//evil.example", "javascript:alert(1)", BYE + "#x", "https://shop.example.com:443/bye", "\x00", "x" * 5000,
]  # fmt: skip
UNREADABLE = ELSEWHERE[-2:]


def test_logout_never_redirects_to_an_unregistered_address(scene, party):
    """OC-17: the address must match byte for byte, with a hint, a client_id, both or neither."""
    token = scene.tokens(party).id_token
    hints = ({}, {"id_token_hint": token}, {"client_id": party.client_id}, {"client_id": "nobody"})
    for address in ELSEWHERE:
        for hint in hints:
            answer = log_out(scene, post_logout_redirect_uri=address, **hint)
            assert (answer.status, answer.left_for) == (400, None), (address, hint)
    assert is_signed_in(scene, party)


def test_sign_out_works_in_spite_of_a_wrong_request(scene, party, new_browser):
    """§2, §4: the user is asked and signed out. No redirect follows an invalid request."""
    scene.party("other", redirect_uri="https://other.example/cb", post_logout_redirect_uris=["https://other.example/"])
    token = scene.tokens(party).id_token
    head, body, signature = token.split(".")
    foreign = jwt.encode(
        {"alg": "HS256"}, {"sub": "x", "aud": party.client_id, "iss": "https://else.example"}, OctKey.generate_key()
    )
    changed = f"{head}.{body}.{'A' * len(signature)}"
    asked = [{}, {"id_token_hint": ""}]
    mistaken = [
        *({"post_logout_redirect_uri": BYE, "id_token_hint": hint} for hint in ("a.b.c", changed, foreign)),
        {"post_logout_redirect_uri": BYE, "id_token_hint": "a.b.c", "client_id": party.client_id},
        {"post_logout_redirect_uri": BYE + "/", "id_token_hint": token},
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": BYE, "client_id": "nobody"},
        {"post_logout_redirect_uri": BYE, "client_id": "other", "id_token_hint": token},
        {"post_logout_redirect_uri": BYE, "client_id": party.client_id, "id_token_hint": "A" * 40_000},
    ]
    wanted = [({"post_logout_redirect_uri": BYE, **more}, 200) for more in asked] + [(more, 400) for more in mistaken]
    for params, status in wanted:
        scene.tokens(party)
        answer = log_out(scene, state="s", **params)
        assert (answer.status, answer.left_for) == (status, None), params
        assert ("error_description" in answer.text) == (status == 400), params
        assert is_signed_in(scene, party), params
        log_out(scene, state="s", **params)
        answer = scene.browser.submit("choice=sign_out")
        assert (answer.status, answer.left_for) == (200, None), params
        assert not is_signed_in(scene, party), params


def test_a_hint_of_another_session_asks_and_then_redirects(scene, party, new_browser):
    """Any hint names a client. So the address is known and state comes back."""
    other = scene.factory.make_user(scene.person.organisation_id, "ann")
    jan, here = scene.person, scene.browser
    scene.person, scene.browser = other, new_browser()
    hint = scene.tokens(party).id_token
    scene.person, scene.browser = jan, here
    scene.tokens(party)
    assert log_out(scene, id_token_hint=hint, post_logout_redirect_uri=BYE, state="a&b").left_for is None
    assert scene.browser.submit("choice=sign_out").left_for == BYE + "?state=a%26b"
    assert not is_signed_in(scene, party)


def test_a_confirmation_with_an_unreadable_seal_still_signs_out(scene, party):
    """The user pressed "Sign out" on our page. Keys may have been rotated since."""
    scene.tokens(party)
    log_out(scene, client_id=party.client_id, post_logout_redirect_uri=BYE)
    form = next(form for form in scene.browser.page.forms if "request" in form.fields)
    posted = [("csrf_token", form.fields["csrf_token"][0]), ("request", "rubbish"), ("choice", "sign_out")]
    scene.browser.send("POST", scene.settings.issuer + "/oauth/logout/confirm", posted)
    assert (scene.browser.status, scene.browser.left_for) == (200, None)
    assert not is_signed_in(scene, party)


def test_an_unreadable_post_asks_for_confirmation(scene, party):
    """JSON, or a form that is too long, must not keep the user signed in."""
    scene.tokens(party)
    for options in ({"json": {"client_id": "x"}}, {"data": {"state": "x" * 20_000}}):
        answer = scene.browser.client.post("/oauth/logout", base_url=scene.settings.issuer, **options)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/oauth/logout")


def test_the_hint_and_client_id_must_name_the_same_client(scene, party):
    """§2: "the OP MUST verify that the Client Identifier matches"."""
    token = scene.tokens(party).id_token
    scene.party("other", redirect_uri="https://other.example/cb", post_logout_redirect_uris=["https://other.example/"])
    answer = log_out(scene, id_token_hint=token, client_id="other", post_logout_redirect_uri="https://other.example/")
    assert (answer.status, answer.left_for) == (400, None)


def test_sign_out_without_a_session_redirects_at_once(scene, party):
    """Without a session there is nothing to confirm."""
    assert log_out(scene, client_id=party.client_id, post_logout_redirect_uri=BYE).left_for == BYE
    assert log_out(scene).status == 200


def test_a_wrong_request_without_a_session_gets_a_useful_page(scene, party):
    """The page says that the user is signed out. It links only to addresses that the app registered."""
    for address in ELSEWHERE:
        for more in ({}, {"client_id": party.client_id}, {"client_id": "nobody"}):
            answer = log_out(scene, post_logout_redirect_uri=address, **more)
            assert (answer.left_for, answer.heading) == (None, YOU_ARE_SIGNED_OUT), (address, more)
            assert answer.status == (400 if address in UNREADABLE else 200), (address, more)
            assert "error_description" in answer.text


def test_a_posted_request_asks_for_confirmation(scene, party):
    """§2: both GET and POST work. A form on another site sends no cookie, so it continues as a GET."""
    token = scene.tokens(party).id_token
    form = [("id_token_hint", token), ("post_logout_redirect_uri", BYE)]
    assert scene.browser.send("POST", scene.settings.issuer + "/oauth/logout", form).left_for == BYE
    assert not is_signed_in(scene, party)


def _with_alg_none(token: str) -> str:
    """Return the same ID token, unsigned."""
    head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    return f"{head}.{token.split('.')[1]}."


MODULES = {
    "rp-initiated-logout": ({"hint": "good", "to": BYE, "state": "s"}, "redirect"),
    "no-state": ({"hint": "good", "to": BYE}, "redirect"),
    "bad-post-logout-redirect-uri": ({"hint": "good", "to": BYE + "/other", "state": "s"}, "post_logout_redirect_uri"),
    "query-added-to-post-logout-redirect-uri": (
        {"hint": "good", "to": BYE + "?x=2", "state": "s"},
        "post_logout_redirect_uri",
    ),
    "bad-id-token-hint": ({"hint": "other issuer's", "to": BYE, "state": "s"}, "id_token_hint"),
    "modified-id-token-hint": ({"hint": "alg none", "to": BYE, "state": "s"}, "id_token_hint"),
    "no-id-token-hint": ({"to": BYE, "state": "s"}, "question"),
    "no-post-logout-redirect-uri": ({"hint": "good", "state": "s"}, "signed out"),
    "only-state": ({"state": "s"}, "question"),
    "no-params": ({}, "question"),
}


@pytest.mark.parametrize("module", MODULES)
def test_each_module_of_the_rp_initiated_logout_plan(scene, party, module: str):
    """Certification, by the plan's module names: a wrong request is never followed, and its page names what is wrong."""
    good = scene.tokens(party).id_token
    foreign = jwt.encode({"alg": "HS256"}, {"sub": "x", "aud": "y", "iss": "https://z.example"}, OctKey.generate_key())
    hints = {"good": good, "other issuer's": foreign, "alg none": _with_alg_none(good)}
    sent, wanted = MODULES[module]
    names = {"to": "post_logout_redirect_uri", "state": "state"}
    params = {names[name]: value for name, value in sent.items() if name in names}
    answer = log_out(scene, **params, **({"id_token_hint": hints[sent["hint"]]} if "hint" in sent else {}))
    if wanted == "redirect":
        assert answer.left_for == BYE + ("?state=s" if "state" in sent else "")
    elif wanted == "signed out":
        assert (answer.left_for, answer.heading) == (None, YOU_ARE_SIGNED_OUT)
    else:
        assert (answer.left_for, answer.status) == (None, 200 if wanted == "question" else 400)
        assert "Stay signed in" in answer.text, "it asks all the same"
        assert (wanted in answer.text) == (wanted != "question")
    assert is_signed_in(scene, party) == (wanted not in ("redirect", "signed out"))


def test_an_address_without_a_client_is_looked_up_in_memory(scene, party):
    """Strangers send such requests, and apps that register themselves may be many. Not one reads them all again."""
    assert log_out(scene, post_logout_redirect_uri=BYE).status == 200
    with counted(scene.app) as seen:
        for address in (BYE, "https://evil.example/"):
            log_out(scene, post_logout_redirect_uri=address)
    assert not [one for one in seen if "FROM clients " in one and "WHERE" not in one], seen
