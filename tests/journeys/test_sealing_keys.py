"""Sealing keys are added and removed (``secrets = [new, old]``). Nothing that an old key sealed is lost."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from idp import config, sealing
from idp.config import Settings
from idp.store import sealed
from idp.sweeps import sweep
from tests.conftest import SECRET
from tests.drivers.applications import bare_app, whole_app
from tests.drivers.browser import Browser
from tests.drivers.postman import Postman
from tests.drivers.relying_party import Refused, RelyingParty
from tests.drivers.words import YOUR_NAME_IS_SAVED
from tests.factories import Factory, MadeClient, MadePerson

NEW = config.new_ring_entry("newer")
CHOSEN = "violet harbour kettle 9"
At = Callable[..., AbstractContextManager[tuple[Factory, Browser, RelyingParty]]]


@pytest.fixture
def client(factory: Factory) -> MadeClient:
    """Create a relying app."""
    return factory.make_client()


@pytest.fixture
def ann(factory: Factory) -> MadePerson:
    """Create a user with an authenticator app, recovery codes and an address."""
    at = factory.make_organisation(settings={"offer_set_up": False}, owner=True)
    return factory.make_user(at, "ann", with_totp=True, recovery_codes=3, email="ann@shoes.example")


@pytest.fixture
def running_with(configure: Callable[..., Settings], client: MadeClient) -> At:
    """Return ``running_with(NEW, OLD)``, which restarts with these secrets and yields ``(factory, browser, app)``."""

    @contextmanager
    def start(*secrets: str) -> Iterator[tuple[Factory, Browser, RelyingParty]]:
        settings = configure(secrets=list(secrets))
        with whole_app(settings) as app, bare_app(settings) as bare:
            party = RelyingParty(app, settings.issuer, client.client_id, client.redirect_uri, secret=client.secret)
            yield Factory(settings, bare), Browser(app, settings.issuer), party

    return start


def sign_in(browser: Browser, party: RelyingParty, ann: MadePerson) -> Browser:
    return browser.open(party.authorize_url()).fill(username="ann", password=ann.password).submit()


def set_cookies(browser: Browser, cookies: dict[str, str]) -> Browser:
    for name, value in cookies.items():
        browser.client.set_cookie(name, value, domain="id.example.com", secure=True)
    return browser


def worker_runs(factory: Factory) -> None:
    with factory.context():
        sweep(factory.settings)


def keys_in_use(factory: Factory) -> dict[str, set[str]]:
    """Return the names of the sealing keys of the stored data, by kind."""
    with factory.context():
        names = ("test", "newer")
        return {
            column.name: {name for name in names if column.sample(name)}
            for column in sealed.COLUMNS
            if any(column.sample(name) for name in names)
        }


@pytest.mark.both_engines
def test_everything_works_after_an_old_sealing_key_is_removed(
    engine: str, running_with: At, ann: MadePerson, factory: Factory, tmp_path, clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Design "whose keys can enter and leave": codes, tokens, mails, links and sign-ins in progress move to the new key."""
    monkeypatch.setattr(sealing, "SPAN", 2)
    monkeypatch.setattr(sealing, "PART", 1)
    with running_with(SECRET) as (old, browser, party):
        browser.open("/reset").fill(organisation=ann.store_url, username="ann").submit()
        waiting_link = Postman(old, tmp_path / "mail").link("ann@shoes.example")
        begun = sign_in(Browser(browser.client.application, browser.issuer), party, ann)
        browser.open("/reset").fill(organisation=ann.store_url, username="ann").submit()
        assert set().union(*keys_in_use(old).values()) == {"test"}
        jar = dict(begun.cookies)
    with running_with(NEW, SECRET) as (between, _, _):
        with between.context():
            assert set(sealing.left_behind(between.settings)) >= {"authenticator app", "signing key", "mailed link"}
        worker_runs(between)
        assert set().union(*keys_in_use(between).values()) == {"newer"}
        with between.context():
            assert sealing.left_behind(between.settings) == {}
    with running_with(NEW) as (alone, browser, party):
        mails = Postman(alone, tmp_path / "mail").bring("ann@shoes.example")
        assert len(mails) == 2  # one mail was read before the change, and one waited under the old key
        browser.open(mails[-1].link)
        assert "new_password" in browser.fields
        assert waiting_link != mails[-1].link
        set_cookies(browser, jar).open(begun.url).fill(code=ann.authenticator.code()).submit()
        assert "code=" in str(browser.left_for), browser.text


def test_a_sign_in_whose_key_is_gone_is_refused_alone(
    running_with: At, ann: MadePerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused without a server error.
    The installation is ready, and the next sign-in works.
    """
    with running_with(SECRET) as (_, browser, party):
        begun = sign_in(browser, party, ann)
        jar = dict(begun.cookies)
    with running_with(NEW, SECRET) as (between, _, _), monkeypatch.context() as patched:
        begun_again = (sealed.ATTEMPTS, sealed.NEEDS)
        patched.setattr(sealing, "COLUMNS", tuple(one for one in sealed.COLUMNS if one not in begun_again))
        worker_runs(between)
    with running_with(NEW) as (_, browser, party):
        assert browser.client.get("/readyz", base_url=browser.issuer).status_code == 200
        set_cookies(browser, jar).open(begun.url)
        assert browser.status == 404, browser.text
        sign_in(browser, party, ann).fill(code=ann.authenticator.code()).submit()
        assert "code=" in str(browser.left_for), browser.text


def test_a_used_authenticator_app_moves_to_the_new_key(running_with: At, ann: MadePerson, clock) -> None:
    """It is sealed again when it is used, even if no worker has run."""
    with running_with(NEW, SECRET) as (between, browser, party):
        sign_in(browser, party, ann).fill(code=ann.authenticator.code()).submit()
        assert party.callback(browser.left_for).id_token
        assert keys_in_use(between)["authenticator app"] == {"test", "newer"}  # the owner has not used their app yet


def test_a_code_whose_sealing_key_is_gone_counts_no_guess(
    running_with: At, ann: MadePerson, clock, capfd: pytest.CaptureFixture[str]
) -> None:
    """I11: the page says that the code cannot be checked. There is no server error, and a recovery code still works."""
    with running_with(NEW) as (_, browser, party):
        sign_in(browser, party, ann)
        capfd.readouterr()
        for _ in range(7):
            clock(seconds=30)
            browser.fill(code=ann.authenticator.code()).submit()
            assert browser.status == 422
            assert "cannot be checked at the moment" in " ".join(browser.errors)
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "does_not_open" in line]
        assert (lines[0]["kind"], lines[0]["key"]) == ("authenticator app", "test")
        browser.submit("use_recovery").fill(recovery_code=ann.recovery_codes[0]).submit().submit("choice=carry_on")
        assert browser.left_for, browser.text


def test_links_and_tokens_whose_key_is_gone_are_refused(
    running_with: At, ann: MadePerson, factory: Factory, tmp_path, clock
) -> None:
    """The page says that the link no longer works. The token endpoint is unavailable, and no signing key is replaced."""
    with running_with(SECRET) as (old, browser, party):
        browser.open("/reset").fill(organisation=ann.store_url, username="ann").submit()
        link = Postman(old, tmp_path / "mail").link("ann@shoes.example")
        sign_in(browser, party, ann).fill(code=ann.authenticator.code()).submit()
        tokens = party.callback(browser.left_for)
        jar = dict(browser.cookies)
    with running_with(NEW) as (gone, browser, party):
        assert browser.open(link).status == 404
        assert "does not work any more" in browser.text
        set_cookies(browser, jar).open(party.authorize_url())
        with pytest.raises(Refused) as refused:
            party.callback(browser.left_for)
        assert refused.value.error == "temporarily_unavailable"
        assert browser.client.get("/oauth/jwks").status_code == 200
        assert browser.client.get("/readyz").status_code == 503
        assert browser.open(f"/oauth/logout?id_token_hint={tokens.id_token}").status == 200  # its signature is still valid
        with gone.context():
            assert {one.kind for one in sealing.locked(gone.settings)} >= {"authenticator app", "signing key"}
            assert not sealed.SIGNING_KEYS.sample("newer")


def test_kept_answers_are_gone_with_their_key(running_with: At, ann: MadePerson, tmp_path: Path, clock) -> None:
    """Kept answers do not move to a new key. Each page then shows its ordinary content."""
    with running_with(SECRET) as (old, browser, party):
        browser.open("/reset").fill(organisation=ann.store_url, username="ann").submit()
        link = Postman(old, tmp_path / "mail").link("ann@shoes.example")
        addresses = {"a used link": browser.open(link).fill(new_password=CHOSEN, new_password_again=CHOSEN).submit().url}
        assert (browser.open(link).url, browser.status) == (addresses["a used link"], 200)
        changed = replace(ann, password=CHOSEN)
        addresses["a wrong code"] = sign_in(browser, party, changed).fill(code="000000").submit().url
        visitor = Browser(browser.client.application, browser.issuer)
        sign_in(visitor, party, changed).fill(code=ann.authenticator.code()).submit()
        addresses["a refused form"] = visitor.open("/account/details").fill(name="x" * 201).submit().url
        addresses["what was done"] = visitor.open("/account/details").fill(name="Ann").submit().url
        jars = [dict(browser.cookies), dict(visitor.cookies)]
    with running_with(NEW, SECRET) as (between, _, _):
        worker_runs(between)
    with running_with(NEW) as (_, browser, _):
        set_cookies(browser, jars[0])
        assert browser.open(link).status == 404
        assert "does not work any more" in browser.text
        assert (browser.open(addresses["a wrong code"]).status, browser.errors) == (200, [])
        assert "code" in browser.fields
        set_cookies(browser.forget_cookies(), jars[1])
        assert (browser.open(addresses["a refused form"]).status, browser.errors) == (200, [])
        assert (browser.open(addresses["what was done"]).status, YOUR_NAME_IS_SAVED in browser.text) == (200, False)


def test_a_key_with_the_name_of_another_is_detected(running_with: At, ann: MadePerson) -> None:
    """A new configuration of the same day gives its key the same name. That key cannot open the stored values."""
    with running_with(config.new_ring_entry("test")) as (other, _, _), other.context():
        assert {one.kind for one in sealing.locked(other.settings)} == {"authenticator app", "signing key"}
    with running_with(SECRET) as (right, _, _), right.context():
        assert sealing.locked(right.settings) == []
