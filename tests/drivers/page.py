"""Read an HTML page as a person and their browser do: text, heading, errors, links, forms."""

from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

JOINER = "\u2060"
"""The pages keep "e-mail" on one line by it (``line_ends``). People and tests read on."""
MAY_BREAK = "<wbr>"
"""A place where a long name may go on in the next line. It is no part of the text."""
TEXT = "-text"
UNREAD = ("script", "style", "template", "title")
INLINE = frozenset(("a", "abbr", "b", "button", "code", "em", "i", "kbd", "label", "small", "span", "strong", "time"))


@dataclass
class Button:
    """Hold a submit button. ``name`` may be empty. ``seen``: its text without the words that only screen readers get."""

    name: str
    value: str
    text: str = ""
    seen: str = ""


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
        told = ((one, (one.name, f"{one.name}={one.value}", one.text, one.seen)) for one in self.buttons)
        return next((one for one, names in told if wanted in names), None)

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


class Page:
    """Hold a parsed page. ``heading`` is the first ``h1``. ``errors`` are the texts of alerts and of invalid fields."""

    def __init__(self, html: str) -> None:
        self.title, self.language = "", ""
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.errors: list[str] = []
        self._pieces: list[str] = []
        self._select = ""
        self._unseen = ""
        root = LexborHTMLParser(html.replace(JOINER, "").replace(MAY_BREAK, "")).root
        if root is not None:
            self._read(root)

    @property
    def heading(self) -> str:
        """Return the first ``h1``, or an empty text."""
        return self.headings[0] if self.headings else ""

    @property
    def text(self) -> str:
        """Return all text, one line for each block."""
        lines = (" ".join(line.split()) for line in "".join(self._pieces).split("\n"))
        return "\n".join(line for line in lines if line)

    def _read(self, node: LexborNode) -> None:
        """Note a text, or an element with everything in it."""
        tag = node.tag
        if tag == TEXT:
            self._pieces.append(node.text_content or "")
            return
        given = {key: value or "" for key, value in node.attributes.items()}
        if "id" in given:
            self.ids.append(given["id"])
        if tag in UNREAD:
            self.title += node.text() if tag == "title" and node.parent and node.parent.tag == "head" else ""
            return
        if tag not in INLINE:
            self._pieces.append("\n")
        self._open(tag, given)
        start, child = len(self._pieces), node.first_child
        while child is not None:
            self._read(child)
            child = child.next
        self._close(tag, given, self._pieces[start:])
        if tag not in INLINE:
            self._pieces.append("\n")

    def _open(self, tag: str, given: dict[str, str]) -> None:
        if tag == "html":
            self.language = given.get("lang", "")
        elif tag == "form":
            self.forms.append(Form(given.get("method", "get").lower(), given.get("action", "")))
        elif tag in ("input", "select", "textarea", "option", "button"):
            self._note_control(tag, given)
        elif tag == "a":
            self.links.append((given.get("href", ""), ""))

    def _note_control(self, tag: str, given: dict[str, str]) -> None:
        if not self.forms or "disabled" in given:
            return
        form, name, kind = self.forms[-1], given.get("name", ""), given.get("type", "text")
        if tag == "button" or kind == "submit":
            if given.get("type", "submit") == "submit":
                form.buttons.append(Button(name, given.get("value", ""), given.get("value", "") if tag == "input" else ""))
        elif tag == "option" and not self._select:
            return  # of a datalist, which holds no value
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

    def _close(self, tag: str, given: dict[str, str], pieces: list[str]) -> None:
        if "visually-hidden" in given.get("class", "").split():
            self._unseen = " ".join("".join(pieces).split())
        is_error = given.get("role") == "alert" or "invalid-feedback" in given.get("class", "").split()
        if not is_error and tag not in ("h1", "a", "button", "textarea"):
            return
        words = " ".join("".join(pieces).split())
        if is_error and words:
            self.errors.append(words)
        if tag == "h1":
            self.headings.append(words)
        elif tag == "a":
            self.links[-1] = (self.links[-1][0], words)
        elif tag == "button" and self.forms and self.forms[-1].buttons:
            button = self.forms[-1].buttons[-1]
            button.text, button.seen = words, words.removesuffix(self._unseen).strip()
        elif tag == "textarea" and self.forms:
            last = next(reversed(self.forms[-1].fields), "")
            self.forms[-1].fields[last] = [words]
