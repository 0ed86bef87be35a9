"""Any text in any console form gets a page with a message, and never a server error (V2.2.1)."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import quote_plus, urlencode, urljoin

import pytest
from flask import Flask

from idp import crypto
from idp.clock import now
from idp.config import Settings
from idp.db import transaction
from idp.identity.organisations import shops
from idp.store import operators, organisations, sessions
from idp.web.admin import clients, user_actions
from tests.drivers.browser import Browser
from tests.drivers.roles import addresses, sign_in
from tests.drivers.strange_values import FORM, REFUSED, STRANGE
from tests.factories import BY_TESTS, Factory, MadePerson

VALUES = {
    "sqlite": [*REFUSED.values(), STRANGE["control characters"], STRANGE["markup"]],
    "postgresql": [STRANGE["long"]],
}
"""What only pages and forms can mind runs on one engine. PostgreSQL gets what it checks itself: lengths of columns."""
JUNK = ["\x00", "x\x00y", "é", "x" * 3000, "\ud7ff", "..", "a" * 26]
QUERY = (
    "q", "role", "group", "page", "on", "client", "name", "state", "username", "event", "since", "until", "before", "trail",
    "after", "sort", "only", "shop", "address", "selection", "done", "undo", "answer", "unsaved", "show", "tick", "language",
)  # fmt: skip
ODD = ["\0", "%", "_", "9" * 5000, "-1", "٣", "0001-01-01", "9999-12-31", "2021-02-30", "1e9", "\ufffd" * 500, "' OR 1=1 --"]
ACTS_ON = {"admin.act_on_person": user_actions.ACTIONS, "admin.act_on_app": clients.ACTIONS}


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Return settings without rate limits that would hide what a form does, and with proofs that do not expire."""
    limits = {"free_failures": 10_000, "address_failures": 10_000, "hard_stop": 10_000}
    return configure(limits=limits, passwords={"hash_patience_seconds": 30.0}, lifetimes={"profile_minutes": 60})


@pytest.fixture
def people(factory: Factory) -> dict[str, MadePerson]:
    """Return an operator, as every page opens to operators, and a user."""
    shoes = factory.make_organisation("example-shoes", settings={"offer_set_up": False}, owner=True)
    factory.make_organisation("toys")
    with factory.context(), transaction():
        installation = operators.add_installation(crypto.new_id(), now()).id
    return {
        "operator": factory.make_user(installation, "olga", role="administrator", with_totp=True, email="olga@idp.example"),
        "employee": factory.make_user(shoes, "jan", with_totp=True, email="jan@shoes.example"),
    }


@pytest.fixture
def values(app: Flask, factory: Factory, people: dict[str, MadePerson]) -> dict[str, str]:
    """Return the ids of existing objects for the variables in addresses."""
    jan = people["employee"]
    factory.make_group(jan.organisation_id)
    factory.make_client("till", redirect_uri="https://till.example/cb")
    sign_in(Browser(app, "https://id.example.com", address="192.0.2.9"), jan)
    with factory.context(), transaction():
        shop = shops.create(jan.organisation_id, {"code": "one", "name": "One"}, BY_TESTS).id
        group = organisations.groups(jan.organisation_id)[0].id
        session = sessions.sessions_of(jan.organisation_id, jan.id, now(), None, 100)[0].id
    known = {"client_id": "till", "store_url": "example-shoes", "user_id": jan.id, "group_id": group, "shop_id": shop}
    return {**known, "login_id": session, "form": "csv", "act": "disable"}


def pages(app: Flask, values: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield endpoint and address of every page, once for each action if it has several."""
    for endpoint, (address, _) in addresses(app, "admin.", values).items():
        for act in ACTS_ON.get(endpoint, ("",)):
            yield endpoint, re.sub(r"/disable$", f"/{act}", address) if act else address


def sent(browser: Browser, path: str, body: bytes) -> int:
    """Return the status of a raw form posted from this browser."""
    answer = browser.client.post(path, data=body, content_type=FORM, base_url=browser.issuer)
    if "answer=" in answer.headers.get("Location", ""):
        answer = browser.client.get(answer.headers["Location"], base_url=browser.issuer)
    text = answer.get_data(as_text=True)
    assert answer.status_code < 500, (path, body[-200:])
    assert 'id="xss"' not in text, (path, body[-200:])
    assert not {"evil"} & {line.partition("=")[0] for line in answer.headers.getlist("Set-Cookie")}
    assert not re.match(r"//|https?://(?!id\.example\.com/)", answer.headers.get("Location", "/")), path
    return answer.status_code


@pytest.mark.long
@pytest.mark.both_engines
def test_every_field_of_every_console_form_survives_any_value(app: Flask, people, values, engine: str) -> None:
    """V15.3.7, V2.2.1: NUL, huge and doubled values are refused.
    Strange ones are wrong answers or plain text.

    The acting user is an operator, as every page of the console opens to operators.
    """
    browser = sign_in(Browser(app, "https://id.example.com"), people["operator"])
    tried = 0
    for endpoint, address in pages(app, values):
        if endpoint in ("admin.tested", "admin.test_app") or browser.open(address).status != 200:
            continue
        forms = [form for form in browser.page.forms if form.method == "post" and "/admin/" in (form.action or address)]
        for form in forms:
            path = urljoin(address, form.action)
            for name in set(form.kinds) - {"csrf_token"}:
                kept = [(key, one) for key, all_of in form.fields.items() if key != name for one in all_of]
                for value in VALUES[engine]:
                    sent(browser, path, urlencode(kept).encode() + b"&" + quote_plus(name).encode() + b"=" + value)
                    tried += 1
                if engine == "sqlite":
                    doubled = urlencode([*kept, (name, "a"), (name, "b")]).encode()
                    assert sent(browser, path, doubled) in (400, 403, 404, 422), (endpoint, name)
            assert sent(browser, path, urlencode({"csrf_token": browser.value("csrf_token")}).encode()) < 500
    assert tried > 100


@pytest.mark.long
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)  # PostgreSQL accepts no NUL and checks every type
def test_junk_as_an_id_or_query_value_is_no_server_error(app: Flask, people, values) -> None:
    """V2.2.1: an invalid id gets 404, never 403 or a server error. An invalid filter finds nothing or says so."""
    browser = sign_in(Browser(app, "https://id.example.com"), people["operator"])
    for endpoint, (address, _) in addresses(app, "admin.", values).items():
        if endpoint == "admin.tested":
            continue
        for name, known in values.items():
            if f"/{known}" not in address or name == "form":
                continue
            for junk in JUNK:
                path = address.replace(f"/{known}", f"/{junk}").encode().decode("latin-1")
                answer = browser.client.get("/", base_url=browser.issuer, environ_overrides={"PATH_INFO": path})
                assert answer.status_code == 404, (endpoint, name, ascii(junk[:20]))
        for odd in ODD:
            sought = urlencode(dict.fromkeys(QUERY, odd))
            answer = browser.client.get(address, query_string=sought, base_url=browser.issuer, buffered=True)
            refused = (
                {403, 409} if endpoint in ACTS_ON else set()
            )  # some actions are for the owner only, or are impossible now
            assert answer.status_code in {200, 303, 404, 422} | refused, (endpoint, ascii(odd[:20]), answer.status_code)
