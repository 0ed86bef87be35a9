"""Attack imports of people: by rights that are gone, and by files that are no files."""

import pytest

from idp import clock as times
from idp.db import transaction
from idp.errors import MOST_FAULTS
from idp.store import users
from tests.drivers.people_import import names, start, upload, worked
from tests.factories import Factory


@pytest.mark.parametrize("columns", [{"disabled_at": times.now()}, {"valid_until": times.now().date().replace(year=2020)}])
def test_an_import_creates_nobody_once_its_administrator_is_gone(
    factory: Factory, enter, shoes, anna, boss, columns: dict[str, object]
) -> None:
    """An administrator who was disabled, or whose last day has passed, keeps the role and loses its rights."""
    browser = upload(enter(anna), "username;role\nkim;administrator\nboss;\n")
    start(browser, anna)
    with factory.context(), transaction():
        users.change_user(shoes, anna.id, **columns)
    assert worked(factory) == 2
    assert names(factory, shoes) == {"anna", "boss"}


@pytest.mark.parametrize("first", ['sep="', "sep=\r"])
def test_a_separator_that_separates_nothing_is_no_fault_of_ours(enter, anna, first: str) -> None:
    """Newer versions of Python refuse such a separator by an exception of their own."""
    browser = upload(enter(anna), f"{first}\nusername\nkim\n")
    assert browser.status == 422
    assert "is not known" in browser.text


def test_an_import_changes_nobody_that_the_check_did_not_find(factory: Factory, enter, shoes, anna, boss) -> None:
    """“Created” was confirmed: somebody who got the username since is not made an administrator. Nor do people come back."""
    jan = factory.make_user(shoes, "jan")
    browser = upload(enter(anna), "username;role;name\nkim;administrator;\njan;;Jan\n")
    address = browser.url
    start(browser, anna)
    with factory.context(), transaction():
        users.change_user(shoes, jan.id, username="kim", username_key="kim")
    assert worked(factory) == 2
    assert names(factory, shoes) == {"anna", "boss", "kim"}
    assert "has been added or removed" in browser.open(address).text
    with factory.context():
        kim = users.user(shoes, jan.id)
        assert kim is not None
        assert kim.role == "employee"


def test_a_line_with_a_thousand_faults_is_told_some_of_them(factory: Factory, enter, shoes, anna) -> None:
    """V2.2.1, V15.2.2: a cell of 2,000 characters names a thousand groups. Naming them all was a fault of ours."""
    named = ",".join(str(number % 10) for number in range(1_000))
    browser = upload(enter(anna), f"username;groups;shops\nkim;{named};{named}\n")
    assert browser.status == 200
    assert browser.text.count("There is no group") == MOST_FAULTS
    assert names(factory, shoes) == {"anna"}
