"""Authenticator apps of users in the console: shown on the user's page and removed there (S47, S53)."""

from idp.identity.credentials import authenticator_apps
from tests.factories import Factory, MadePerson


def ids(factory: Factory, person: MadePerson) -> list[str]:
    with factory.context():
        return [row.id for row in authenticator_apps.apps_of(factory.user(person))]


def test_an_administrator_lists_and_removes_an_app(factory: Factory, anna, jan, enter, postman) -> None:
    """S47, S53: the page shows each app. Removal asks for the password and sends a mail; the other app stays."""
    factory.give_app(jan, "Tablet")
    first, _ = ids(factory, jan)
    postman.bring()
    browser = enter(anna).open(f"/admin/example-shoes/people/{jan.id}")
    assert "Tablet" in browser.text
    browser.click("Remove Tablet")
    assert browser.heading == "Remove the authenticator app Tablet of jan?"
    assert "last second factor" not in browser.text
    browser.fill(password="not the password").submit()
    assert browser.status == 422
    browser.fill(password=anna.password).submit()
    assert "An authenticator app of jan is removed." in browser.text
    assert ids(factory, jan) == [first]
    (mail,) = postman.bring()
    assert mail.to == "jan@shoes.example"
    assert "Name: Tablet" in mail.text


def test_only_an_app_of_that_user_can_be_removed(factory: Factory, anna, jan, enter) -> None:
    """IDOR: an app of another user gets 404 here. Administrators remove their own in the profile."""
    eve = factory.make_user(jan.organisation_id, "eve")
    toys = factory.make_organisation("toys")
    bob = factory.make_user(toys, "bob", with_totp=True)
    browser = enter(anna)
    for person, totp_id in ((eve, *ids(factory, jan)), (jan, *ids(factory, bob)), (bob, *ids(factory, bob))):
        place = f"/admin/example-shoes/people/{person.id}/authenticator-apps/{totp_id}/remove"
        assert browser.open(place).status == 404
    assert (
        browser.open(f"/admin/example-shoes/people/{anna.id}/authenticator-apps/{ids(factory, anna)[0]}/remove").status
        == 403
    )
    assert (len(ids(factory, jan)), len(ids(factory, bob))) == (1, 1)


def test_the_last_app_of_a_person_may_be_removed_by_an_administrator(factory: Factory, anna, jan, enter) -> None:
    """S47: a lost phone was the only one. The dialogue says that recovery codes end too."""
    browser = enter(anna).open(f"/admin/example-shoes/people/{jan.id}").click("Remove Authenticator app")
    assert "This app is the last second factor" in browser.text
    browser.fill(password=anna.password).submit()
    assert ids(factory, jan) == []
