"""Check the headers of every response, for every path and method."""

import re

import pytest

from idp.web.oauth_api import ENDPOINTS
from tests.web.conftest import METHODS, Heard, Recorder, Shop, paths


def is_marked(heard: Heard) -> bool:
    """Check the headers that every response must have, and those that none may have."""
    headers = heard.headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe-" not in policy
    assert all(part in policy for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'"))
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] in ("same-origin", "no-referrer")
    is_opened_by_apps = re.match(r"/(oauth/(authorize|logout)|sign-in|language)", heard.path)
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin" or is_opened_by_apps, heard.path
    assert len(headers["X-Request-Id"]) == 26
    lasting = re.fullmatch(r"max-age=(\d+); includeSubDomains(; preload)?", headers["Strict-Transport-Security"])
    assert lasting
    assert int(lasting[1]) >= 31_536_000
    return not {"Server", "X-Powered-By", "Via"} & set(headers.keys())


def test_every_response_has_the_security_headers(shop: Shop, recorder: Recorder) -> None:
    """V3.4.1, V3.4.3–V3.4.8, V13.4.6: pages, static files, redirects and errors have them, with and without a session."""
    everywhere = list(paths(shop.app))
    for client in (shop.app.test_client(use_cookies=False), shop.signed_in().client):
        for path in everywhere:
            for method in METHODS:
                client.open(path, method=method, base_url=shop.settings.issuer, buffered=True)
    assert all(is_marked(heard) for heard in recorder.heard)
    assert {heard.status for heard in recorder.heard} >= {200, 303, 400, 404, 405}
    assert max(heard.status for heard in recorder.heard) < 500


def test_pages_are_never_cached_and_every_body_has_a_type(shop: Shop, recorder: Recorder) -> None:
    """V14.3.2, V4.1.1, S60: HTML is no-store. Text has a charset. Only static files are cached."""
    client = shop.signed_in().client
    for path in paths(shop.app):
        for method in ("GET", "POST"):
            client.open(path, method=method, base_url=shop.settings.issuer, buffered=True)
    for heard in recorder.heard:
        kind = heard.headers.get("Content-Type", "")
        kept = heard.headers.get("Cache-Control", "")
        if kind.startswith("text/"):
            assert "charset=utf-8" in kind.lower(), heard
        if kind.startswith("text/html") or heard.headers.getlist("Set-Cookie"):
            assert "no-store" in kept, heard
        if heard.path == "/oauth/token" or heard.path.startswith("/account"):
            assert "no-store" in kept, heard


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "CONNECT", "PROPFIND", "DEBUG", "FOO"])
def test_unsupported_methods_are_refused(shop: Shop, method: str) -> None:
    """V4.1.4, V13.4.4: every route answers 405. The response repeats no part of the request."""
    for path in paths(shop.app):
        answer = shop.ask(method, path, headers={"X-Canary": "canary-of-trace"})
        assert answer.status_code in (404, 405), path
        assert "canary-of-trace" not in answer.get_data(as_text=True)


def test_a_posted_page_answers_405_to_get(shop: Shop) -> None:
    """V3.5.3: the response names the allowed methods."""
    for rule in shop.app.url_map.iter_rules():
        others = [one for one in shop.app.url_map.iter_rules() if one.rule == rule.rule]
        if not any("GET" in (one.methods or ()) for one in others):
            path = re.sub(r"<[^>]*>", "x", rule.rule)
            answer = shop.ask("GET", path)
            assert answer.status_code == 405, path
            assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://evil.id.example.com", "https://id.example.com"])
def test_only_machine_endpoints_are_open_to_other_origins(shop: Shop, recorder: Recorder, origin: str) -> None:
    """V3.4.2: no other origin may read a page. Machine endpoints read no cookie and allow every origin."""
    client = shop.signed_in().client
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "Authorization"}
    recorder.heard.clear()
    for path in paths(shop.app):
        for method in ("GET", "POST", "OPTIONS"):
            client.open(path, method=method, base_url=shop.settings.issuer, buffered=True, headers=asked)
    for heard in recorder.heard:
        assert "Access-Control-Allow-Credentials" not in heard.headers
        allowed = heard.headers.get("Access-Control-Allow-Origin")
        assert allowed in (("*", None) if heard.path in ENDPOINTS else (None,)), heard.path
    assert any("Access-Control-Allow-Origin" in heard.headers for heard in recorder.heard)


def test_machine_endpoints_set_no_cookie(shop: Shop, recorder: Recorder) -> None:
    """V7.2.1: machine endpoints read no cookie, so they set none."""
    for method in METHODS:
        for path in (
            "/oauth/token",
            "/oauth/revoke",
            "/oauth/introspect",
            "/oauth/userinfo",
            "/oauth/jwks",
            "/.well-known/openid-configuration",
            "/livez",
            "/readyz",
        ):
            shop.ask(method, path)
    assert recorder.heard
    assert not [heard for heard in recorder.heard if heard.headers.getlist("Set-Cookie")]


def test_there_is_no_jsonp(shop: Shop) -> None:
    """V3.5.6: a callback parameter changes no response."""
    for path in ("/oauth/jwks", "/.well-known/openid-configuration", "/livez"):
        answer = shop.ask("GET", path, query_string="callback=evil&jsonp=evil")
        assert "evil" not in answer.get_data(as_text=True)
        assert answer.mimetype == "application/json"
