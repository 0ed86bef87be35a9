"""The console's shops, groups, policies and settings, its limits, and both languages (S3, S4, S11, S12, S55, S62)."""

from datetime import timedelta

import pytest

from idp.clock import now
from idp.db import transaction
from idp.identity.organisations import organisations as organisation_changes
from idp.identity.ownership import owner_recovery
from idp.languages import LANGUAGES
from idp.store import organisations, outbox, users
from tests.drivers.words import CLOSE_THIS_SHOP, RESET_THE_SECOND_FACTOR, SIGN_IN_DETAILS, STOP_THE_RECOVERY
from tests.factories import BY_TESTS, Factory

AT = "/admin/example-shoes"
PEOPLE = f"{AT}/people"


def test_shops_are_added_edited_and_deleted(factory: Factory, enter, shoes, anna) -> None:
    """S12: administrators see and edit all shops. Deleting one asks for the password."""
    browser = enter(anna).open(f"{AT}/shops")
    browser.fill(code="amsterdam-1", name="Amsterdam Centre").submit()
    assert "is added." in browser.text
    browser.fill(code="amsterdam-1", name="Again").submit()
    assert browser.status == 422
    assert "There is already a shop with the code amsterdam-1" in browser.errors[0]
    browser.fill(code="x" * 64, name="Too long").submit()
    assert browser.status == 422
    browser.open(f"{AT}/shops").click("Amsterdam Centre")
    browser.fill(name=" ").submit()
    assert browser.status == 422
    browser.fill(name="Amsterdam Dam").submit()
    assert "Amsterdam Dam" in browser.text
    browser.click(CLOSE_THIS_SHOP)
    browser.fill(password="not my password").submit()
    assert browser.status == 422
    browser.fill(password=anna.password).submit()
    assert "There are no shops yet." in browser.text
    with factory.context():
        assert organisations.shops(shoes) == []


def test_a_group_is_renamed_and_deleted_unless_a_policy_names_it(
    factory: Factory, enter, new_browser, shoes, anna, olga
) -> None:
    """S4, S11: an administrator cannot disable a dated rule by deleting its group."""
    factory.make_group(shoes, "Till", requires_mfa=False)
    browser = enter(anna).open(f"{AT}/groups").click("Edit")
    browser.fill(name="Tills").submit()
    assert browser.heading == "Tills"
    operator = enter(olga, f"{AT}/policies/add", new_browser())
    operator.fill(name="tills", starts="2026-01-01", groups="Tills").submit()
    assert "is added." in operator.text
    browser.fill(name="Counters").submit()
    assert "The policy tills names this group" in browser.errors[0]
    browser.reload().click("Delete this group").fill(password=anna.password).submit()
    assert browser.status == 409
    operator.click("Delete").fill(password=olga.password).submit()
    assert "There are no policies." in operator.text
    browser.submit("Cancel") if browser.offers("Cancel") else browser.reload()
    browser.fill(password=anna.password).submit()
    assert "There are no groups yet." in browser.text


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("starts", "30-04-2021", "date"),
        ("ends", "2020-01-01", "before the first"),
        ("countries", "Holland", "not known"),
        ("organisations", "nobody", "not known"),
        ("clients", "nothing", "not known"),
        ("groups", "2FA", "not known"),
        ("require", "a lot", "one of"),
        ("name", "", "one line of text"),
    ],
)
def test_invalid_policies_are_refused(enter, olga, shoes, field: str, value: str, reason: str) -> None:
    """Bad input: the message names the field, the typed text is kept, and nothing is written."""
    browser = enter(olga, f"{AT}/policies/add")
    form = {"csrf_token": browser.value("csrf_token"), "name": "x", "starts": "2026-01-01", "require": "second_factor"}
    browser.send("POST", f"https://id.example.com{AT}/policies/add", list({**form, field: value}.items()))
    assert browser.status == 422
    assert reason in browser.errors[0]
    if field == "countries":
        browser.send("POST", f"https://id.example.com{AT}/policies/add?language=nl", list({**form, field: value}.items()))
        assert "een code van twee hoofdletters" in browser.errors[0]
    assert browser.open(f"{AT}/policies").text.count("There are no policies.") == 1


def test_policies_show_administrators_the_people_they_affect(factory: Factory, enter, new_browser, anna, olga) -> None:
    """S11: the built-in example from a date on, with the people affected on the day before and on that day."""
    aussie = factory.make_organisation("aussie-boots", country="AU", integrations=["xero"])
    bruce = factory.make_user(aussie, "bruce", role="manager")
    sheila = factory.make_user(aussie, "sheila", role="administrator", with_totp=True, email="s@boots.example")
    operator = enter(olga, "/admin/aussie-boots/policies").click("Add a policy")
    ticks = {"role-administrator": True, "role-manager": True}
    operator.fill(name="xero-au", starts="2027-04-30", countries="AU", integrations="xero", **ticks).submit()
    operator.click("Edit").fill(ends="2028-01-01", require="phr").submit()
    assert " saved." in operator.text
    assert all(words in operator.text for words in ("Australia", "A passkey", "Administrator, Manager"))
    operator.open("/admin/aussie-boots/policies?language=nl")
    assert all(words in operator.text for words in ("Australië", "Een passkey", "Beheerder, Manager"))
    operator.open("/admin/aussie-boots/policies").click("Edit").fill(require="second_factor").submit()
    browser = enter(sheila, "/admin/aussie-boots/policies", new_browser())
    assert "xero-au" in browser.text
    assert not any(f"policies/{act}" in href for href, _ in browser.page.links for act in ("add", "edit", "remove"))
    browser.click("Who would be affected?").fill(on="2027-04-29").submit()
    assert "0 of 2 people" in browser.text
    browser.fill(on="2027-04-30", name="xero-au").submit()
    assert "1 of 2 people" in browser.text
    assert bruce.username in browser.text
    assert browser.open("/admin/aussie-boots/policies/who?on=tomorrow").errors
    elsewhere = enter(anna, f"{AT}/policies", new_browser())
    assert "xero-au" not in elsewhere.text


def test_settings_are_changed_within_their_limits(factory: Factory, enter, new_browser, shoes, anna, olga) -> None:
    """Periods can only be shortened. Only operators change country and integrations, also with a forged form."""
    browser = enter(anna, f"{AT}/settings")
    browser.fill(name="Better Shoes", login_hours="8", remember_device_days="7", password_min_length="15").submit()
    assert " saved." in browser.text
    for field, value in (("login_hours", "25"), ("login_hours", "eight"), ("remember_device_days", "0"), ("name", "")):
        browser.open(f"{AT}/settings").fill(**{field: value}).submit()
        assert browser.status == 422, field
    browser.open(f"{AT}/settings").fill(**{f"language-{tag}": False for tag in LANGUAGES}).submit()
    assert "at least one language" in browser.errors[0]
    browser.open(f"{AT}/settings").submit("Save", country="AU", integrations="")
    assert "Only the installation administrator" in browser.errors[0]
    operator = enter(olga, f"{AT}/settings", new_browser())
    operator.fill(country="be", integrations="xero, shopify").submit()
    assert " saved." in operator.text
    with factory.context():
        row = factory.organisation(shoes)
        assert (row.name, row.country, row.integrations) == ("Better Shoes", "BE", ["xero", "shopify"])
        assert (row.settings["login_hours"], row.settings["password_min_length"]) == (8, 15)


def test_an_operator_chooses_an_organisation(factory: Factory, enter, shoes, olga) -> None:
    """Operators start at a list of all organisations.
    The first is their own, which has users but no groups, shops or rules.
    """
    factory.make_organisation("toys", name="Toys")
    browser = enter(olga)
    assert browser.heading == "Organisations"
    browser.fill(q="TOY").submit()
    assert "Example Shoes" not in browser.text
    browser.click("Toys")
    assert browser.url.endswith("/admin/toys/overview")
    browser.open("/admin/").click("installation")
    assert browser.url.endswith("/admin/installation/overview")
    assert "olga" in browser.text
    for section in ("groups", "shops", "policies", "settings"):
        assert browser.open(f"/admin/installation/{section}").status == 404


def test_ids_of_another_organisation_are_not_found(factory: Factory, enter, shoes, anna) -> None:
    """Guessed ids get 404: people, groups and shops of other organisations, and their whole console."""
    toys = factory.make_organisation("toys")
    stranger, group = factory.make_user(toys, "kim"), factory.make_group(toys)
    with factory.context():
        group = organisations.groups(toys)[0].id
    browser = enter(anna)
    for path in (f"people/{stranger.id}", f"people/{stranger.id}/edit", f"people/{stranger.id}/disable", f"groups/{group}"):
        assert browser.open(f"{AT}/{path}").status == 404, path
    for path in ("people", "groups", "settings"):
        assert browser.open(f"/admin/toys/{path}").status == 404, path
    assert browser.open("/admin/nowhere/people").status == 404
    assert browser.open(f"{PEOPLE}/{anna.id}/eat").status == 404


def test_a_group_requires_a_second_factor_at_the_next_sign_in(enter, new_browser, factory, shoes, anna) -> None:
    """S3, S4: the console creates the group and adds a user.
    The user's page explains the requirement for a day and an app.
    """
    kim = factory.make_user(shoes, "kim")
    factory.make_client("till", minimum_acr="mfa")
    browser = enter(anna).open("/admin/example-shoes/groups")
    browser.fill(name="2FA", requires_mfa=True).submit()
    browser.fill(username="nobody").submit()
    assert browser.status == 422
    assert "Nobody here" in browser.errors[0]
    browser.fill(username="KIM").submit()
    assert "1 person" in browser.text
    browser.open(f"{PEOPLE}/{kim.id}")
    assert "Required by the group 2FA" in browser.text
    browser.click("Why, and from when?")
    assert "A second factor is needed, or a remembered device." in browser.text
    browser.fill(client="till", on="2030-01-01").submit()
    assert browser.page.ids.count("why") == 1
    assert "A second factor is needed." in browser.text
    theirs = new_browser().open("/account/security")
    theirs.fill(username="kim", password=kim.password).submit()
    assert "set up" in theirs.heading.lower()


def test_administrators_cannot_manage_the_owner_or_themselves(factory: Factory, enter, shoes, anna) -> None:
    """S47: an administrator cannot edit, disable or reset the owner. The page says so, and forged addresses are refused.

    Nor can administrators do this to themselves here, or grant a role above their own.
    """
    owner = factory.make_user(shoes, "boss", role="owner", with_totp=True, email="boss@shoes.example")
    browser = enter(anna).open(f"{PEOPLE}/{owner.id}")
    assert "Only the owner may change the owner" in browser.text
    assert not any(f"{owner.id}/" in href and "explain" not in href for href, _ in browser.page.links)
    for name in ("edit", "reset-factor", "remove-factor", "disable", "one-time-password", "end-sessions", "unlock"):
        assert browser.open(f"{PEOPLE}/{owner.id}/{name}").status == 403, name
    for name in ("reset-factor", "disable"):
        browser.open(f"{PEOPLE}/{anna.id}/{name}").fill(password=anna.password).submit()
        assert browser.status == 403, name
        assert "This is you" in browser.errors[0]
    browser.open(f"{PEOPLE}/{anna.id}/edit")
    assert "owner" not in next(form.choices["role"] for form in browser.page.forms if "role" in form.kinds)


def test_an_operator_helps_an_owner_only_by_a_recovery(factory: Factory, enter, shoes, anna, olga) -> None:
    """S48: every administrator is told, and the owner confirms. The second factor is never simply reset."""
    boss = factory.make_user(shoes, "boss", role="owner", with_totp=True, email="boss@shoes.example")
    browser = enter(olga, f"{PEOPLE}/{boss.id}")
    assert RESET_THE_SECOND_FACTOR not in browser.text
    for name in ("reset-factor", "remove-factor"):
        browser.open(f"{PEOPLE}/{boss.id}/{name}").fill(password=olga.password).submit()
        assert browser.status == 403, name
    assert browser.open(f"{PEOPLE}/{anna.id}/recover-owner").fill(password=olga.password).submit().status == 404
    browser.open(f"{PEOPLE}/{boss.id}").click("Recover the owner's account")
    browser.fill(password=olga.password).submit()
    assert "boss gets an e-mail to confirm it." in browser.text
    with factory.context():
        sent = {(mail.template, mail.recipient) for mail in outbox.mails()}
    assert ("owner_recovery_confirm", "boss@shoes.example") in sent
    assert ("owner_recovery_announced", "anna@shoes.example") in sent
    assert "Recover the owner's account" not in browser.open(f"{PEOPLE}/{boss.id}").text
    browser.click(STOP_THE_RECOVERY).fill(password="not my password").submit()
    assert browser.status == 422
    browser.fill(password=olga.password).submit()
    assert "Recover the owner's account" in browser.open(f"{PEOPLE}/{boss.id}").text
    with factory.context():
        assert owner_recovery.under_way(shoes) is None
        assert "owner_recovery_cancelled" in {mail.template for mail in outbox.mails()}


def test_an_edit_cannot_demote_the_owner(factory: Factory, enter, shoes) -> None:
    """The form does not offer a lower role for an owner."""
    boss = factory.make_user(shoes, "boss", role="owner", with_totp=True, email="boss@shoes.example")
    browser = enter(boss).open(f"{PEOPLE}/{boss.id}/edit")
    form = next(form for form in browser.page.forms if "role" in form.kinds)
    assert form.choices["role"] == ["owner"]
    form.fields["role"] = ["employee"]
    browser.fill(name="Boss").submit()
    assert browser.status == 403
    assert "until the ownership is handed over" in browser.errors[0]


def test_the_console_closes_after_seven_days_without_a_verified_address(
    factory: Factory, enter, clock, postman, shoes, anna
) -> None:
    """S55: before that, administrators are only reminded. Afterwards the page tells how to get a new link."""
    with factory.context(), transaction():
        users.change_user(shoes, anna.id, email_verified_at=None, verify_since=now())
    browser = enter(anna, "/account/security")
    if browser.heading != SIGN_IN_DETAILS:
        browser.submit()
    assert browser.open(PEOPLE).status == 200
    with factory.context(), transaction():
        users.change_user(shoes, anna.id, verify_since=now() - timedelta(days=8))
    assert browser.open(PEOPLE).status == 403
    assert "in your profile, under “E-mail address”, let us send you a new e-mail" in browser.text
    postman.bring()
    browser.open("/account/security").click("Change address").submit("Send me an e-mail to verify it")
    browser.open(postman.link("anna@shoes.example")).submit()
    assert browser.open(PEOPLE).status == 200


def test_the_organisations_pages_are_in_dutch(enter, new_browser, anna, jan) -> None:
    """S62: every page of an administrator's work exists in Dutch."""
    browser = enter(anna, browser=new_browser(languages="nl"))
    assert browser.heading == "Overzicht"
    for path, heading in (("groups", "Groepen"), ("shops", "Winkels"), ("policies", "Regels"), ("settings", "Instellingen")):
        assert browser.open(f"/admin/example-shoes/{path}").heading == heading


def test_an_administrator_chooses_the_first_language(factory: Factory, enter, shoes, anna, jan) -> None:
    """S62: the default follows the country until somebody chooses. The choice applies to mail from then on."""
    with factory.context(), transaction():
        organisation_changes.change(factory.organisation(shoes), {"country": "NL"}, BY_TESTS)
    browser = enter(anna).open("/admin/example-shoes/settings")
    assert browser.value("first_language") == "nl"
    browser.fill(first_language="en").submit("Save")
    assert browser.value("first_language") == "en"
    with factory.context():
        assert factory.organisation(shoes).settings["languages"][:2] == ["en", "nl"]
