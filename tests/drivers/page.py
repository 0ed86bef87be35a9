"""Read an HTML page as a person and their browser do: text, heading, errors, links, forms."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))
UNREAD = ("script", "style", "template", "title")
INLINE = frozenset(("a", "abbr", "b", "button", "code", "em", "i", "kbd", "label", "small", "span", "strong", "time"))


@dataclass
class Button:
    """Hold a submit button. ``name`` may be empty."""

    name: str
    value: str
    text: str = ""


@dataclass
class Form:
    """Hold a form with its present values. ``fields``: name → values, as the browser would send them."""

    method: str
    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[Button] = field(default_factory=list)

    @property
    def visible(self) -> set[str]:
        """Return the names that a person sees."""
        return {name for name, kind in self.kinds.items() if kind != "hidden"}

    def button(self, wanted: str) -> Button | None:
        """Return the button with this name, value or text."""
        return next((one for one in self.buttons if wanted in (one.name, f"{one.name}={one.value}", one.text)), None)

    def set(self, name: str, value: str | bool) -> None:
        """Fill in a field, tick or untick a box, or choose one of several. Raises if the page does not offer it."""
        if name not in self.kinds:
            raise AssertionError(f"there is no field {name!r} here, but {sorted(self.visible)}")
        if self.kinds[name] == "checkbox" and isinstance(value, bool):
            self.fields[name] = self.choices[name][:1] if value else []
            return
        if self.kinds[name] in ("radio", "select") and value not in self.choices[name]:
            raise AssertionError(f"{name!r} offers {self.choices[name]}, not {value!r}")
        self.fields[name] = [str(value)]


class Page(HTMLParser):
    """Hold a parsed page. ``heading`` is the first ``h1``. ``errors`` are the texts of alerts and of invalid fields."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.title, self.language = "", ""
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self._open: list[tuple[str, str, int]] = []
        self._pieces: list[str] = []
        self._select = ""
        self.headings: list[str] = []
        self.errors: list[str] = []
        self.feed(html)
        self.close()

    @property
    def heading(self) -> str:
        """Return the first ``h1``, or an empty text."""
        return self.headings[0] if self.headings else ""

    @property
    def text(self) -> str:
        """Return all text, one line for each block."""
        lines = (" ".join(line.split()) for line in "".join(self._pieces).split("\n"))
        return "\n".join(line for line in lines if line)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and fields, and remember where an element begins."""
        given = {key: value or "" for key, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        if tag not in INLINE:
            self._pieces.append("\n")
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag == "form":
            self.forms.append(Form(given.get("method", "get").lower(), given.get("action", "")))
        elif tag in ("input", "select", "textarea", "option", "button"):
            self._note_control(tag, given)
        elif tag == "a":
            self.links.append((given.get("href", ""), ""))
        if tag not in VOID:
            role = "error" if given.get("role") == "alert" or "invalid-feedback" in given.get("class", "").split() else ""
            self._open.append((tag, role, len(self._pieces)))

    def _note_control(self, tag: str, given: dict[str, str]) -> None:
        if not self.forms or "disabled" in given:
            return
        form, name, kind = self.forms[-1], given.get("name", ""), given.get("type", "text")
        if tag == "button" or kind == "submit":
            if given.get("type", "submit") == "submit":
                form.buttons.append(Button(name, given.get("value", ""), given.get("value", "") if tag == "input" else ""))
        elif tag == "option":
            value = given.get("value", "")
            form.choices[self._select].append(value)
            if "selected" in given or not form.fields[self._select]:
                form.fields[self._select] = [value]
        elif name and kind in ("checkbox", "radio"):
            form.kinds[name] = kind
            form.choices.setdefault(name, []).append(given.get("value", "on"))
            form.fields.setdefault(name, []).extend([given.get("value", "on")] if "checked" in given else [])
        elif name:
            self._select = name if tag == "select" else ""
            form.kinds[name] = "select" if tag == "select" else kind
            form.choices.setdefault(name, [])
            form.fields.setdefault(name, []).extend([] if tag == "select" else [given.get("value", "")])

    def handle_data(self, data: str) -> None:
        """Note text. A title is kept apart."""
        inside = [tag for tag, _, _ in self._open]
        if "title" in inside and "svg" not in inside:
            self.title += data
        elif not any(tag in UNREAD for tag in inside):
            self._pieces.append(data)

    def handle_endtag(self, tag: str) -> None:
        """Note the content of the element."""
        while self._open:
            name, role, start = self._open.pop()
            words = " ".join("".join(self._pieces[start:]).split())
            self._close(name, role, words)
            if name == tag:
                break
        if tag not in INLINE:
            self._pieces.append("\n")

    def _close(self, tag: str, role: str, words: str) -> None:
        if role == "error" and words:
            self.errors.append(words)
        if tag == "h1":
            self.headings.append(words)
        elif tag == "a" and self.links:
            self.links[-1] = (self.links[-1][0], words)
        elif tag == "button" and self.forms and self.forms[-1].buttons:
            self.forms[-1].buttons[-1].text = words
        elif tag == "textarea" and self.forms:
            last = next(reversed(self.forms[-1].fields), "")
            self.forms[-1].fields[last] = [re.sub(r"^\n", "", words)]
