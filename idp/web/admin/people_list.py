"""Build a list of people: a page of those that a search finds, and what can be done with the selected ones (S13, S65)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from idp.errors import Message, say, say_many
from idp.identity import permissions
from idp.identity.accounts.bulk import MOST
from idp.identity.roles import ROLE_NAMES
from idp.store import memberships, organisation_lists, user_search
from idp.store.users import User
from idp.web import forms
from idp.web.admin.bulk_words import WORDS
from idp.web.admin.guard import Admin
from idp.web.admin.people_search import Choice, Filter, Listed, Sought, address_of, with_counts
from idp.web.admin.person import Person
from idp.web.admin.user_pages import Choices
from idp.web.pagination import Pages, page_of, people

FROM_SHOP = ("move-from-shop", "remove-from-shop")
"""What the page of a shop can do with the people who work there. The list of everybody can do the rest."""
TO_SHOP = ("add-to-shop",)
MOST_TARGETS = 50
"""The most shops of which the list of everybody has all acts."""


@dataclass(frozen=True)
class Row:
    """Hold a person in the list. ``may_change``: whether the reader may edit them. ``note``: about the shops they have."""

    person: Person
    role: Message
    factor: Message
    may_change: bool
    note: Message | None = None


@dataclass(frozen=True)
class Selection:
    """Hold what can be done with several people at once, and who is ticked.

    ``acts``: below a heading (empty for none) the values and words to choose from. ``buttons``: one for each act, where
    there are few. ``address``: where it is posted. ``all``: this page with everybody ticked. ``found``: how many the filter
    finds; 0 if they cannot be chosen together.
    """

    acts: tuple[tuple[Message | None, Choices], ...]
    address: str
    all: str
    found: int
    ticked: frozenset[str] = frozenset()
    act: str = ""
    buttons: Choices = ()


@dataclass(frozen=True)
class PeopleList:
    """Hold a page of a list of people. ``chips``: the chosen filters; ``clear``: the list without them."""

    sought: Sought
    choice: Choice
    chips: tuple[Filter, ...]
    clear: str
    rows: tuple[Row, ...]
    count: Message
    pages: Pages
    csv: str
    selection: Selection
    errors: tuple[Message, ...] = ()

    def with_wrong(self, wrong: Message, ticked: frozenset[str], act: str) -> "PeopleList":
        """Return the list with what was wrong with a selection."""
        return replace(self, selection=replace(self.selection, ticked=ticked, act=act), errors=(wrong,))


def of(admin: Admin, listed: Listed) -> PeopleList:
    """Return the page of a list that this request asks for."""
    at = admin.organisation
    sought, choice = listed.asked(admin)
    found = user_search.find(at.id, sought.people)
    count = found.count()
    rows, beside = page_of(
        listed.at(admin, sought), partial(user_search.place_of, at.id, sought.sort), found.page, lambda row: row.id
    )
    return PeopleList(
        sought=sought,
        choice=with_counts(admin, choice) if sought.is_everybody else choice,
        chips=listed.chips(admin, choice, sought),
        clear=listed.at(admin, Sought(sort=sought.sort)).link(),
        rows=_rows(admin, listed, rows),
        count=people(count),
        pages=beside,
        csv=address_of(at.store_url, sought, "admin.export_people"),
        selection=_selection(admin, listed, (sought, choice), rows, count),
    )


def _selection(admin: Admin, listed: Listed, asked: tuple[Sought, Choice], rows: Sequence[User], count: int) -> Selection:
    sought, choice = asked
    is_ticked = forms.asked("tick") == "all"
    return Selection(
        acts=() if listed.shop else _acts(sought, choice),
        buttons=_buttons(admin, listed),
        address=listed.address_asked(admin, sought, listed.select),
        all=listed.address_asked(admin, sought, tick="all"),
        found=count if len(rows) < count <= MOST else 0,
        ticked=frozenset(row.id for row in rows) if is_ticked else frozenset(),
    )


def _acts(sought: Sought, choice: Choice) -> tuple[tuple[Message | None, Choices], ...]:
    """Return what the list of everybody can do. Acts on people of one shop stand on its page.

    Of many shops it has those of the shop that is filtered by: each shop has an option for each act, and the page of a shop
    adds people to it, too.
    """
    shops = choice.shops[1:]
    few = shops if len(shops) <= MOST_TARGETS else tuple(one for one in shops if one[0] == sought.shop)
    targets = {"group": choice.groups[1:], "shop": few}
    plain = tuple((name, words.label) for name, words in WORDS.items() if not words.target)
    listed = tuple(
        (words.label, tuple((f"{name}:{key}", label) for key, label in targets[words.target]))
        for name, words in WORDS.items()
        if words.target and targets[words.target] and name != "move-from-shop"
    )
    return ((None, plain), *listed)


def _buttons(admin: Admin, listed: Listed) -> Choices:
    """Return what a list about one shop can do. People can move if there is another shop."""
    if listed.shop is None:
        return ()
    has_other = len(organisation_lists.shops(admin.organisation.id, None, 2)) > 1
    names = TO_SHOP if listed.is_whole else FROM_SHOP if has_other else FROM_SHOP[1:]
    return tuple((f"{name}:{listed.shop.id}", WORDS[name].label) for name in names)


def _rows(admin: Admin, listed: Listed, found: Sequence[User]) -> tuple[Row, ...]:
    """Describe the people found. The right to change them depends on their role, so it is checked once for each role."""
    one_of = {row.role: row for row in found}
    over = {role: permissions.is_over(admin.organisation, row, admin.origin) for role, row in one_of.items()}
    notes, zone = _notes(admin, listed, found), admin.organisation.zone
    return tuple(
        Row(Person.of(row, zone), ROLE_NAMES[row.role], _factor(row), over[row.role], notes.get(row.id)) for row in found
    )


def _notes(admin: Admin, listed: Listed, found: Sequence[User]) -> dict[str, Message]:
    """Return what a list about a shop says of a person: that they work there already, or elsewhere too."""
    if listed.shop is None:
        return {}
    held = memberships.shops_of_users(admin.organisation.id, [row.id for row in found])
    if not listed.is_whole:
        return {
            user_id: say_many("and %(num)s other shop", "and %(num)s other shops", len(shops) - 1)
            for user_id, shops in held.items()
            if len(shops) > 1
        }
    here = {user_id: say("works here") for user_id, shops in held.items() if listed.shop.id in shops}
    return here | {row.id: say("all shops") for row in found if row.all_shops}


def _factor(row: User) -> Message:
    if row.has_passkey:
        return say("Passkey")
    return say("Active") if row.has_factor else say("None")
