"""Help a person from the command line as an administrator does in the console: a code for today, a reason for the log."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from idp.identity.credentials import bypass_codes
from idp.store import outbox
from tests.cli.conftest import ANNA, POS, SHOP, Idp


@pytest.fixture
def shop(idp: Idp) -> Idp:
    """Make a shop with an owner and Anna, who has a second factor."""
    idp.apply(SHOP + ANNA + POS)
    return idp


def entries(shop: Idp, event: str) -> list[dict[str, Any]]:
    """Return the rows of the audit log with an event."""
    return [
        row for row in json.loads(shop("audit", "export", "--organisation", "example-shoes").stdout) if row["event"] == event
    ]


def test_a_reason_for_disabling_is_in_the_audit_log(shop: Idp) -> None:
    """As in the console, with the command line as the actor; without one there is none."""
    shop("user", "disable", "example-shoes", "anna", "--reason", " left the company ")
    shop("user", "enable", "example-shoes", "anna")
    shop("user", "disable", "example-shoes", "anna")
    first, second = entries(shop, "user:disabled")
    assert (first["actor_id"], first["data"], second["data"]) == ("cli", {"reason": "left the company"}, {})


@pytest.mark.parametrize("reason", ["x" * 1000, "two\nlines"])
def test_a_reason_that_is_no_short_line_disables_nobody(shop: Idp, reason: str) -> None:
    """The rule is that of the console."""
    assert "reason" in shop("user", "disable", "example-shoes", "anna", "--reason", reason, code=1).stderr
    assert shop.json("user", "show", "example-shoes", "anna")["disabled_since"] is None


def test_a_one_time_code_is_issued_and_told(shop: Idp, anna: Callable[[], Any], inside: Callable[[], Any]) -> None:
    """The first line is the code, which works. The audit log names the command line, and the person gets a mail."""
    code, until = shop("user", "one-time-code", "example-shoes", "anna").stdout.splitlines()
    assert re.fullmatch(r"[a-z2-9]{7}-[a-z2-9]{7}", code)
    assert "This code for anna works once, until 20" in until
    (row,) = entries(shop, "recovery:bypass_issued")
    assert (row["actor_id"], row["subject"]) == ("cli", "anna")
    assert code not in json.dumps(row)
    with inside():
        issued = bypass_codes.open_for(shop.settings, anna())
        assert issued is not None
        assert bypass_codes.fits(shop.settings, issued, code)
        assert [mail.template for mail in outbox.mails()] == ["bypass_code_issued"]


def test_no_code_for_the_owner_nor_where_it_is_of_no_use(shop: Idp) -> None:
    """The rules are those of the console: who, when there is nothing to replace, and how many in a day."""
    assert "for the owner" in shop("user", "one-time-code", "example-shoes", "olga", code=1).stderr
    for _ in range(bypass_codes.FOR_PERSON):
        shop("user", "one-time-code", "example-shoes", "anna")
    assert "No more codes" in shop("user", "one-time-code", "example-shoes", "anna", code=1).stderr
    shop("user", "remove-factor", "example-shoes", "anna")
    assert "no second factor" in shop("user", "one-time-code", "example-shoes", "anna", code=1).stderr
    shop("user", "disable", "example-shoes", "anna")
    assert "cannot sign in" in shop("user", "one-time-code", "example-shoes", "anna", code=1).stderr
    assert not [row for row in entries(shop, "recovery:bypass_issued") if row["subject"] == "olga"]
