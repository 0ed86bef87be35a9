"""Choose what a dated rule of an organisation is about: boxes of roles and apps, and pickers of groups and shops."""

from dataclasses import dataclass

from idp.errors import Message, say
from idp.web.admin import picker
from idp.web.admin.guard import Admin
from idp.web.admin.picker import GROUP, SHOP, Picker
from idp.web.unsaved import Fields

PREFIXES = {"roles": "role-", "groups": GROUP.prefix, "shops": SHOP.prefix, "clients": "app-"}
LABELS = {"roles": say("Roles"), "groups": say("Groups"), "shops": say("Shops"), "clients": say("Apps")}
PICKED = {"groups": GROUP, "shops": SHOP}


@dataclass(frozen=True)
class Condition:
    """Hold the boxes of a condition: the name, words and state of each. ``is_open``: they are shown at once.

    ``picker``: what chooses groups or shops instead.
    """

    name: str
    label: Message
    boxes: tuple[tuple[str, Message | str, bool], ...]
    is_open: bool
    picker: Picker | None = None


def condition(admin: Admin, name: str, known: dict[str, Message | str], form: Fields, *, is_told: bool) -> Condition:
    """Return a condition as the form shows it. ``is_told``: say what is wrong with a text that was looked for."""
    if kind := PICKED.get(name):
        picked = picker.picked(kind, admin.organisation.id, form)
        shown = picker.shown(picked, admin.organisation.id, is_told=is_told)
        return Condition(name, LABELS[name], (), is_open=bool(picked.chosen or picked.typed), picker=shown)
    boxes = tuple((PREFIXES[name] + one, words, PREFIXES[name] + one in form) for one, words in known.items())
    return Condition(name, LABELS[name], boxes, is_open=name == "roles" or any(ticked for *_, ticked in boxes))


def with_picked(admin: Admin, form: Fields) -> Fields:
    """Return the form with what a text names exactly ticked. Raises ``Invalid`` if a text names nothing, or several."""
    kept = {name: value for name, value in form.items() if name != "entered"}
    for kind in PICKED.values():
        picked = picker.picked(kind, admin.organisation.id, form)
        picked.require_exact()
        if kept.pop(kind.field, "").strip():
            kept |= picker.chosen_keys(kind, picked.chosen)
    return kept
