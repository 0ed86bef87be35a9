"""A webshop that signs its customers in with OpenID Connect. One file: Flask, Authlib's client, and ``idp.relying``.

A password is enough to look around (``acr_values="pwd"``). A customer who changes where parcels go must have given a second
factor (``acr_values="mfa"``): the shop sends them back to the provider for it, and checks the ``acr`` of the new token.

Run it with WEBSHOP_CLIENT_SECRET set; ISSUER and PORT may be.
"""

import os
from typing import Any
from urllib.parse import urlencode

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
PORT = int(os.environ.get("PORT", "8003"))
SECOND_FACTOR = Demand("mfa")
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LOGOUT_CLAIMS = jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": "webshop"},
    sid={"essential": True},
    iat={"essential": True},
    exp={"essential": True},
)
ended: set[str] = set()
"""The provider's sessions (``sid``) that have ended: ours are in cookies, which only their browser can delete."""

app = Flask(__name__)
app.config.update(
    SECRET_KEY=os.environ.get("WEBSHOP_SESSION_KEY") or os.urandom(32),
    SESSION_COOKIE_NAME="webshop_session",  # cookies know no ports: each app on this host needs a name of its own
    SESSION_COOKIE_SAMESITE="Lax",
)
oauth = OAuth(app)
oauth.register(
    "idp",
    client_id="webshop",
    client_secret=os.environ.get("WEBSHOP_CLIENT_SECRET"),
    server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
    client_kwargs={"scope": "openid profile email organisation", "code_challenge_method": "S256"},
)
addresses: dict[str, str] = {}
"""Where parcels go, by ``sub``: a real shop has a database."""


@app.get("/")
def shop() -> str:
    """Show the shelves."""
    return page(SHOP, "Shoes")


@app.get("/account")
def account() -> Response | str:
    """Show the customer's own page."""
    return page(ACCOUNT, "Your account") if session.get("claims") else ask("/account", acr_values="pwd")


@app.get("/account/address")
def address() -> Response | str:
    """Show the address form behind a second factor. It is requested now if the sign-in had none."""
    if not session.get("claims") or not proved_enough():
        return ask("/account/address", acr_values="mfa")
    return page(ADDRESS, "Your address")


@app.post("/account/address")
def change_address() -> Response | tuple[str, int]:
    """Change the address. The second factor is checked again here, at the change."""
    if not proved_enough():
        return page(FAILED, "Not changed", error="Changing your address needs your second factor."), 403
    addresses[session["claims"]["sub"]] = request.form.get("address", "").strip()[:200]
    return redirect("/account")


@app.get("/sign-in")
def sign_in() -> Response:
    """Sign in with a password."""
    return ask("/", acr_values="pwd")


def proved_enough() -> bool:
    """Check if the ID token has a second factor."""
    return SECOND_FACTOR.is_met(session.get("claims"))


def ask(then: str, **wishes: str) -> Response:
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
    then = session.pop("then", "/")
    session["claims"], session["id_token"], session["person"] = dict(token["userinfo"]), token["id_token"], about(token)
    if then == "/account/address" and not proved_enough():  # requested is not given; and no endless redirects
        return page(FAILED, "Not proved", error="No second factor was given."), 403
    return redirect(then)


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
    wishes = {"client_id": "webshop", "post_logout_redirect_uri": url_for("shop", _external=True)}
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


def page(body: str, title: str, **values: object) -> str:
    """Render a page of the shop."""
    claims, person = session.get("claims") or {}, session.get("person") or {}
    address = addresses.get(claims.get("sub", ""), "Kerkstraat 1, 1017 GA Amsterdam")
    return render_template_string(
        LAYOUT.replace("<!-- body -->", body),
        title=title,
        claims=claims,
        person=person,
        address=address,
        goods=GOODS,
        **values,
    )


GOODS = [
    ("Canvas sneaker", "49.95", 200, "Light, for the whole summer"),
    ("Rain boot", "34.50", 140, "Dry feet in the polder"),
    ("Loafer", "89.00", 25, "Dresses up any Monday"), ("Pump", "74.95", 345, "Seven centimetres taller"),
    ("Sandal", "39.95", 45, "For the boulevard"), ("Wool socks", "12.95", 270, "From Texel sheep"),
]  # fmt: skip

LAYOUT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} – Example Shoes</title><link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --paper: light-dark(#fdf8f3, #1e1916); --card: light-dark(#fff, #2a2320);
  --ink: light-dark(#382a22, #f4e9e1); --soft: light-dark(#7a6457, #c6b0a3); --line: light-dark(#ecdfd4, #453932);
  --accent: light-dark(#b23c17, #ff9d78); --on-accent: light-dark(#fff, #2c0f04) }
* { box-sizing: border-box } body { margin: 0; font: 1rem/1.6 Georgia, "Times New Roman", serif; background:
  var(--paper); color: var(--ink) }
header, footer { max-width: 66rem; margin: 0 auto; padding: 1.25rem; display: flex; flex-wrap: wrap; gap: 1rem;
  align-items: center }
header a.name { font-size: 1.5rem; font-weight: 700; color: inherit; text-decoration: none; margin-right: auto }
header, .button, button, label, input { font-family: system-ui, sans-serif }
main { max-width: 66rem; margin: 0 auto; padding: 0 1.25rem 3rem; display: grid; gap: 1.5rem } .lead { font-size:
  1.2rem; color: var(--soft) }
.goods { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1.25rem; list-style: none;
  margin: 0; padding: 0 }
.card, .goods li { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.25rem }
.goods svg { display: block; width: 7rem; margin: .5rem auto 1rem } .goods b { color: var(--accent) } .goods p {
  margin: .25rem 0 0; color: var(--soft) }
.button, button { display: inline-block; font-size: 1rem; font-weight: 600; padding: .6rem 1.2rem; border-radius: 2rem;
  cursor: pointer;
  border: 1px solid var(--accent); background: var(--accent); color: var(--on-accent); text-decoration: none }
.plain { background: transparent; color: var(--accent) } input { width: 100%; font-size: 1rem; padding: .6rem .8rem;
  margin: .3rem 0 1rem;
  border: 1px solid var(--soft); border-radius: .5rem; background: var(--paper); color: inherit }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px } h1 { line-height: 1.2; margin: .5rem 0 }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; margin: 0; font: .9rem/1.6 ui-monospace, monospace }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere } h2 { font-size: 1.1rem; margin: 0 0 .75rem } .more
  { margin-top: 1.25rem }
</style></head><body>
<header><a class="name" href="/">Example Shoes</a>{% if claims %}<a class="button plain" href="/account">
{{ person.given_name or person.name or person.preferred_username }}</a>
<form method="post" action="/sign-out"><button class="plain">Sign out</button></form>
{% else %}<a class="button" href="/sign-in">Sign in</a>{% endif %}</header>
<main><!-- body --></main></body></html>"""

CLAIMS = """{% if claims %}<section class="card"><h2>What the ID token says</h2><dl>
{% for name, value in claims.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
{% if person %}<h2 class="more">What userinfo adds</h2><dl>{% for name, value in person.items() if name not in claims %}
<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>{% endif %}</section>{% endif %}"""

SHOP = (
    """<div><h1>New shoes, old friends</h1><p class="lead">Ordered before ten, at your door tomorrow.</p></div>
<ul class="goods">{% for name, price, hue, words in goods %}<li><svg viewBox="0 0 64 40" aria-hidden="true"><path
  style="fill: hsl({{ hue }} 45% 50%)"
  d="M4 36h56v-5c0-7-9-8-17-11L30 6c-3 5-9 8-15 7L8 10C5 17 4 26 4 36z"/></svg>{{ name }}
<b>€ {{ price }}</b><p>{{ words }}</p></li>{% endfor %}</ul>
"""
    + CLAIMS
)

ACCOUNT = (
    """<h1>Your account</h1><section class="card"><h2>Parcels go to</h2><p>{{ address }}</p>
<a class="button" href="/account/address">Change address</a></section>
"""
    + CLAIMS
)

ADDRESS = """<h1>Your address</h1><form class="card" method="post" action="/account/address">
<label for="address">Street, number, postcode and town</label>
<input id="address" name="address" autocomplete="street-address" maxlength="200" required value="{{ address }}">
<button>Save</button> <a class="button plain" href="/account">Cancel</a></form>"""

FAILED = """<section class="card"><h1>That did not work</h1><p>{{ error }}</p><a class="button" href="/">Back to the
  shop</a>
</section>"""


if __name__ == "__main__":
    make_server("127.0.0.1", PORT, app, threaded=True).serve_forever()
