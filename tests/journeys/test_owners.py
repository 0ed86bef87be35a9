"""Owner transfer: an organisation always has an owner, and an operator appoints the first one."""

from collections.abc import Callable

import pytest
from click.testing import CliRunner

from idp.actors import Person
from idp.audit import Origin
from idp.cli import main
from idp.errors import Forbidden, Invalid
from idp.identity.accounts import accounts
from idp.identity.users import status
from idp.store import organisations
from tests.drivers import crowd
from tests.drivers.ownership import ANNA, AT, events, mails_by_subject, owner_id, roles
from tests.drivers.postman import Postman
from tests.factories import BY_TESTS, Factory


def test_an_operator_appoints_an_owner_where_there_is_none(
    factory: Factory, enter, postman: Postman, shoes, anna, jan, olga
) -> None:
    """Owner transfer, S54: it needs the password and works once. The organisation's administrators are told."""
    browser = enter(olga, f"{AT}/ownership")
    assert "Nobody owns this organisation yet." in browser.text
    browser.open(f"{AT}/people/{jan.id}").click("Appoint as the owner")
    browser.fill(password=olga.password).submit()
    assert "jan is the owner now." in browser.text
    assert (roles(factory, jan), owner_id(factory, shoes)) == (["owner"], jan.id)
    subject = "jan is now the owner of Example Shoes"
    assert mails_by_subject(postman.bring()) == {(ANNA, subject), ("jan@shoes.example", subject)}
    assert events(factory, shoes) == [("appointed", "-", "jan")]
    assert "Appoint as the owner" not in browser.open(f"{AT}/people/{anna.id}").text
    assert browser.open(f"{AT}/people/{anna.id}/appoint-owner").status == 409


def test_only_operators_appoint_an_owner(factory: Factory, enter, shoes, anna, jan) -> None:
    """Owner transfer, S13: administrators of an organisation without an owner get 404."""
    browser = enter(anna, f"{AT}/people/{jan.id}")
    assert "Appoint as the owner" not in browser.text
    assert browser.open(f"{AT}/people/{jan.id}/appoint-owner").status == 404
    assert roles(factory, jan) == ["employee"]


@pytest.mark.parametrize("who", ["boss", "olga"])
def test_an_edit_cannot_grant_or_remove_the_owner_role(
    factory: Factory, enter, request, shoes, boss, iris, olga, who
) -> None:
    """Owner transfer, S13: neither the owner nor an operator can do so, nor a forged form."""
    browser = enter(request.getfixturevalue(who), f"{AT}/people/{iris.id}/edit")
    form = next(form for form in browser.page.forms if "role" in form.kinds)
    assert "owner" not in form.choices["role"]
    form.fields["role"] = ["owner"]
    browser.fill(name="Iris").submit()
    assert browser.status == 403
    browser.open(f"{AT}/people/{boss.id}/edit")
    form = next(form for form in browser.page.forms if "role" in form.kinds)
    assert form.choices["role"] == ["owner"]
    form.fields["role"] = ["administrator"]
    browser.fill(name="Boss").submit()
    assert browser.status == 403
    assert roles(factory, boss, iris) == ["owner", "manager"]


@pytest.mark.parametrize("who", ["second", "olga", "cli"])
def test_nobody_disables_or_demotes_the_owner(factory: Factory, request, shoes, boss, olga, who) -> None:
    """Owner transfer, S48, S54: another user with that role, an operator, a file and the command line are refused."""
    second = factory.make_user(shoes, "second", role="owner", email="second@shoes.example")
    acting = {"second": Origin(Person(second.id)), "olga": Origin(Person(olga.id)), "cli": BY_TESTS}[who]
    with factory.context():
        at = factory.organisation(shoes)
        acts: tuple[Callable[[Origin], object], ...] = (
            lambda by: status.disable(factory.settings, at, factory.user(boss), by),
            lambda by: accounts.change(factory.settings, at, factory.user(boss), {"role": "administrator"}, by),
            lambda by: accounts.change(factory.settings, at, factory.user(boss), {"email_verified": False}, by),
        )
        for act in acts:
            with pytest.raises((Forbidden, Invalid)):
                act(acting)
        row = factory.user(boss)
        assert (row.role, row.disabled_at, organisations.organisation(shoes).owner_id) == ("owner", None, boss.id)


@pytest.mark.parametrize("line", ['role = "manager"', "absent = true"])
def test_no_file_or_command_removes_the_owner(factory: Factory, settings, tmp_path, shoes, boss, line) -> None:
    """Owner transfer: `idp apply` and `idp user disable` refuse with a message, even if another user has the role too."""
    factory.make_user(shoes, "second", role="owner", email="second@shoes.example")
    config, file = crowd.write_config(settings, tmp_path), tmp_path / "shop.toml"
    file.write_text(f'[[users]]\norganisation = "example-shoes"\nusername = "boss"\n{line}\n', "utf-8")
    for words in (["apply", str(file)], ["user", "disable", "example-shoes", "boss"]):
        refused = CliRunner().invoke(main, [*words, "--config", str(config)])
        assert refused.exit_code == 1, refused.output
        assert "needs an owner" in refused.output
    assert roles(factory, boss) == ["owner"]
