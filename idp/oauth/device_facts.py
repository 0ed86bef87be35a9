"""Check what a device says about itself: its name and its shop, for the person who decides about its request.

Anybody could say it (RFC 8628 §5.4). So the shop is found again in the organisation of that person (``decisions``).
"""

from collections.abc import Mapping

from idp.checks import check_text
from idp.errors import Invalid
from idp.identity.organisations import shops
from idp.oauth.errors import invalid_request

PARAMETERS = frozenset(("device_name", "shop"))
LONGEST = 100


def read_facts(sent: Mapping[str, str]) -> dict[str, str]:
    """Return those of ``PARAMETERS`` that were sent, as people see them. Raises ``OAuthError``."""
    found = {}
    if "device_name" in sent:
        found["device_name"] = _name(sent["device_name"])
    if "shop" in sent:
        found["shop"] = _shop(sent["shop"])
    return found


def _name(sent: str) -> str:
    try:
        return check_text("device_name", sent, LONGEST)
    except Invalid as error:
        raise invalid_request(f"The device_name must be one line of 1 to {LONGEST} characters.") from error


def _shop(sent: str) -> str:
    try:
        return shops.check_code(sent)
    except Invalid as error:
        raise invalid_request("The shop must be the code of a shop.") from error
