"""Secrets stay where they belong: a whole journey, then a search through everything that was written down (V16.2.5, I11)."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from idp import logs
from idp.config import Settings
from idp.mail import deliver
from idp.store import audit, outbox
from tests.drivers.browser import Browser
from tests.drivers.relying_party import Refused
from tests.web.conftest import Shop

TYPED_WRONG = "canary-typed-by-mistake-77"


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Iterator[Settings]:
    """As much in the log as there can be."""
    made = configure(log_level="DEBUG")
    yield made
    logs.setup_logs(configure())


def walk(shop: Shop) -> dict[str, str]:
    """Sign in, refresh, fail, recover, sign out; every secret that was in somebody's hands."""
    ann, party = shop.ann, shop.party
    browser = shop.at_password(scope="openid profile email offline_access")
    browser.fill(username="ann", password=TYPED_WRONG).submit()
    browser.fill(username=TYPED_WRONG, password=ann.password).submit()
    browser.fill(username="ann", password=ann.password).submit()
    attempt = browser.url.rpartition("/")[2]
    before = dict(browser.cookies)
    token = browser.value("csrf_token")
    browser.fill(code=ann.authenticator.code(), remember_device=True).submit()
    shop.allow(browser)
    code = party.answer(browser.left_for)["code"]
    tokens = party.redeem(code)
    refreshed = party.refresh()
    party.userinfo()
    for spoilt in (code, "no.such-code"):
        with pytest.raises(Refused):
            party.redeem(spoilt)
    recover(shop)
    found = {f"cookie {name}": value for name, value in {**before, **browser.cookies}.items() if "language" not in name}
    found |= {"attempt": attempt, "csrf": token, "code": code, "typed": TYPED_WRONG, "password": ann.password}
    found |= {"access": tokens.access_token, "again": refreshed.access_token, "id": str(tokens.id_token)}
    found |= {"refresh": str(tokens.refresh_token), "seed": ann.totp_secret, "client": party._secret}
    found |= {f"recovery {number}": one for number, one in enumerate(ann.recovery_codes)}
    found |= {f"plain {number}": one.replace("-", "") for number, one in enumerate(ann.recovery_codes)}
    browser.open(f"/oauth/logout?id_token_hint={tokens.id_token}")
    return found


def recover(shop: Shop) -> Browser:
    """Sign in with a recovery code, after a wrong one."""
    browser = shop.at_code().submit("use_recovery")
    browser.fill(recovery_code=shop.ann.recovery_codes[3]).submit()
    return shop.at_code().submit("use_recovery").fill(recovery_code=shop.ann.recovery_codes[3]).submit()


def test_nothing_secret_is_written_down(shop: Shop, tmp_path: Path, capfd: pytest.CaptureFixture[str], engine: str) -> None:
    """V16.2.5, V3.3.4: not in the log, the audit trail, the outbox after sending, nor anywhere in the database's file."""
    held = walk(shop)
    with shop.factory.context():
        assert deliver.deliver_due(shop.settings) > 0
        trail = [str(vars(row)) for row in audit.rows(shop.organisation_id)]
        mails = [str(vars(mail)) for mail in outbox.mails()]
    logged = "".join(capfd.readouterr())
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert {"oauth_error", "mail_sent"} <= {line["event"] for line in lines}, "there was nothing to search"
    assert len(trail) > 8
    assert mails
    places = {"log": logged, "audit": "".join(trail), "outbox": "".join(mails)}
    if engine == "sqlite":
        files = sorted(tmp_path.glob("sleutel.sqlite3*"))
        places["database"] = b"".join(file.read_bytes() for file in files).decode("latin-1")
        assert shop.ann.id in places["database"]
    for place, text in places.items():
        assert not [name for name, secret in held.items() if len(secret) < 12 or secret in text], place


def test_a_page_holds_no_session_of_its_own(shop: Shop) -> None:
    """V3.3.4: the values of cookies stand in no page and no address."""
    browser = shop.signed_in()
    for path in ("/", "/account/security", "/no-such-page"):
        browser.open(path)
        for name, value in browser.cookies.items():
            assert value not in browser.html + browser.url, (name, path)
