"""A complete journey leaves no secret in the log, the audit log, the outbox or the database (V16.2.5, I11)."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from idp import crypto, logs
from idp.config import Settings
from idp.mail import deliver
from idp.store import audit, outbox
from tests.drivers.browser import Browser
from tests.drivers.postman import Postman
from tests.drivers.relying_party import Refused
from tests.drivers.words import YOUR_PASSWORD_IS_SET
from tests.web.conftest import Shop

TYPED_WRONG = "canary-typed-by-mistake-77"
CHOSEN = "violet harbour kettle 9"


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Iterator[Settings]:
    """Return settings with the most detailed log."""
    made = configure(log_level="DEBUG")
    yield made
    logs.setup_logs(configure())


def walk(shop: Shop) -> dict[str, str]:
    """Sign in, refresh, fail, recover and sign out. Returns every secret that a party held."""
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
    shop.browser().open(party.authorize_url(id_token_hint=str(tokens.id_token), login_hint=TYPED_WRONG))
    browser.open(f"/oauth/logout?id_token_hint={tokens.id_token}")
    mistype(shop)
    return found


def mistype(shop: Shop) -> None:
    """Enter a password in every other field that is shown without a session."""
    for store_url, username in (("example-shoes", TYPED_WRONG), (TYPED_WRONG, "ann")):
        shop.browser().open("/reset").fill(organisation=store_url, username=username).submit()
        paper = shop.browser().open("/welcome").fill(organisation=store_url, username=username, code=TYPED_WRONG)
        assert paper.submit().status == 422
    assert shop.browser().open(f"/unlock/{shop.organisation_id}.{TYPED_WRONG}").status == 404
    bearer = f"{shop.organisation_id}.{TYPED_WRONG}"
    asked = {"grant_type": "refresh_token", "refresh_token": bearer, "client_id": "webshop", "client_secret": TYPED_WRONG}
    assert shop.ask("POST", "/oauth/token", data=asked).status_code == 401
    assert shop.ask("GET", "/oauth/userinfo", headers={"Authorization": f"Bearer {bearer}"}).status_code == 401


def choose_by_mail(shop: Shop, folder: Path) -> dict[str, str]:
    """Choose another password by a mailed link. Returns the secrets of the mail and the entered ones."""
    postman, browser = Postman(shop.factory, folder), shop.browser()
    browser.open("/reset").fill(organisation="example-shoes", username="ann").submit()
    (link,) = (mail.link for mail in postman.bring("ann@shoes.example") if "/reset/" in mail.text)
    browser.open(link).fill(new_password=CHOSEN, new_password_again=CHOSEN).submit()
    assert browser.heading == YOUR_PASSWORD_IS_SET
    return {"mailed token": link.rpartition("/")[2], "chosen password": CHOSEN}


def recover(shop: Shop) -> Browser:
    """Sign in with a recovery code, after a wrong one."""
    browser = shop.at_code().submit("use_recovery")
    browser.fill(recovery_code=shop.ann.recovery_codes[3]).submit()
    return shop.at_code().submit("use_recovery").fill(recovery_code=shop.ann.recovery_codes[3]).submit()


@pytest.fixture
def digested(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bytes]]:
    """Record every unkeyed digest that is made from now on, with its input."""
    digest, found = crypto.digest, []

    def note(purpose: str, value: str) -> bytes:
        found.append((value, digest(purpose, value)))
        return found[-1][1]

    monkeypatch.setattr(crypto, "digest", note)
    return found


def test_no_secret_is_written_to_log_trail_outbox_or_database(
    shop: Shop, tmp_path: Path, capfd: pytest.CaptureFixture[str], engine: str, digested: list[tuple[str, bytes]]
) -> None:
    """V16.2.5, V3.3.4: they contain no unkeyed digest of entered text either.

    Readers of the database could guess the text of such a digest.
    """
    held = walk(shop)
    with shop.factory.context():
        assert deliver.deliver_due(shop.settings) > 0
        trail = [str(vars(row)) for row in audit.rows(shop.organisation_id)]
    held |= choose_by_mail(shop, tmp_path / "mail")
    with shop.factory.context():
        mails = [str(vars(mail)) for mail in outbox.mails()]
    logged = "".join(capfd.readouterr())
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert {"oauth_error", "mail_sent"} <= {line["event"] for line in lines}, "the log has no lines to search"
    assert len(trail) > 8
    assert mails
    places = {"log": logged, "audit": "".join(trail), "outbox": "".join(mails)}
    if engine == "sqlite":
        files = sorted(tmp_path.glob("sleutel.sqlite3*"))
        places["database"] = b"".join(file.read_bytes() for file in files).decode("latin-1")
        assert shop.ann.id in places["database"]
        typed = [made for value, made in digested if any(one in value for one in (TYPED_WRONG, CHOSEN, shop.ann.password))]
        assert typed, "junk must be looked up as a bearer value"
        forms = [form for made in typed for form in (made.decode("latin-1"), made.hex(), crypto.b64url(made))]
        assert not [form for form in forms if form in places["database"]]
    for place, text in places.items():
        assert not [name for name, secret in held.items() if len(secret) < 12 or secret in text], place


def test_no_page_or_address_contains_the_value_of_a_cookie(shop: Shop) -> None:
    """V3.3.4: scripts and logs could read it there."""
    browser = shop.signed_in()
    for path in ("/", "/account/security", "/no-such-page"):
        browser.open(path)
        for name, value in browser.cookies.items():
            assert value not in browser.html + browser.url, (name, path)
