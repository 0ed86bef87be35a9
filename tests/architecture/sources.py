"""Read the product's source as data: modules, imports and functions, by AST and without importing it."""

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """Hold a Python file. ``name`` is the name by which it is imported (``idp.store.users``)."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        """Return the path from the project's top."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def length(self) -> int:
        """Return the number of lines."""
        return len(self.text.splitlines())

    def imports(self) -> Iterator[str]:
        """Return every module or name imported, within functions too. Relative imports are made absolute."""
        package = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                    base = ".".join([*parts, base]).rstrip(".")
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Return every function and method."""
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the number of lines from ``def`` to the end, without the docstring."""
    docstring = 0
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        docstring = (first.end_lineno or first.lineno) - first.lineno + 1
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


@cache
def modules(folder: str) -> tuple[Module, ...]:
    """Return all Python files under a folder of the project."""
    return tuple(_read(path) for path in sorted((ROOT / folder).rglob("*.py")))


def _read(path: Path) -> Module:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    text = path.read_text(encoding="utf-8")
    return Module(".".join(parts), path, text, ast.parse(text))


def each(things: Callable[[], Iterable[T]], name: Callable[[T], str]) -> Callable[[Callable[[T], None]], Callable[[], None]]:
    """Turn a test of one thing into a single test of all things that fails with every offender.

    ``things`` is called when the test runs: nothing is read while tests are collected.
    """

    def decorate(check: Callable[[T], None]) -> Callable[[], None]:
        def test() -> None:
            __tracebackhide__ = True
            refused = [fault for thing in things() for fault in _refusals(check, thing, name)]
            assert not refused, "\n".join([f"{len(refused)} refused:", *refused])

        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        return test

    return decorate


def _refusals(check: Callable[[T], None], thing: T, name: Callable[[T], str]) -> Iterator[str]:
    try:
        check(thing)
    except AssertionError as refusal:
        yield f"{name(thing)}: {refusal}"


def place_of(module: Module) -> str:
    """Name a module by its path."""
    return module.place
