"""A price checker without a keyboard: staff sign in with their own phone (RFC 8628). One file: Flask, requests and segno.

It asks for a code, shows it in letters and as a QR code, and polls until somebody has approved it. Then the terminal itself
is signed in, whatever browser shows its screen. It asks userinfo for the person each time, so it is signed out with them.

Run it; ISSUER, PORT and SHOP (the code of the shop where it stands) may be set.
"""

import os
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import requests
import segno
from flask import Flask, redirect, render_template_string
from markupsafe import Markup
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

ISSUER = os.environ.get("ISSUER", "http://localhost:8000")
PORT = int(os.environ.get("PORT", "8005"))
SHOP = os.environ.get("SHOP", "amsterdam-1")
CLIENT = {"client_id": "terminal"}
"""A public client: what stands in a shop keeps no secret."""
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PATIENCE = 10


@dataclass
class Terminal:
    """Hold what the terminal remembers: the codes that it shows, then the tokens of the person who approved them."""

    codes: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    next_poll: float = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """Ask for a code to show (§3.1), and say where the terminal stands: the person is shown it."""
        wishes = {"scope": "openid profile organisation", "device_name": "Price checker 2", "shop": SHOP}
        status, answer = call("device_authorization_endpoint", **wishes)
        self.codes, self.problem = (answer, "") if status == 200 else ({}, reason_of(answer))
        self.next_poll = 0

    def poll(self) -> None:
        """Ask whether somebody has approved (§3.4), not more often than the provider allows."""
        if not self.codes or time.monotonic() < self.next_poll:
            return
        status, answer = call("token_endpoint", grant_type=DEVICE_CODE, device_code=self.codes["device_code"])
        if answer.get("error") == "slow_down":  # §3.5: five seconds more, from now on
            self.codes["interval"] += 5
        self.next_poll = time.monotonic() + self.codes["interval"]
        if status == 200:
            self.codes, self.tokens = {}, answer
        elif answer.get("error") not in ("authorization_pending", "slow_down"):
            self.codes, self.problem = {}, reason_of(answer)

    def person(self) -> dict[str, Any]:
        """Return who is signed in, or nobody: their session may have ended elsewhere."""
        for _ in range(2):
            if not self.tokens:
                break
            bearer = {"Authorization": f"Bearer {self.tokens['access_token']}"}
            answer = requests.get(metadata()["userinfo_endpoint"], headers=bearer, timeout=PATIENCE)
            if answer.ok:
                found: dict[str, Any] = answer.json()
                return found
            renewal = {"grant_type": "refresh_token", "refresh_token": self.tokens.get("refresh_token", "")}
            status, renewed = call("token_endpoint", **renewal)
            self.tokens = renewed if status == 200 else {}
        return {}

    def end(self) -> None:
        """Give the tokens back (RFC 7009), so that nobody who takes the terminal can use them."""
        if self.tokens:
            call("revocation_endpoint", token=self.tokens.get("refresh_token", ""))
        self.codes, self.tokens = {}, {}


def metadata() -> dict[str, Any]:
    """Return the provider's addresses (OpenID Connect Discovery)."""
    found: dict[str, Any] = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=PATIENCE).json()
    return found


def call(endpoint: str, **form: str) -> tuple[int, dict[str, Any]]:
    """Call an endpoint of the provider. Returns status and JSON."""
    answer = requests.post(metadata()[endpoint], data=CLIENT | form, timeout=PATIENCE)
    return answer.status_code, answer.json() if answer.content else {}


def reason_of(answer: dict[str, Any]) -> str:
    """Return the reason of a refusal for the screen."""
    known = {"access_denied": "The request was refused on the phone.", "expired_token": "Nobody entered the code in time."}
    return known.get(str(answer.get("error")), str(answer.get("error_description", "The provider gave no answer.")))


def qr(address: str) -> Markup:
    """Draw an address for the camera of a phone: black on white in dark mode too, because many scanners need that."""
    code = segno.make(address, error="m", micro=False)
    return Markup(code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True))  # noqa: S704 – drawn here


app = Flask(__name__)
terminal = Terminal()


@app.get("/")
def screen() -> str:
    """Show the code, the signed-in person, or the button."""
    with terminal.lock:
        terminal.poll()
        codes, person = terminal.codes, terminal.person()
        return render_template_string(PAGE, codes=codes, person=person, qr=qr, problem=terminal.problem, goods=GOODS)


@app.get("/state")
def state() -> str:
    """Poll for the screen. It is drawn again once nothing is waited for."""
    with terminal.lock:
        terminal.poll()
        return "waiting" if terminal.codes else "over"


@app.post("/sign-in")
def sign_in() -> Response:
    """Show a code."""
    with terminal.lock:
        terminal.begin()
    return redirect("/")


@app.post("/sign-out")
def sign_out() -> Response:
    """Sign the terminal out, or stop showing the code."""
    with terminal.lock:
        terminal.end()
    return redirect("/")


GOODS = [("Canvas sneaker", "49.95", 12), ("Rain boot", "34.50", 3), ("Loafer", "89.00", 0), ("Sandal", "39.95", 27)]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Price checker</title><link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --paper: light-dark(#f1f3f8, #0d121c); --card: light-dark(#fff, #182031);
  --ink: light-dark(#16203a, #e6ebf7); --soft: light-dark(#55617d, #a3b0cc); --line: light-dark(#d3daea, #2f3b55);
  --accent: light-dark(#1f4fb8, #9cbcff); --on-accent: light-dark(#fff, #071634); --warn: light-dark(#9a4b00, #ffb86b) }
* { box-sizing: border-box } body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: var(--paper); color:
  var(--ink) }
main { max-width: 52rem; margin: 0 auto; padding: 1.25rem } h1 { font-size: 1.6rem; margin: 0 0 .5rem }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.5rem }
.soft { color: var(--soft) } .warn { color: var(--warn) } a { color: var(--accent); overflow-wrap: anywhere }
.scan { display: grid; gap: 1.5rem; justify-items: center } .scan > div { width: 100% }
@media (min-width: 44rem) { .scan { grid-template-columns: 20rem 1fr; align-items: center } }
.qr svg { display: block; width: 100%; max-width: 20rem; margin: 0 auto; border-radius: .75rem }
.code { font: 700 clamp(1.6rem, 8vw, 2.6rem)/1.2 ui-monospace, monospace; letter-spacing: .06em; margin: .25rem 0 1rem }
table { width: 100%; border-collapse: collapse; margin: 1rem 0 } th, td { text-align: left; padding: .5rem .25rem;
  border-bottom: 1px solid var(--line) } td:last-child, th:last-child { text-align: right }
.price { white-space: nowrap }
button { font: inherit; font-weight: 600; padding: .8rem 1.4rem; border-radius: .6rem; cursor: pointer; border: 1px solid
  var(--accent); background: var(--accent); color: var(--on-accent) }
button.plain { background: transparent; color: var(--accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
</style></head><body><main><section class="card">
{% if codes %}<div class="scan"><div class="qr" role="img" aria-label="QR code with the address below">{{
  qr(codes.verification_uri_complete) }}</div>
<div><h1>Sign in with your phone</h1><p>Scan the code, and check that your phone shows this one:</p>
<p class="code">{{ codes.user_code }}</p>
<p>No camera? Go to <a href="{{ codes.verification_uri }}" target="phone">{{ codes.verification_uri }}</a> and type the
  code.</p>
<p class="soft">In this demo, <a href="{{ codes.verification_uri_complete }}" target="phone">open the QR code’s address</a>:
  your phone does not reach this machine.</p>
<form method="post" action="/sign-out"><button class="plain">Cancel</button></form></div></div>
<script>
setInterval(async () => { const answer = await fetch("/state"); if (await answer.text() !== "waiting") location.reload() },
  {{ codes.interval }}000)
</script>
{% elif person %}<h1>Good day, {{ person.given_name or person.preferred_username }}</h1>
<p>This price checker is signed in as <b>{{ person.name or person.preferred_username }}</b>, {{ person.role }} of {{
  person.organisation_name }}.</p>
<table><thead><tr><th scope="col">Article</th><th scope="col">Price</th><th scope="col">In stock</th></tr></thead><tbody>
{% for name, price, left in goods %}<tr><td>{{ name }}</td><td class="price">€ {{ price }}</td><td>{{ left }}</td></tr>
{% endfor %}</tbody></table>
<form method="post" action="/sign-out"><button>Sign out</button></form>
{% else %}<h1>Price checker</h1>
{% if problem %}<p class="warn" role="alert">{{ problem }}</p>{% endif %}
<p>See what is in stock. There is no keyboard here: sign in with your own phone.</p>
<form method="post" action="/sign-in"><button>Sign in</button></form>{% endif %}
</section></main></body></html>"""


if __name__ == "__main__":
    make_server("127.0.0.1", PORT, app, threaded=True).serve_forever()
