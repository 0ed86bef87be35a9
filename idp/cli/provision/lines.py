"""Collect the outcome of each object of a document, and print it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

CREATED, CHANGED, REMOVED, UNCHANGED = "created", "changed", "removed", "unchanged"
WORDS = {
    "organisations": "organisation", "shops": "shop", "groups": "group", "users": "user", "policies": "policy",
    "clients": "client",
}  # fmt: skip


@dataclass
class Line:
    """Hold the outcome for one object: ``created``, ``changed`` (with its keys), ``removed`` or ``unchanged``."""

    kind: str
    name: str
    outcome: str
    keys: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        keys = f": {', '.join(self.keys)}" if self.keys else ""
        return f"{self.outcome:10} {WORDS[self.kind]:13} {self.name}{keys}"


@dataclass
class Lines:
    """Hold the outcomes of a run, in order, one for each object however often it is touched."""

    lines: list[Line] = field(default_factory=list)
    _known: dict[tuple[str, str], Line] = field(default_factory=dict)

    def note(self, kind: str, name: str, outcome: str, keys: Iterable[str] = ()) -> None:
        """Note an outcome of an object: a created one stays created, an unchanged one may become changed."""
        known = self._known.get((kind, name))
        if known is None:
            known = self._known[kind, name] = Line(kind, name, outcome, sorted(keys) if outcome == CHANGED else [])
            self.lines.append(known)
        elif outcome == CHANGED and known.outcome in (CHANGED, UNCHANGED):
            known.outcome, known.keys = CHANGED, sorted({*known.keys, *keys})

    def note_change(self, kind: str, name: str, keys: Iterable[str]) -> None:
        """Note an existing object: changed if there are keys, else unchanged."""
        differing = list(keys)
        self.note(kind, name, CHANGED if differing else UNCHANGED, differing)

    def outcome_of(self, kind: str, name: str) -> str:
        """Return the outcome for an object; empty if it has none."""
        known = self._known.get((kind, name))
        return known.outcome if known else ""

    def correct(self, later: "Lines") -> None:
        """Replace the outcomes by those of a later run, and keep this order."""
        for line in later.lines:
            known = self._known[line.kind, line.name]
            known.outcome, known.keys = line.outcome, line.keys

    def count(self, outcome: str) -> int:
        """Return the number of objects with this outcome."""
        return sum(line.outcome == outcome for line in self.lines)

    @property
    def summary(self) -> str:
        """Return the last line."""
        return (
            f"{self.count(CREATED)} created, {self.count(CHANGED)} changed, {self.count(REMOVED)} removed, "
            f"{self.count(UNCHANGED)} left alone"
        )
