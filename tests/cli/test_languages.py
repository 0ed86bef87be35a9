"""``idp organisation languages``: the order of an organisation's languages."""

from tests.cli.conftest import SHOP, Idp


def test_an_organisations_languages_are_set_and_shown(idp: Idp) -> None:
    """S62: an ordered list; the first is that of mail to people who chose none."""
    idp.apply(SHOP)
    assert "nl, en" in idp("organisation", "languages", "example-shoes", "nl", "en").stdout
    assert idp.json("organisation", "show", "example-shoes")["settings"]["languages"] == ["nl", "en"]
    assert "must be one of" in idp("organisation", "languages", "example-shoes", "nl", "nl", code=1).stderr
    idp("organisation", "languages", "example-shoes", "fr", code=2)
