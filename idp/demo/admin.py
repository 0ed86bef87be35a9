"""A back office that signs its users in with OpenID Connect. One file: Flask, Authlib's client, and ``idp.relying``.

Turnover and wages need a second factor, so it asks ``acr_values="mfa"`` and checks the ``acr`` it gets. Someone with a
session from the webshop is signed in here too, but without the second factor.

Run it with ADMIN_CLIENT_SECRET set; ISSUER and PORT may be set.
"""

import os
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import Flask, redirect, render_template_string, request, session, url_for
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import Token
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from idp.relying import Demand

ISSUER = os.environ.get("ISSUER", "http://localhost:8000")
PORT = int(os.environ.get("PORT", "8002"))
SECOND_FACTOR = Demand("mfa")
STAFF = {"owner", "administrator", "manager"}
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_CLAIMS = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": "admin"},
    sid={"essential": True},
    iat={"essential": True},
    exp={"essential": True},
)
ended: set[str] = set()
"""The provider's sessions (``sid``) that have ended: ours are in cookies, which only their browser can delete."""

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ.get("ADMIN_SESSION_KEY") or os.urandom(32),
    SESSION_COOKIE_NAME="admin_session",  # cookies know no ports: each app on this host needs a name of its own
    SESSION_COOKIE_SAMESITE="Lax",
)
oauth = OAuth(app)
oauth.register(
    "idp",
    client_id="admin",
    client_secret=os.environ.get("ADMIN_CLIENT_SECRET"),
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email organisation", "code_challenge_method": "S256"},
)


@app.get("/")
def office() -> str | tuple[str, int]:
    """Show the figures to users with a second factor."""
    claims = session.get("claims")
    if not claims:
        return page(WELCOME, "Welcome")
    if claims.get("role") not in STAFF:
        return page(NOT_YOURS, "Not for you"), 403
    return page(OFFICE, "Overview")


@app.get("/sign-in")
def sign_in() -> Response:
    """Send the browser to the provider. Authlib adds state, nonce and PKCE and keeps them in our session."""
    response: Response = oauth.idp.authorize_redirect(url_for("callback", _external=True), acr_values="mfa")
    return response


@app.get("/callback")
def callback() -> Response | tuple[str, int]:
    """Come back from the provider: exchange the code for an ID token, whose signature, nonce and audience Authlib checks."""
    if request.args.get("iss", ISSUER) != ISSUER:  # RFC 9207: not an answer of our provider
        return page(FAILED, "Not signed in", error="The answer came from somewhere else."), 400
    try:
        token = oauth.idp.authorize_access_token()
    except OAuthError as error:
        return page(FAILED, "Not signed in", error=error.description or error.error), 400
    claims = dict(token["userinfo"])
    if not SECOND_FACTOR.is_met(claims):  # requested is not given: the token says what was proved
        return page(FAILED, "Not signed in", error="No second factor was given."), 403
    session["claims"], session["id_token"], session["person"] = claims, token["id_token"], about(token)
    return redirect("/")


def about(token: dict[str, Any]) -> dict[str, Any]:
    """Return name and the like from the userinfo endpoint, if it is about the same person (OpenID Connect Core §5.3.2)."""
    userinfo = dict(oauth.idp.userinfo(token=token))
    return userinfo if userinfo.get("sub") == token["userinfo"]["sub"] else {}


@app.post("/sign-out")
def sign_out() -> Response:
    """End our session, then the provider's (OpenID Connect RP-Initiated Logout)."""
    hint = session.get("id_token")
    session.clear()
    end = oauth.idp.load_server_metadata()["end_session_endpoint"]
    wishes = {"client_id": "admin", "post_logout_redirect_uri": url_for("office", _external=True)}
    return redirect(f"{end}?{urlencode(wishes | ({'id_token_hint': hint} if hint else {}))}")


@app.before_request
def end_with_the_provider() -> None:
    """End our session where the provider's session, from which it came, has ended."""
    if (session.get("claims") or {}).get("sid") in ended:
        session.update(claims=None, id_token=None, person=None)  # what a sign-in under way keeps here must stay


@app.post("/backchannel-logout")
def end_elsewhere() -> tuple[str, int]:
    """Take the provider's word that a session has ended (Back-Channel Logout 1.0 §2.6). Any other token is refused."""
    try:
        token = verified(request.form.get("logout_token", ""))
        LOGOUT_CLAIMS.validate(token.claims)
    except (JoseError, ValueError):
        return "", 400
    claims = token.claims
    if token.header.get("typ") != "logout+jwt" or LOGOUT_EVENT not in claims.get("events", {}) or "nonce" in claims:
        return "", 400
    ended.add(claims["sid"])
    return "", 200


def verified(text: str) -> Token:
    """Return a JWT that one of the provider's keys has signed; keys that are unknown are fetched again."""
    try:
        return jwt.decode(text, KeySet.import_key_set(oauth.idp.fetch_jwk_set()), algorithms=["RS256", "ES256"])
    except InvalidKeyIdError:
        return jwt.decode(text, KeySet.import_key_set(oauth.idp.fetch_jwk_set(force=True)), algorithms=["RS256", "ES256"])


def in_words(moment: int, zone: str) -> str:
    """Return a time of day with its zone: the person's own, else this machine's."""
    return datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(zone) if zone else None).strftime("%H:%M:%S %Z")


def page(body: str, title: str, **values: object) -> str:
    """Render a page of the back office."""
    claims, person = session.get("claims") or {}, session.get("person") or {}
    since = in_words(claims["auth_time"], person.get("zoneinfo", "")) if "auth_time" in claims else ""
    return render_template_string(
        LAYOUT.replace("<!-- body -->", body), title=title, claims=claims, person=person, since=since, days=DAYS, **values
    )


DAYS = [("Monday", 41, "2,318"), ("Tuesday", 38, "2,104"), ("Wednesday", 52, "2,997"), ("Thursday", 64, "3,610"),
        ("Friday", 88, "5,122"), ("Saturday", 131, "8,460")]  # fmt: skip

LAYOUT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} – Back office</title><link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --paper: light-dark(#f3f4f8, #14161f); --card: light-dark(#fff, #1d202c);
  --ink: light-dark(#1d2233, #e6e8f2); --soft: light-dark(#5a6178, #a3a9c0); --line: light-dark(#d9dce8, #343950);
  --accent: light-dark(#3949ab, #9fb0ff); --on-accent: light-dark(#fff, #10142b); --warn: light-dark(#a3263a, #ff9daa) }
* { box-sizing: border-box } body { margin: 0; font: 1rem/1.55 system-ui, sans-serif; background: var(--paper); color:
  var(--ink) }
.frame { min-height: 100vh; display: grid; grid-template-rows: auto 1fr }
nav { background: var(--card); border-bottom: 1px solid var(--line); padding: 1rem 1.25rem; display: flex; flex-wrap: wrap;
  gap: 1rem; align-items: center } nav strong { font-size: 1.1rem; margin-right: auto } nav span { color: var(--soft) }
@media (min-width: 60rem) { .frame.in { grid-template: 1fr / 15rem 1fr } .frame.in nav { flex-direction: column;
  align-items: start;
  border-bottom: 0; border-right: 1px solid var(--line); padding: 1.5rem } .frame.in nav strong { margin: 0 } }
main { padding: 1.5rem; max-width: 68rem; width: 100%; display: grid; gap: 1.25rem; align-content: start }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1.25rem; overflow-x: auto }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: 1.25rem }
.figures b { display: block; font-size: 1.7rem } .figures span { color: var(--soft) }
table { width: 100%; border-collapse: collapse } th, td { text-align: right; padding: .5rem .75rem; border-bottom: 1px
  solid var(--line) }
th:first-child, td:first-child { text-align: left } th { color: var(--soft); font-weight: 600 }
.button, button { display: inline-block; font: inherit; font-weight: 600; padding: .6rem 1.1rem; border-radius: .4rem;
  cursor: pointer;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); text-decoration: none }
.plain { background: transparent; color: var(--accent) } :focus-visible { outline: 3px solid var(--accent);
  outline-offset: 2px }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; margin: 0; font: .9rem/1.6 ui-monospace, monospace }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere } h1 { font-size: 1.5rem; margin: 0 0 .5rem }
h2 { font-size: 1.05rem; margin: 0 0 .75rem }
.more { margin-top: 1.25rem } .warn { color: var(--warn) }
</style></head><body><div class="frame{% if claims %} in{% endif %}">
<nav><strong>Back office</strong>{% if claims %}<span>{{ claims.organisation_name }}</span>
<span>{{ person.name or person.preferred_username }}, {{ claims.role }}</span>
<form method="post" action="/sign-out"><button class="plain">Sign out</button></form>{% endif %}</nav>
<main><!-- body --></main></div></body></html>"""

CLAIMS = """<section class="card"><h2>What the ID token says</h2><dl>
{% for name, value in claims.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
{% if person %}<h2 class="more">What userinfo adds</h2><dl>{% for name, value in person.items() if name not in claims %}
<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>{% endif %}</section>"""

WELCOME = """<section class="card"><h1>Turnover, stock and staff</h1>
<p>For managers and administrators, with their second factor.</p><a class="button" href="/sign-in">Sign
  in</a></section>"""

OFFICE = (
    """<h1>This week</h1><div class="figures">
<div class="card"><span>Turnover</span><b>€ 24,611</b></div><div class="card"><span>Receipts</span><b>414</b></div>
<div class="card"><span>Signed in with</span><b>{{ claims.acr }}</b></div>
<div class="card"><span>Proved at</span><b>{{ since }}</b></div></div>
<section class="card"><h2>By day</h2><table><thead><tr><th scope="col">Day</th><th scope="col">Receipts</th>
<th scope="col">Turnover €</th></tr></thead><tbody>{% for day, receipts, turnover in days %}
<tr><td>{{ day }}</td><td>{{ receipts }}</td><td>{{ turnover }}</td></tr>{% endfor %}</tbody></table></section>
"""
    + CLAIMS
)

NOT_YOURS = (
    """<section class="card"><h1 class="warn">This is not for you</h1>
<p>You are signed in as {{ person.name or person.preferred_username }} ({{ claims.role or "no role" }}); the back office
is for managers and administrators.</p></section>"""
    + CLAIMS
)

FAILED = """<section class="card"><h1 class="warn">You are not signed in</h1><p>{{ error }}</p>
<a class="button" href="/">Back</a></section>"""


if __name__ == "__main__":
    make_server("127.0.0.1", PORT, app, threaded=True).serve_forever()
