"""Read a provisioning document: its tables with the lines of their headers, and the errors found in it.

``tomllib`` gives no places, so the headers are found by a scan that skips strings, comments and brackets.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KINDS = ("organisations", "shops", "groups", "users", "policies", "clients")

_TOKEN = re.compile(
    r'''"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*|[\[\]{}\n]|[^\[\]{}\n"'\#]+''',
    re.DOTALL,
)
_HEADER = re.compile(r"^\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}")
_KEY = re.compile(r"^\s*([A-Za-z0-9_-]+)\s*=")


@dataclass(frozen=True)
class DocumentError:
    """A fault with its place and a remedy: ``shops.toml:12: [[users]] anna: role: …``."""

    file: str
    line: int
    place: str
    key: str
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (f"{self.file}:{self.line}", self.place, self.key, self.text) if part)


class Refused(Exception):
    """The file is refused. Nothing was written, except ``written`` steps before a concurrent change."""

    def __init__(self, faults: list[DocumentError], *, written: int = 0) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults
        self.written = written


@dataclass
class Table:
    """Hold one object of the document: its kind, the line of its header, and its keys."""

    kind: str
    line: int
    values: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)
    """Lines of tables within it (``settings``)."""

    @property
    def name(self) -> str:
        """Return the object's name for people; empty if the document gives none."""
        own = {"organisations": "store_url", "shops": "code", "users": "username", "clients": "client_id"}
        value = self.values.get(own.get(self.kind, "name"))
        named = value if isinstance(value, str) else ""
        store_url = self.values.get("organisation")
        within = self.kind in ("shops", "groups", "users") and isinstance(store_url, str)
        return f"{store_url}/{named}" if within and named else named

    @property
    def is_absent(self) -> bool:
        """Return whether the document removes the object."""
        return self.values.get("absent") is True

    def has(self, key: str) -> bool:
        """Return whether the document gives this key."""
        return key in self.values

    def get(self, key: str, default: Any = None) -> Any:
        """Return the key's value."""
        return self.values.get(key, default)


@dataclass
class Document:
    """Hold a file's tables in its own order, by kind, and the errors found so far."""

    file: str
    tables: dict[str, list[Table]]
    faults: list[DocumentError] = field(default_factory=list)

    def of(self, kind: str) -> list[Table]:
        """Return the tables of a kind that are not removed, in order."""
        return [table for table in self.tables.get(kind, []) if not table.is_absent]

    def unwanted(self, kind: str) -> list[Table]:
        """Return the tables of a kind with ``absent = true``."""
        return [table for table in self.tables.get(kind, []) if table.is_absent]

    def fault(self, table: Table, key: str, text: str) -> None:
        """Note an error in a key of a table, or of a table within it."""
        inner = next((name for name, value in table.values.items() if isinstance(value, dict) and key in value), "")
        whole = f"{inner}.{key}" if inner and not table.has(key) else key
        line = table.lines.get(whole.partition(".")[0], table.line)
        place = f"[[{table.kind}]] {table.name}".rstrip()
        self.faults.append(DocumentError(self.file, line, place, whole, text))

    def refuse_if_faulty(self) -> None:
        """Raise ``Refused`` with every error, in the file's order."""
        if self.faults:
            raise Refused(sorted(set(self.faults), key=lambda fault: (fault.line, fault.key)))


def read(file: Path) -> Document:
    """Return the document of ``file``; raises ``Refused`` if it is not TOML."""
    try:
        text = file.read_text("utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise Refused([DocumentError(str(file), 1, "", "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise Refused([DocumentError(str(file), 1, "", "", "is not UTF-8; save it in that encoding")]) from error
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        raise Refused([DocumentError(str(file), int(line[1]) if line else 1, "", "", f"is not TOML: {error}")]) from error
    return _document(str(file), text, content)


def _document(file: str, text: str, content: dict[str, Any]) -> Document:
    places = list(_places(text))
    document = Document(file, {})
    for kind, value in content.items():
        line = next((line for line, name in places if name.partition(".")[0] == kind), 1)
        if kind not in KINDS:
            document.faults.append(DocumentError(file, line, "", kind, f"is not known here; use {', '.join(KINDS)}"))
        elif not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            document.faults.append(DocumentError(file, line, "", kind, f"must be a list of tables, each headed [[{kind}]]"))
        else:
            document.tables[kind] = list(_tables(kind, value, places, line))
    return document


def _tables(kind: str, entries: list[dict[str, Any]], places: list[tuple[int, str]], first: int) -> Iterator[Table]:
    """Yield each entry with the line of its header, and the lines of the tables under it."""
    own = [(line, name) for line, name in places if name.partition(".")[0] == kind]
    heads = [position for position, (_, name) in enumerate(own) if name == kind]
    for number, entry in enumerate(entries):
        if number >= len(heads):  # an inline list has no header: the line of its key is the nearest
            yield Table(kind, first, entry)
            continue
        start, stop = heads[number], heads[number + 1] if number + 1 < len(heads) else len(own)
        inner = {name.split(".")[1]: line for line, name in own[start + 1 : stop]}
        yield Table(kind, own[start][0], entry, inner)


def _places(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of each header, and of each key above the first header."""
    line, depth, fresh, headed = 1, 0, True, False
    lines = text.split("\n")
    for token in _TOKEN.finditer(text):
        piece = token[0]
        if fresh and depth == 0 and piece.strip():
            head = _HEADER.match(lines[line - 1]) if piece == "[" else None
            key = _KEY.match(lines[line - 1]) if not headed and piece != "[" else None
            named = head or key
            if named:
                yield line, _plain(named[1])
            headed = headed or head is not None
            fresh = False
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(piece, 0)
        fresh = piece == "\n" or (fresh and not piece.strip())
        line += piece.count("\n")


def _plain(name: str) -> str:
    """Return a header's name without quotes and spaces."""
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
