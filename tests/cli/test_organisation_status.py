"""`idp organisation disable` and `enable`, and what a restore does with an organisation that was disabled since (S77)."""

from tests.cli.conftest import ANNA, SHOP, Idp

TOYS = '\n[[organisations]]\nstore_url = "toys"\nname = "Toys"\n'


def test_an_organisation_is_disabled_and_enabled(idp: Idp) -> None:
    """S77: both say what they did, and do nothing twice. List, show and audit log have it."""
    idp.apply(SHOP + ANNA + TOYS)
    done = idp("organisation", "disable", "example-shoes", "--reason", "the contract ended").stdout
    assert done == "example-shoes is disabled; signed out: 0 people\n"
    assert idp("organisation", "disable", "Example-Shoes").stdout == "example-shoes is disabled already\n"
    shoes, toys = (line for line in idp("organisation", "list").stdout.splitlines() if line.startswith(("example", "toys")))
    assert (shoes.endswith("users  disabled"), toys.endswith("users")) == (True, True)
    assert idp.json("organisation", "show", "example-shoes")["disabled_since"]
    assert "the contract ended" in idp("audit", "export", "--organisation", "example-shoes").stdout
    assert idp("organisation", "enable", "example-shoes", "--reason", "paid").stdout == "example-shoes is enabled\n"
    assert idp("organisation", "enable", "example-shoes").stdout == "example-shoes is enabled already\n"
    assert idp.json("organisation", "show", "example-shoes")["disabled_since"] is None


def test_the_operators_organisation_and_unknown_ones_are_refused(idp: Idp) -> None:
    """Operators cannot shut themselves out. A reason is one short line."""
    idp.apply(SHOP)
    idp("operator", "add", "ines", "--email", "ines@example.com", stdin="seven grey pigeons\n")
    assert "cannot be disabled" in idp("organisation", "disable", "installation", code=1).stderr
    assert "there is no organisation 'toys'" in idp("organisation", "disable", "toys", code=1).stderr
    assert "200" in idp("organisation", "disable", "example-shoes", "--reason", "x" * 201, code=1).stderr
    assert idp.json("organisation", "show", "example-shoes")["disabled_since"] is None


def test_apply_leaves_it_disabled(idp: Idp) -> None:
    """The file says nothing of it: an operator decided."""
    idp.apply(SHOP)
    idp("organisation", "disable", "example-shoes")
    idp.apply(SHOP)
    assert idp.json("organisation", "show", "example-shoes")["disabled_since"]
