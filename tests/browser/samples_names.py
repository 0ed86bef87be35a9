"""Show the lists of shops, groups and organisations, in each state that looks different."""

from dataclasses import replace
from typing import Any

from idp.errors import Message, say, say_many
from idp.web.admin import groups, index, shops
from idp.web.admin.groups import GroupRow, GroupsPage
from idp.web.admin.index import Choice, OrganisationsPage
from idp.web.admin.name_lists import Asked, Kind, Search
from idp.web.admin.people_search import Filter
from idp.web.admin.shops import ShopRow, ShopsPage
from idp.web.pagination import NO_PAGES, Pages, people
from tests.browser.samples_console import FRAME, GROUP, SHOP


def found(kind: Kind, words: Message) -> Search:
    """Return the form of a search that found something."""
    chips = (Filter(say("Search: %(words)s", words="ams"), "?q="),)
    if kind.chosen:
        chips += (Filter(kind.chosen.about(name=kind.filters[1][1]), "?only="),)
    asked = Asked("ams", only=kind.filters[1][0] if kind.filters else "")
    return Search(asked, kind.orders, words, kind.filters, chips, "?sort=")


COMMA = say("A group's name cannot contain a comma: apps read a comma as the end of a name.")
WRONG_CODE = say("Use 1 to 63 letters (a–z), digits, hyphens, dots and underscores, without spaces.")
SHOPS = found(shops.LIST, say_many("%(num)s shop", "%(num)s shops", 1250))
GROUPS = found(groups.LIST, say_many("%(num)s group", "%(num)s groups", 2))
ORGANISATIONS = found(index.LIST, say("More than 10,000 organisations"))
NO_SHOPS = replace(SHOPS, count=say_many("%(num)s shop", "%(num)s shops", 0))
NO_GROUPS = replace(GROUPS, count=say_many("%(num)s group", "%(num)s groups", 0))
NO_ORGANISATIONS = replace(ORGANISATIONS, count=say_many("%(num)s organisation", "%(num)s organisations", 0))
CHOICES = (Choice("example-shoes", "Example Shoes"), Choice("toys", "Toys", is_disabled=True))
NAMES: dict[str, tuple[str, Any]] = {
    "console-organisations": (
        "admin/organisations.html",
        OrganisationsPage("olga", "Sleutel", ORGANISATIONS, CHOICES, Pages("?page=1", "?page=3")),
    ),
    "console-no-organisations": (
        "admin/organisations.html",
        OrganisationsPage("olga", "Sleutel", NO_ORGANISATIONS, (), NO_PAGES),
    ),
    "console-groups": (
        "admin/groups.html",
        GroupsPage(FRAME, GROUPS, (GROUP, GroupRow("h", "Till", False, people(3))), Pages("", "?after=h")),
    ),
    "console-no-groups-found": ("admin/groups.html", GroupsPage(FRAME, NO_GROUPS, (), NO_PAGES)),
    "console-no-groups": (
        "admin/groups.html",
        GroupsPage(FRAME, replace(GROUPS, count=None), (), NO_PAGES, "Kassa, magazijn", True, (COMMA,)),
    ),
    "console-shops": (
        "admin/shops.html",
        ShopsPage(
            FRAME,
            SHOPS,
            (SHOP, ShopRow("t", "amersfoort", "Amersfoort, winkelcentrum Eemplein aan de overkant van het station")),
            Pages("?before=s", ""),
        ),
    ),
    "console-no-shops-found": ("admin/shops.html", ShopsPage(FRAME, NO_SHOPS, (), NO_PAGES)),
    "console-no-shops": (
        "admin/shops.html",
        ShopsPage(FRAME, replace(SHOPS, count=None), (), NO_PAGES, "Winkel 1", "Winkel 1", "code", (WRONG_CODE,)),
    ),
}
