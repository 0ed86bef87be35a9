"""The console's test button: a real sign-in to an app. It returns to a page of the console, in this browser only."""

from urllib.parse import parse_qsl, urlencode, urlsplit

from idp.audit import Event
from idp.clock import now
from idp.oauth import registration
from idp.oauth.test_sign_in import permission
from idp.store import audit as audit_rows
from idp.store import grants
from tests.drivers.words import THE_APP_MADE_A_MISTAKE, THE_ID_TOKEN_EXPLAINED
from tests.factories import BY_TESTS

HOME = "/admin/example-shoes/apps"
ISSUER = "https://id.example.com"


def test_the_test_button_signs_in_and_explains_the_token(factory, enter, anna) -> None:
    """A round trip with state, nonce and PKCE. The page explains the claims, and the grant ends at once."""
    factory.make_client(scope="openid profile organisation")
    browser = enter(anna, f"{HOME}/webshop/about")
    browser.click("Test this app")
    assert "You sign in to this app for real" in browser.text
    browser.submit("Test")
    assert browser.heading == THE_ID_TOKEN_EXPLAINED
    assert anna.id in browser.text
    assert "The person's ID, which never changes." in browser.text
    assert "example-shoes" in browser.text
    assert any("/oauth/authorize?" in hop for hop in browser.hops)
    assert "__Host-trial" not in browser.cookies
    with factory.context():
        assert grants.held_of(anna.organisation_id, anna.id, now()) == []
    assert browser.reload().heading == THE_ID_TOKEN_EXPLAINED
    answer = next(hop for hop in browser.hops if "answer=" in hop)
    assert browser.open(answer.partition("?")[0]).status == 400, "a request without the code shows a result"


def test_an_app_that_must_push_and_sign_can_be_tested(factory, enter, anna) -> None:
    """RFC 9126 §5, RFC 9101 §10.5: the console has no key of the app; its own permission lets the plain request in."""
    factory.make_client(require_pushed_authorization_requests=True, require_signed_request_object=True)
    browser = enter(anna, f"{HOME}/webshop/test").submit("Test")
    assert browser.heading == THE_ID_TOKEN_EXPLAINED


def test_an_unexpected_answer_does_not_pass_the_test(factory, enter, anna) -> None:
    """RFC 6749 §10.12, RFC 9207: the state or issuer is wrong, it is an error, no test is under way, or it is too late."""
    factory.make_client()
    browser = enter(anna, f"{HOME}/webshop/test")
    assert browser.open(f"{permission.PATH}?code=x&state=y").status == 400
    browser.client.set_cookie("__Host-trial", "forged", domain="id.example.com", secure=True)
    assert "no test under way" in browser.open(f"{permission.PATH}?code=x&state=y").text

    def answered(**over: str) -> str:
        form = browser.open(f"{HOME}/webshop/test").page.forms
        data = [("csrf_token", next(one for one in form if "csrf_token" in one.fields).fields["csrf_token"][0])]
        answer = browser.client.post(f"{HOME}/webshop/test", data=dict(data), base_url=ISSUER)
        state = dict(pair.split("=") for pair in answer.headers["Location"].partition("?")[2].split("&"))["state"]
        parameters = {"state": state, "iss": ISSUER, **over}
        return browser.send("GET", ISSUER + permission.PATH, list(parameters.items())).text

    assert "state in the answer" in answered(state="other", code="x")
    assert "issuer in the answer" in answered(iss="https://evil.example", code="x")
    assert "access_denied" in answered(error="access_denied", error_description="No.")
    assert "invalid_grant" in answered(code="made-up")
    assert "invalid_grant" in answered()

    browser.open(f"{HOME}/webshop/test").submit("Test")
    assert browser.heading == THE_ID_TOKEN_EXPLAINED, "after a failed test the next one fails too"


def test_the_test_page_is_a_redirect_uri_for_its_test_only(factory, enter, anna, new_browser, clock) -> None:
    """RFC 9700 §2.1: the page counts as a redirect_uri only for the browser and the app of a test, and for some minutes."""
    factory.make_client()
    factory.make_client("other")
    browser = enter(anna, f"{HOME}/webshop/test").submit("Test")
    begun = next(hop for hop in browser.hops if "/oauth/authorize?" in hop)
    assert browser.open(begun).status == 400, "a test that is over got another answer"
    plain = urlencode({"response_type": "code", "client_id": "webshop", "redirect_uri": ISSUER + permission.PATH})
    assert "error" in browser.open(f"/oauth/authorize?{plain}&scope=openid&state=x").text
    stranger = new_browser()
    for address, asking in (
        (begun, stranger),
        (begun.replace("client_id=webshop", "client_id=other"), browser),
        (begun.replace("test%2Fcallback", "test%2Fcallback%2F"), browser),
    ):
        assert "not one that is registered" in asking.open(address).text
        assert asking.heading == THE_APP_MADE_A_MISTAKE
    clock(seconds=permission.LIVES)
    assert "not one that is registered" in browser.open(begun).text


def test_a_test_is_audited_and_the_app_cannot_use_its_code(app, factory, enter, anna) -> None:
    """The audit log names the tester and the app. The app cannot redeem the code, because it lacks the verifier
    (RFC 7636).
    """
    made = factory.make_client()
    browser = enter(anna, f"{HOME}/webshop/test")
    token = browser.value("csrf_token")
    sent = browser.client.post(f"{HOME}/webshop/test", data={"csrf_token": token}, base_url=ISSUER)
    answer = browser.client.get(sent.headers["Location"].removeprefix(ISSUER), base_url=ISSUER).headers["Location"]
    parameters = dict(parse_qsl(urlsplit(answer).query))
    assert answer.startswith(ISSUER + permission.PATH)
    form = {"grant_type": "authorization_code", "code": parameters["code"], "redirect_uri": ISSUER + permission.PATH}
    asked = {**form, "code_verifier": "v" * 43}
    got = app.test_client().post("/oauth/token", data=asked, base_url=ISSUER, auth=(made.client_id, made.secret))
    assert (got.status_code, got.json["error"]) == (400, "invalid_grant")
    with factory.context():
        rows = [row for row in audit_rows.rows(anna.organisation_id) if row.event == Event.CLIENT_TESTED]
        assert [(row.actor_id, row.client_id) for row in rows] == [(anna.id, "webshop")]


def test_a_disabled_app_cannot_be_tested(factory, enter, new_browser, anna, olga) -> None:
    """The app's page says what to do instead, to operators and to administrators."""
    factory.make_client()
    with factory.context():
        registration.disable("webshop", BY_TESTS)
    browser = enter(olga, f"{HOME}/webshop/about")
    assert "Enable the app to test it." in browser.text
    assert not any("Test this app" in words for _, words in browser.page.links)
    theirs = enter(anna, f"{HOME}/webshop/test", new_browser())
    assert theirs.url.endswith("/webshop/about")
    assert "Ask the installation administrator to enable it." in theirs.text


def test_an_app_that_is_disabled_before_its_test_begins(factory, enter, anna) -> None:
    """The posted form comes back to the app's page, not to a page that does not exist."""
    factory.make_client()
    browser = enter(anna, f"{HOME}/webshop/test")
    with factory.context():
        registration.disable("webshop", BY_TESTS)
    browser.submit("Test")
    assert (browser.status, "disabled" in browser.text) == (200, True)


def test_an_api_has_no_test(factory, enter, olga) -> None:
    """Nobody signs in to an API."""
    api = {"identifier": "https://stock.example.com", "scopes": {"stock.read": "See the stock"}}
    factory.make_client("stock", grant_types=[], redirect_uris=[], resource=api)
    assert enter(olga, "/admin/installation/apps/stock/test").url.endswith("/stock/about")


def test_the_page_of_a_test_names_the_app_and_says_where_the_rest_is(factory, enter, anna) -> None:
    """OpenID Connect Core §5.4: name and e-mail address come from userinfo, unless `id_token_claims` says otherwise."""
    factory.make_client(scope="openid profile email roles")
    browser = enter(anna, f"{HOME}/webshop/test").submit("Test")
    assert "“Webshop” would have received" in browser.text
    assert "userinfo" in browser.text
    assert "as a list for apps that expect one" in browser.text
    factory.make_client("kassa", scope="openid profile email", id_token_claims=True)
    assert "userinfo" not in browser.open(f"{HOME}/kassa/test").submit("Test").text
