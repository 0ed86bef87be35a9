"""``idp organisation languages`` sets the order of an organisation's languages."""

from tests.cli.conftest import SHOP, Idp


def test_an_organisations_languages_are_set_and_shown(idp: Idp) -> None:
    """S62: the list is ordered. Users without a choice get mail in the first language."""
    idp.apply(SHOP)
    assert "nl, en" in idp("organisation", "languages", "example-shoes", "nl", "en").stdout
    assert idp.json("organisation", "show", "example-shoes")["settings"]["languages"] == ["nl", "en"]
    assert "must be one of" in idp("organisation", "languages", "example-shoes", "nl", "nl", code=1).stderr
    idp("organisation", "languages", "example-shoes", "is", code=2)
