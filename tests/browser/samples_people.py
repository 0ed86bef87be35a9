"""Show the lists of people: everybody, those of one shop, and those who can be added to it."""

from dataclasses import replace
from typing import Any

from idp.errors import Message, say, say_many
from idp.identity.roles import ROLE_NAMES
from idp.web.admin.bulk import NOBODY, NOTHING_CHOSEN
from idp.web.admin.bulk_words import WORDS
from idp.web.admin.confirm_dialog import DialogPage, Question
from idp.web.admin.people_list import FROM_SHOP, TO_SHOP, PeopleList, Row, Selection
from idp.web.admin.people_search import ORDER_NAMES, STATE_NAMES, Choice, Filter, Sought
from idp.web.admin.shop import AddPage, ShopPage
from idp.web.admin.user_pages import Choices
from idp.web.admin.users import PeoplePage
from idp.web.pagination import NO_PAGES, Pages, people
from tests.browser.samples_console import ENDED, FRAME, GONE, JAN, LONG, ROLES, SHOP

PEOPLE = PeopleList(
    sought=Sought(),
    choice=Choice(
        states=(
            ("", say("Everybody")),
            *((key, say("%(name)s: %(count)s", name=name, count=9)) for key, name in STATE_NAMES.items()),
        ),
        roles=(("", say("All roles")), *ROLES),
        groups=(("", say("All groups")), ("g", "2FA")),
        shops=(("", say("All shops")), ("s", "Amsterdam Centre")),
        orders=tuple(ORDER_NAMES.items()),
    ),
    chips=(),
    clear="?q=",
    rows=(
        Row(GONE, ROLE_NAMES["customer"], say("None"), False),
        Row(JAN, ROLE_NAMES["employee"], say("Passkey"), True),
        Row(ENDED, ROLE_NAMES["manager"], say("Active"), True),
    ),
    count=people(52),
    pages=Pages("?before=jan", "?after=jan"),
    csv="?q=",
    selection=Selection(
        acts=((None, (("disable", say("Disable")),)), (say("Add to the group"), (("add-to-group:g", "2FA"),))),
        address="?q=",
        all="?tick=all",
        found=52,
        ticked=frozenset({"jan"}),
    ),
)
CHOSEN = replace(
    PEOPLE,
    sought=Sought("jan", "manager", "g", "s", ("no_factor",), "-seen"),
    chips=tuple(
        Filter(words, "?q=")
        for words in (
            say("Search: %(words)s", words="jan"),
            say("Role: %(name)s", name=ROLE_NAMES["manager"]),
            say("Group: %(name)s", name="2FA"),
            say("Shop: %(name)s", name="Amsterdam Centre"),
            STATE_NAMES["no_factor"],
        )
    ),
    rows=(
        Row(JAN, ROLE_NAMES["manager"], say("None"), True),
        Row(replace(GONE, name="Jan van der Meer"), ROLE_NAMES["manager"], say("None"), True),
    ),
    count=people(2),
    pages=NO_PAGES,
    selection=replace(PEOPLE.selection, found=2),
)
JUST_JAN = Sought("jan")
SHOPS = replace(FRAME, here="shops")


def _of_shop(names: tuple[str, ...], *notes: Message) -> PeopleList:
    """Return the list of people as a page about a shop has it: a note about each, and a button for each act."""
    buttons: Choices = tuple((f"{name}:s", WORDS[name].label) for name in names)
    rows = tuple(replace(row, note=note) for row, note in zip(PEOPLE.rows, notes, strict=True))
    return replace(PEOPLE, rows=rows, selection=replace(PEOPLE.selection, acts=(), buttons=buttons))


OTHERS = tuple(say_many("and %(num)s other shop", "and %(num)s other shops", count) for count in (1, 12, 2))
STAFF = ShopPage(SHOPS, SHOP, _of_shop(FROM_SHOP, *OTHERS), SHOP.name)
MOVE = WORDS["move-from-shop"]
FIRST = "anna, bart, chris, daan, eva, fatima, guus, hanna, imke, jan"
THEM = say_many("%(names)s and %(num)s more", "%(names)s and %(num)s more", 28, names=FIRST)
MOVING = Question(
    MOVE.heading.about(num=38, target=SHOP.name),
    tuple(
        sentence.about(target=SHOP.name)
        for sentence in (say("This is about: %(names)s", names=THEM), *MOVE.sentences, MOVE.elsewhere.about(num=3))
    ),
    MOVE.button,
    "?",
    asks_password=False,
    choose=MOVE.choose,
    choices=(("", say("Choose a shop")), ("t", LONG)),
)
ONE_LINE = say_many(
    "This must be one line of text of at most %(num)s character.",
    "This must be one line of text of at most %(num)s characters.",
    200,
)
LISTS: dict[str, tuple[str, Any]] = {
    "console-people": ("admin/users.html", PeoplePage(FRAME, PEOPLE)),
    "console-people-found": ("admin/users.html", PeoplePage(FRAME, CHOSEN)),
    "console-people-wrong": ("admin/users.html", PeoplePage(FRAME, replace(CHOSEN, errors=(NOTHING_CHOSEN,)))),
    "console-nobody": (
        "admin/users.html",
        PeoplePage(FRAME, replace(CHOSEN, sought=JUST_JAN, rows=(), count=people(0), chips=CHOSEN.chips[:1])),
    ),
    "console-shop": ("admin/shop.html", STAFF),
    "console-shop-wrong": (
        "admin/shop.html",
        replace(STAFF, people=STAFF.people.with_wrong(NOBODY, frozenset(), "move-from-shop:s")),
    ),
    "console-shop-wrong-name": ("admin/shop.html", replace(STAFF, name="", errors=(ONE_LINE,))),
    "console-shop-nobody": (
        "admin/shop.html",
        replace(STAFF, people=replace(STAFF.people, rows=(), count=people(0), pages=NO_PAGES)),
    ),
    "console-shop-moved": (
        "admin/shop.html",
        replace(
            STAFF,
            frame=replace(SHOPS, notice=MOVE.done.about(num=38, target=SHOP.name, to="Utrecht"), undo="?of=x"),
            people=replace(STAFF.people, rows=(), count=people(0), pages=NO_PAGES),
        ),
    ),
    "console-shop-not-found": (
        "admin/shop.html",
        replace(
            STAFF,
            people=replace(STAFF.people, sought=JUST_JAN, rows=(), chips=CHOSEN.chips[:1], count=people(0), pages=NO_PAGES),
        ),
    ),
    "console-shop-add": (
        "admin/shop_add.html",
        AddPage(SHOPS, SHOP, _of_shop(TO_SHOP, say("works here"), say("all shops"), say("works here"))),
    ),
    "console-shop-move": ("admin/confirm_dialog.html", DialogPage(SHOPS, MOVING, "anna", asks_password=False)),
}
"""Template and page by the sample's name."""
