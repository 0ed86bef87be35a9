"""Choose shops or groups in a form that stays short: the chosen ones are boxes, others are found by typing.

A few are all shown as boxes. Of more, a field takes what somebody types: its button looks, and the form comes back with
everything else as it was. Saving takes an exact text, too. A script adds what is picked from the browser's own list at once.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.errors import Invalid, Message, say
from idp.normal_forms import compared
from idp.store import organisation_lists, organisations
from idp.store.organisations import Group, Shop

FEW = 8
"""Of at most this many, all are shown."""
FOUND = 8
OFFERED = 60
"""The most names in the browser's list, so that the page stays light; all others are found by the button."""
CODE = re.compile(r"\(([^()]+)\)\s*$")
NOT_FOUND = say("No matches. Type the beginning of a word of the name, then press “Find”.")
SEVERAL = say("Several names contain this. Tick those that you mean.")
MANY = say("Many names contain this, and some of them are shown. Tick those that you mean, or type more of the name.")
ADDED = say("Added: %(name)s")


@dataclass(frozen=True)
class Box:
    """Hold a group or shop with a box to tick; ``name`` is the field's."""

    name: str
    label: str
    checked: bool


@dataclass(frozen=True)
class Picker:
    """Hold the boxes, and the field to find more, if there are more. ``name``: of the field and its button's value.

    ``typed``: what was looked for. ``offered``: names for the browser's list, with the fields of their boxes. ``told``:
    what came of it, or None.
    """

    name: str
    boxes: tuple[Box, ...]
    has_more: bool = False
    typed: str = ""
    offered: tuple[tuple[str, str], ...] = ()
    told: Message | None = None


@dataclass(frozen=True)
class Kind:
    """Describe what is picked: how to find it. ``label``: how it is shown and typed."""

    name: str
    with_ids: Callable[[str, Collection[str]], Sequence[Any]]
    like: Callable[[str, str, int], Sequence[Any]]
    first: Callable[[str, int], Sequence[Any]]
    exact: Callable[[str, str], Any]
    label: Callable[[Any], str]

    @property
    def field(self) -> str:
        """Return the name of the field in which one types."""
        return f"find_{self.name}"

    @property
    def prefix(self) -> str:
        """Return what the names of boxes begin with; the id follows."""
        return f"{self.name}-"

    def box(self, one: Any) -> str:
        """Return the name of the box of a shop or group."""
        return self.prefix + str(one.id)


def _shop_label(shop: Shop) -> str:
    return shop.name if compared(shop.name) == shop.code_key else f"{shop.name} ({shop.code})"


def _shop_typed(organisation_id: str, typed: str) -> Shop | None:
    named = CODE.search(typed)
    return organisations.shop_at(organisation_id, named[1] if named else typed)


def _group_label(group: Group) -> str:
    return group.name


SHOP = Kind(
    "shop", organisation_lists.shops_with, organisation_lists.shops_like,
    lambda at, most: organisation_lists.shops(at, None, most), _shop_typed, _shop_label,
)  # fmt: skip
GROUP = Kind(
    "group", organisation_lists.groups_with, organisation_lists.groups_like,
    lambda at, most: organisation_lists.groups(at, None, most), organisations.group_named, _group_label,
)  # fmt: skip


@dataclass(frozen=True)
class Picked:
    """Hold what a form has chosen. ``found``: what else its text may mean; ``typed``: that text, if it is not exact.

    ``has_more``: it may mean more than those. ``added``: the name that the text led to.
    """

    kind: Kind
    chosen: tuple[Any, ...]
    found: tuple[Any, ...] = ()
    typed: str = ""
    has_more: bool = False
    added: str = ""

    @property
    def wrong(self) -> Message | None:
        """Return what is wrong with the typed text; None if nothing was typed, or it named one."""
        if not self.typed:
            return None
        return NOT_FOUND if not self.found else MANY if self.has_more else SEVERAL

    @property
    def told(self) -> Message | None:
        """Return what came of the typed text; None if nothing was typed."""
        return ADDED.about(name=self.added) if self.added else self.wrong

    def require_exact(self) -> None:
        """Raise ``Invalid`` if the typed text does not name one."""
        if self.wrong is not None:
            raise Invalid(self.kind.field, self.wrong)


def picked(kind: Kind, organisation_id: str, form: Mapping[str, str]) -> Picked:
    """Read a form: the ticked boxes, and the one that the typed text names."""
    ticked = [key.removeprefix(kind.prefix) for key in form if key.startswith(kind.prefix)]
    chosen = tuple(kind.with_ids(organisation_id, ticked))
    typed = form.get(kind.field, "").strip()[:254]
    if not typed:
        return Picked(kind, chosen)
    exact = kind.exact(organisation_id, typed)
    found = (exact,) if exact else tuple(kind.like(organisation_id, typed, FOUND + 1))
    if len(found) == 1:
        new = tuple(one for one in found if one.id not in {row.id for row in chosen})
        return Picked(kind, (*chosen, *new), added=kind.label(found[0]))
    return Picked(kind, chosen, found[:FOUND], typed, len(found) > FOUND)


def shown(of: Picked, organisation_id: str, *, is_told: bool) -> Picker:
    """Return the field and boxes for a page. ``is_told``: say what came of the text."""
    kind, ids = of.kind, {one.id for one in of.chosen}
    first = kind.first(organisation_id, OFFERED)
    has_more = len(first) > FEW
    others = tuple(one for one in (of.found if has_more else first) if one.id not in ids)
    listed = (*of.chosen, *others) if has_more else first
    return Picker(
        name=kind.name,
        boxes=tuple(Box(kind.box(one), kind.label(one), one.id in ids) for one in listed),
        has_more=has_more,
        typed=of.typed,
        offered=tuple((kind.label(one), kind.box(one)) for one in first) if has_more else (),
        told=of.told if is_told else None,
    )


def only_looks(form: Mapping[str, str]) -> bool:
    """Check if a form only looks for shops or groups: by their button, or by Enter after something was typed there."""
    is_typed = any(form.get(kind.field, "").strip() for kind in (GROUP, SHOP))
    return "find" in form or ("entered" in form and is_typed)


def chosen_keys(kind: Kind, rows: Collection[Any]) -> dict[str, str]:
    """Return the ticked boxes of these shops or groups, as a form has them."""
    return {kind.box(one): "yes" for one in rows}
