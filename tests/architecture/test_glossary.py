"""Code, tests, documents and texts use none of the words that CONTRIBUTING.md refuses: one word for each concept."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain

from babel.messages.pofile import read_po

from idp.resources import PACKAGE
from tests.architecture.sources import ROOT, Module, modules

DOCUMENTS = (
    "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "config.example.toml", "shops.example.toml", "Makefile",
    "tests/behaviours.md",
)  # fmt: skip
STANDARD = ("login_hint", "login_required", "login_csrf", "prompt_login")
"""Names of OpenID Connect Core §3.1.2 and of OWASP's attack."""
QUOTED = re.compile(r"```.*?```|``.*?``|`[^`\n]*`|\"[^\"\n]*\"|https?://\S+|\S+=\S+|login CSRF", re.DOTALL)
"""Code, quotations and addresses within a text keep the words that they quote."""
STATIC = PACKAGE / "web" / "static"
COMMENT = re.compile(r"\{#.*?#\}|/\*.*?\*/|^\s*//.*?$", re.DOTALL | re.MULTILINE)
GLOSSARY = re.compile(r"^## Words\n.*?(?=^## )", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Said:
    """Hold a piece of prose or a name, and its place."""

    place: str
    text: str


@cache
def _refused() -> re.Pattern[str]:
    """Return a pattern of the words in code type in the last column of the glossary."""
    glossary = GLOSSARY.search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert glossary is not None
    last = [line.strip("| ").rpartition("|")[2] for line in glossary[0].splitlines() if line.startswith("|")]
    words = [word for column in last for word in re.findall(r"`([^`]+)`", column)]
    assert len(words) > 15, words
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})s?\b", re.IGNORECASE)


def _modules() -> Iterator[Module]:
    return chain.from_iterable(modules(folder) for folder in ("idp", "tests", "migrations"))


@cache
def _kept() -> re.Pattern[str]:
    """Return a pattern of the names that are stored, configured or set by a standard, and never change."""
    fields = (
        node.target.id
        for module in modules("idp")
        if module.name.startswith(("idp.store", "idp.sections", "idp.server_sections", "idp.config"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    )
    return re.compile("|".join(sorted({*STANDARD, *fields}, key=len, reverse=True)))


def _names(module: Module) -> Iterator[Said]:
    """Yield the names that a module gives to functions, classes, parameters, variables and imports, and its own name."""
    yield Said(module.place, "" if module.name.startswith("migrations.versions") else module.path.stem)
    for node in ast.walk(module.tree):
        name = None
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                pass
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                pass
            case _:
                continue
        yield Said(f"{module.place}:{node.lineno}", name)


def _words(name: str) -> str:
    """Split a name into words, without those quoted from a column, a setting or a standard."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    return _kept().sub("", plain).replace("_", " ")


def _prose(module: Module) -> Iterator[Said]:
    """Yield the docstrings and comments of a module."""
    for node in ast.walk(module.tree):
        for line in getattr(node, "body", ()) if not isinstance(node, ast.Lambda | ast.IfExp) else ():
            if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str):
                yield Said(f"{module.place}:{line.lineno}", line.value.value)
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield Said(f"{module.place}:{token.start[0]}", token.string)


def _documents() -> Iterator[Said]:
    for name in DOCUMENTS:
        text = GLOSSARY.sub("", (ROOT / name).read_text(encoding="utf-8"))
        yield from (Said(f"{name}: {line[:60]}", line) for line in QUOTED.sub("", text).splitlines())


def _comments_of_files() -> Iterator[Said]:
    """Yield the comments of templates, stylesheets and scripts."""
    for path in sorted([*STATIC.rglob("*.css"), *STATIC.rglob("*.js"), *(ROOT / "templates").rglob("*.*")]):
        for comment in COMMENT.findall(path.read_text(encoding="utf-8")):
            yield Said(path.relative_to(ROOT).as_posix(), comment)


def _texts() -> Iterator[Said]:
    for domain in ("messages", "mail"):
        with (PACKAGE / "translations/nl/LC_MESSAGES" / f"{domain}.po").open("rb") as file:
            for message in read_po(file):
                forms = (message.id,) if isinstance(message.id, str) else message.id
                yield from (Said(f"{domain}.po", form) for form in forms)


def test_no_name_has_a_word_that_the_glossary_turns_down() -> None:
    """Functions, classes, parameters, variables and files are named in the words of the glossary."""
    wrong = [place for module in _modules() for place in _names(module) if _refused().search(_words(place.text))]
    assert not wrong, "\n".join(f"{place.place}: {place.text}" for place in wrong)


def test_no_docstring_or_comment_has_a_word_that_the_glossary_turns_down() -> None:
    """Docstrings and comments use the words of the glossary."""
    prose = chain(chain.from_iterable(map(_prose, _modules())), _comments_of_files())
    wrong = [place for place in prose if _refused().search(QUOTED.sub("", place.text))]
    assert not wrong, "\n".join(f"{place.place}: {place.text}" for place in wrong)


def test_no_document_has_a_word_that_the_glossary_turns_down() -> None:
    """README and the other documents use the words of the glossary."""
    wrong = [place for place in _documents() if _refused().search(place.text)]
    assert not wrong, "\n".join(f"{place.place}: {place.text}" for place in wrong)


def test_no_text_for_people_has_a_word_that_the_glossary_turns_down() -> None:
    """Pages and mails use the words of the glossary."""
    wrong = [place for place in _texts() if _refused().search(place.text)]
    assert not wrong, "\n".join(f"{place.place}: {place.text}" for place in wrong)
