"""A point of sale that signs its staff in with OpenID Connect. One file: Flask, Authlib's client, and ``idp.relying``.

What a till asks for:
- for a day's work, a second factor or a device that was trusted after one: ``acr_values="mfa mfa-remembered"``;
- for a refund, a second factor given within five minutes. It then *checks* the ID token's ``acr`` and ``auth_time``: asking
  alone proves nothing. ``/api/refund`` is the same for programs.

Run it with POS_CLIENT_SECRET set; ISSUER and PORT may be.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, abort, redirect, render_template_string, request, session, url_for
from joserfc import jwk, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from idp.relying import Demand, Guard

ISSUER = os.environ.get("ISSUER", "http://localhost:8000")
PORT = int(os.environ.get("PORT", "8001"))
DAYS_WORK = "mfa mfa-remembered"
FOR_A_REFUND = Demand("mfa", max_age=300)
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_CLAIMS = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": ISSUER}, aud={"essential": True, "value": "pos"},
    sid={"essential": True}, iat={"essential": True}, exp={"essential": True},
)  # fmt: skip
ended: set[str] = set()
"""The provider's sessions (``sid``) that have ended: ours are in cookies, which only their browser can delete."""

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ.get("POS_SESSION_KEY") or os.urandom(32),
    SESSION_COOKIE_NAME="pos_session",  # cookies know no ports: each app on this host needs a name of its own
    SESSION_COOKIE_SAMESITE="Lax",
)
oauth = OAuth(app)
oauth.register(
    "idp",
    client_id="pos",
    client_secret=os.environ.get("POS_CLIENT_SECRET"),
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile organisation", "code_challenge_method": "S256"},
)


def introspected() -> Mapping[str, Any] | None:
    """Return what the provider says about the access token of a request to the API."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return None
    http, idp = OAuth2Session("pos", os.environ.get("POS_CLIENT_SECRET")), oauth.idp.load_server_metadata()
    answer: dict[str, Any] = http.introspect_token(idp["introspection_endpoint"], token=token).json()
    return answer if answer.get("active") else None


def not_proved(_: Demand) -> tuple[str, int]:
    """Explain what is missing, with a button that leads to the provider."""
    return page(REFUSED, "Refund"), 403


people = Guard(lambda: session.get("claims"), not_proved)
programs = Guard(introspected)


@app.get("/")
def till() -> str:
    """Show the till, or its lock screen."""
    return page(TILL if session.get("claims") else LOCKED, "Till")


@app.get("/sign-in")
def sign_in() -> Response:
    """Ask which person works here. The provider shows its chooser, because this client is a shared device."""
    return ask(acr_values=DAYS_WORK)


@app.get("/switch")
def switch() -> Response:
    """Hand the till to a colleague."""
    return ask(acr_values=DAYS_WORK, prompt="select_account")


@app.get("/refund")
@people.require_acr("mfa", max_age=300)
def refund() -> str:
    """Show the refund form after a second factor within the last five minutes."""
    return page(REFUND, "Refund")


@app.get("/refund/confirm")
def confirm() -> Response:
    """Ask for that second factor, now, of the person who is at the till."""
    person = session.get("person") or abort(403)
    return ask("/refund", login_hint=person.get("preferred_username", ""), **FOR_A_REFUND.parameters)


@app.post("/refund")
@people.require_acr("mfa", max_age=300)
def pay_back() -> str:
    """Pay back. Checked again: the form may have been open for an hour."""
    return page(PAID, "Refund")


@app.post("/api/refund")
@programs.require_acr("mfa", max_age=300)
def pay_back_for_a_program() -> dict[str, str]:
    """Pay back for a program that shows an access token of this till."""
    return {"paid": "49.95"}


def ask(then: str = "/", **wishes: str) -> Response:
    """Send the browser to the provider; Authlib adds state, nonce and PKCE and keeps them in our session."""
    session["then"] = then
    response: Response = oauth.idp.authorize_redirect(url_for("callback", _external=True), **wishes)
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
    session["claims"], session["id_token"], session["person"] = dict(token["userinfo"]), token["id_token"], about(token)
    return redirect(session.pop("then", "/"))


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
    wishes = {"client_id": "pos", "post_logout_redirect_uri": url_for("till", _external=True)}
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


def verified(text: str) -> jwt.Token:
    """Return a JWT that one of the provider's keys has signed; keys that are unknown are fetched again."""
    try:
        return jwt.decode(text, jwk.KeySet.import_key_set(oauth.idp.fetch_jwk_set()), algorithms=["RS256", "ES256"])
    except InvalidKeyIdError:
        return jwt.decode(
            text, jwk.KeySet.import_key_set(oauth.idp.fetch_jwk_set(force=True)), algorithms=["RS256", "ES256"]
        )


def in_words(moment: int, zone: str) -> str:
    """Return a time of day with its zone: the person's own, else this machine's."""
    return datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(zone) if zone else None).strftime("%H:%M:%S %Z")


def page(body: str, title: str, **values: object) -> str:
    """Render a page of the till."""
    claims, person = session.get("claims") or {}, session.get("person") or {}
    since = in_words(claims["auth_time"], person.get("zoneinfo", "")) if "auth_time" in claims else ""
    return render_template_string(
        LAYOUT.replace("<!-- body -->", body), title=title, claims=claims, person=person, since=since, goods=GOODS, **values
    )


GOODS = [
    ("Canvas sneaker", "49.95", 200), ("Rain boot", "34.50", 140), ("Loafer", "89.00", 25), ("Pump", "74.95", 345),
    ("Sandal", "39.95", 45), ("Wool socks", "12.95", 270), ("Shoe polish", "7.50", 0), ("Laces", "3.95", 310),
]  # fmt: skip

LAYOUT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} – Kassa</title><link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --paper: light-dark(#eef2f1, #10201f); --card: light-dark(#fff, #182b2a);
  --ink: light-dark(#10302d, #e2f0ee); --soft: light-dark(#4f6a67, #9dbab6); --line: light-dark(#cfdcda, #2c4644);
  --accent: light-dark(#00695f, #5fd4c4); --on-accent: light-dark(#fff, #04211d); --warn: light-dark(#9a4b00, #ffb86b); }
* { box-sizing: border-box } body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: var(--paper); color:
  var(--ink) }
header { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; justify-content: space-between;
  padding: .75rem 1.25rem; background: var(--card); border-bottom: 1px solid var(--line) }
header a { color: inherit; text-decoration: none; font-weight: 700; font-size: 1.15rem } .who { color: var(--soft) }
main { max-width: 72rem; margin: 0 auto; padding: 1.25rem; display: grid; gap: 1.25rem }
@media (min-width: 56rem) { main.till { grid-template-columns: 1fr 20rem } main.till .claims { grid-column: 1 / -1 } }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: 1.25rem }
.narrow { max-width: 34rem; margin: 2rem auto; text-align: center }
.goods { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .75rem; padding: 0; margin:
  0; list-style: none }
.goods li { background: var(--paper); border: 1px solid var(--line); border-radius: .75rem; padding: .9rem .6rem;
  text-align: center }
.goods svg { display: block; width: 3.5rem; margin: 0 auto .4rem } .goods b { display: block; color: var(--accent) }
.button, button { display: inline-block; font: inherit; font-weight: 600; padding: .7rem 1.2rem; border-radius: .6rem;
  cursor: pointer; border: 1px solid var(--accent); background:var(--accent); color: var(--on-accent); text-decoration:none }
.plain { background: transparent; color: var(--accent) } .row { display: flex; flex-wrap: wrap; gap: .6rem }
.wide .button, .wide button { width: 100%; text-align: center; margin-bottom: .6rem } .warn { color: var(--warn) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; margin: 0; font: .9rem/1.6 ui-monospace, monospace }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere } h1 { font-size: 1.4rem; margin: 0 0 .5rem } h2 {
  font-size: 1.05rem; margin: 0 0 .75rem } .more { margin-top: 1.25rem }
</style></head><body>
<header><a href="/">Kassa</a>
{% if claims %}<span class="who">{{ person.name or person.preferred_username }}{% if claims.shops %}
 · {{ claims.shops | join(", ") }}{% endif %}</span>
<form class="row" method="post" action="/sign-out"><a class="button plain" href="/switch">Switch user</a>
<button class="plain">Sign out</button></form>{% endif %}</header>
<!-- body -->
</body></html>"""

CLAIMS = """<section class="card claims"><h2>What the ID token says</h2><dl>
{% for name, value in claims.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
{% if person %}<h2 class="more">What userinfo adds</h2><dl>{% for name, value in person.items() if name not in claims %}
<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>{% endif %}</section>"""

LOCKED = """<main><section class="card narrow"><h1>This till is locked</h1>
<p>Sign in with your own name, so that the day's takings stay yours.</p>
<p><a class="button" href="/sign-in">Sign in</a></p></section></main>"""

TILL = (
    """<main class="till"><section class="card"><h2>Shoes and more</h2><ul class="goods">
{% for name, price, hue in goods %}<li><svg viewBox="0 0 64 40" aria-hidden="true"><path style="fill: hsl({{ hue }} 45%
  50%)" d="M4 36h56v-5c0-7-9-8-17-11L30 6c-3 5-9 8-15 7L8 10C5 17 4 26 4 36z"/></svg>{{ name }}<b>€ {{ price }}</b></li>{%
  endfor %}
</ul></section><section class="card wide"><h1>Good day, {{ person.given_name or person.preferred_username }}</h1>
<p>Signed in with <b>{{ claims.acr }}</b>, proved at {{ since }}.</p>
<a class="button" href="/refund">Refund</a><a class="button plain" href="/switch">Hand over to a colleague</a></section>
"""
    + CLAIMS
    + "</main>"
)

REFUSED = (
    """<main><section class="card narrow"><h1 class="warn">A refund needs your code</h1>
<p>{% if claims %}You were let in with <b>{{ claims.acr }}</b>, proved at {{ since }}. Money leaves the till only when a
second factor was given in the last five minutes.{% else %}Nobody is signed in at this till.{% endif %}</p>
<p>{% if claims %}<a class="button" href="/refund/confirm">Confirm that it is you</a>{% endif %}
<a class="button plain" href="/">Back</a></p></section>
"""
    + CLAIMS
    + "</main>"
)

REFUND = (
    """<main><section class="card narrow"><h1>Refund</h1>
<p>Your second factor of {{ since }} is good for five minutes.</p>
<form method="post" action="/refund"><button>Pay back € 49.95</button> <a class="button plain"
  href="/">Cancel</a></form></section>
"""
    + CLAIMS
    + "</main>"
)

PAID = """<main><section class="card narrow"><h1>€ 49.95 paid back</h1>
<p>By {{ person.name or person.preferred_username }}, who proved it with <b>{{ claims.acr }}</b>.</p>
<p><a class="button" href="/">Back to the till</a></p></section></main>"""

FAILED = """<main><section class="card narrow"><h1 class="warn">You are not signed in</h1><p>{{ error }}</p>
<p><a class="button" href="/">Back to the till</a></p></section></main>"""


if __name__ == "__main__":
    make_server("127.0.0.1", PORT, app, threaded=True).serve_forever()
