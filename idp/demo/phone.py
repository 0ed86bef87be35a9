"""Replace a phone and a mailbox in the demo: the codes of the demo people, and the mails that left.

Only ``idp demo`` starts this. It opens the demo's own database with the demo's own keys, on loopback.
"""

import os
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import chain
from pathlib import Path

import pyotp
from flask import Flask, Response, abort, redirect, render_template_string, request
from markupsafe import Markup, escape
from werkzeug.serving import make_server
from werkzeug.wrappers import Response as AnyResponse

from idp import clock, config, errors
from idp.config import Settings
from idp.db import setup_db
from idp.identity.credentials import totp
from idp.store import organisations as store
from idp.store import totp as store_totp
from idp.store import user_search

LONGEST_BOX = 50


@dataclass(frozen=True)
class Entry:
    """Hold what the phone shows of one account: its owner, and the current code."""

    who: str
    code: str


def make_app(settings: Settings) -> Flask:
    """Return the phone and the mailbox as one small application."""
    app = Flask("idp.demo.phone")
    setup_db(app, settings)
    scanned: dict[str, str] = {}

    @app.get("/")
    def phone() -> str:
        left = totp.STEP - clock.epoch_seconds(clock.now()) % totp.STEP
        return _page(PHONE, "Phone", entries=_entries(settings, scanned), left=left)

    @app.post("/scan")
    def scan() -> str | AnyResponse:
        try:
            secret = totp.normal_secret(request.form.get("key", "")[:200])
        except errors.Invalid as refusal:
            return _page(PHONE, "Phone", entries=_entries(settings, scanned), left=0, fault=refusal.message.key)
        scanned[f"New entry {len(scanned) + 1}"] = secret
        return redirect("/")

    @app.get("/mail")
    def mailbox() -> str:
        return _page(MAILBOX, "Mailbox", mails=_mails(settings))

    @app.get("/mail/<name>.html")
    def letter(name: str) -> Response:
        body = _letter(settings, name).get_body(("html",))
        answer = Response(body.get_content() if body else "")
        answer.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        return answer

    @app.get("/mail/<name>")
    def mail(name: str) -> str:
        message = _letter(settings, name)
        text = message.get_body(("plain",))
        return _page(
            MAIL, str(message["Subject"]), mail=message, name=name, text=_linked(text.get_content() if text else "")
        )

    return app


def _entries(settings: Settings, scanned: dict[str, str]) -> list[Entry]:
    """Return the entries of all set-up apps, then the entered keys that are not anybody's yet."""
    active = _active(settings)
    waiting = {f"{name} (typed in here)": key for name, key in scanned.items() if key not in active.values()}
    return [Entry(who, pyotp.TOTP(secret).now()) for who, secret in {**active, **waiting}.items()]


def _active(settings: Settings) -> dict[str, str]:
    """Return the secrets of all set-up apps. They are read each time, so that a set-up shows at once."""
    found = {}
    for organisation in store.organisations():
        for user in chain.from_iterable(user_search.each(organisation.id)):
            for row in store_totp.active_totps(organisation.id, user.id):
                which = f" {row.number}" if row.number > 1 else ""
                found[f"{user.username} · {organisation.name}{which}"] = totp.open_secret(settings, row)
    return found


def _mails(settings: Settings) -> list[tuple[str, EmailMessage]]:
    folder = settings.path(settings.mail.folder)
    files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [(file.stem, _read(file)) for file in files[:LONGEST_BOX]]


def _letter(settings: Settings, name: str) -> EmailMessage:
    file = settings.path(settings.mail.folder) / f"{name}.eml"
    if not name.isalnum() or not file.is_file():
        abort(404)
    return _read(file)


def _read(file: Path) -> EmailMessage:
    with file.open("rb") as stream:
        return BytesParser(policy=policy.default).parse(stream)


def _linked(text: str) -> Markup:
    """Return the text with its addresses as links."""
    words = [
        Markup('<a href="{0}">{0}</a>').format(word) if word.startswith(("http://", "https://")) else escape(word)
        for word in text.replace("\n", " \n ").split(" ")
    ]
    return Markup(" ").join(words)


def _page(body: str, title: str, **values: object) -> str:
    return render_template_string(LAYOUT.replace("<!-- body -->", body), title=title, **values)


LAYOUT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }} – demo</title><link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --paper: light-dark(#e9eaf0, #0e0f14); --card: light-dark(#fff, #1a1c25);
  --ink: light-dark(#1c1d26, #ececf4); --soft: light-dark(#5d6072, #a2a5b8); --line: light-dark(#d5d7e2, #333748);
  --accent: light-dark(#5b2fb5, #bda4ff); --on-accent: light-dark(#fff, #1a0c3b) }
* { box-sizing: border-box } body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; background: var(--paper); color:
  var(--ink) }
main { max-width: 34rem; margin: 0 auto; padding: 1.25rem; display: grid; gap: 1rem }
nav { display: flex; gap: 1rem; justify-content: center; padding: 1rem } a { color: var(--accent) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1rem 1.25rem }
.code { font: 700 2rem/1.2 ui-monospace, monospace; letter-spacing: .12em; color: var(--accent) } .soft { color:
  var(--soft) }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .75rem } h1 { font-size: 1.3rem; margin: 0;
  text-align: center }
input { width: 100%; font: inherit; padding: .6rem .8rem; margin: .3rem 0 .8rem; border: 1px solid var(--soft);
  border-radius: .5rem; background: var(--paper); color: inherit }
button { font: inherit; font-weight: 600; padding: .6rem 1.1rem; border: 0; border-radius: .5rem; cursor: pointer;
  background: var(--accent); color: var(--on-accent) } :focus-visible { outline: 3px solid var(--accent);
  outline-offset: 2px }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: 0 }
iframe { width: 100%; height: 34rem; border: 1px solid var(--line); border-radius: .5rem; background: #fff }
</style></head><body>
<nav><a href="/">Phone</a><a href="/mail">Mailbox</a></nav><main><!-- body --></main></body></html>"""

PHONE = """<h1>The demo people's phone</h1>
<p class="soft">Each code works once; a new one comes {% if left %}in {{ left }} seconds{% else %}every half minute{%
  endif %}.</p>
<ul>{% for entry in entries %}<li class="card"><span class="soft">{{ entry.who }}</span>
<div class="code">{{ entry.code[:3] }} {{ entry.code[3:] }}</div></li>{% endfor %}</ul>
<form class="card" method="post" action="/scan"><label for="key">Setting up? A phone would scan the QR code; this one
  wants the
key that stands below it.</label><input id="key" name="key" required autocomplete="off" spellcheck="false"
{% if fault %}aria-invalid="true" aria-describedby="fault"{% endif %}>
{% if fault %}<p id="fault" role="alert">{{ fault }}</p>{% endif %}<button>Add it</button></form>
{% if left %}<script>setTimeout(() => document.getElementById("key").value || location.reload(), {{ left }}000)</script>
{% endif %}"""

MAILBOX = """<h1>Mails that were sent</h1>
<ul>{% for name, mail in mails %}<li class="card"><a href="/mail/{{ name }}">{{ mail["Subject"] }}</a>
<div class="soft">to {{ mail["To"] }}, {{ mail["Date"] }}</div></li>{% else %}<li class="card">None so far.</li>{%
  endfor %}</ul>"""

MAIL = """<section class="card"><h1>{{ mail["Subject"] }}</h1>
<p class="soft">from {{ mail["From"] }} to {{ mail["To"] }}</p><pre>{{ text }}</pre></section>
<iframe src="/mail/{{ name }}.html" title="The same mail as HTML" sandbox></iframe>"""


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8004"))
    made = make_app(config.read(Path(os.environ["IDP_CONFIG"])))
    make_server("127.0.0.1", port, made, threaded=True).serve_forever()
