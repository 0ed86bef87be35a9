"""Functions have few parameters. No function only forwards, each function has a caller, and each constant a reader."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import ROOT, Module, each, modules, place_of

MOST_PARAMETERS = 6
PLAIN_MARKS = {
    "outside_transaction",
    "property",
    "cached_property",
    "classmethod",
    "staticmethod",
    "cache",
    "contextmanager",
    "wraps",
}
"""Decorators that do not make a library call the function. Any other one (a route, a command, a validator) does."""
CALLED_BY_LIBRARIES = {
    "settings_customise_sources",  # pydantic-settings
    "process_bind_param",  # SQLAlchemy
    "process_result_value",
    "emit",  # logging
    "list_commands",  # Click
    "get_command",
    "format_commands",
    "mount",  # our loop over the sections of the profile and the console
}
CALLED_ALL_THE_SAME = {
    "idp.schema.downgrade": "a migration is a promise in both directions, and tests go back",
    "idp.relying.demand.of_challenge": "apps of others call it",
}
READ_BY_TESTS = {
    "idp.csv_export.FORMULA": "files of every kind are searched for it",
    "idp.db.LOCK_ORDER": "races are judged by it",
    "idp.mail.messages.PERSONAL": "each of these mails is written and looked at",
}
MAY_FORWARD = {
    "idp.crypto.random_bytes": "primitives are imported in crypto alone",
    "idp.config.make": "hides that settings are a pydantic model",
}
LATE_IMPORT = re.compile(r"importlib\.import_module\('([\w.]+)'\)")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def _idp() -> tuple[Module, ...]:
    return modules("idp")


def _parameters(function: Function) -> list[str]:
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


@each(_idp, place_of)
def test_no_function_has_many_parameters(module: Module) -> None:
    """House: values that belong together are passed as one value."""
    assert not [one.name for one in module.functions() if len(_parameters(one)) > MOST_PARAMETERS]


def _forwards(function: Function) -> bool:
    """Return whether a function only hands its parameters to another one, unchanged."""
    body = [one for one in function.body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Return | ast.Expr) or not isinstance(body[0].value, ast.Call):
        return False
    call = body[0].value
    if not all(part.isidentifier() for part in ast.unparse(call.func).split(".")):
        return False  # a method of an object that the function made
    renamed = any(ast.unparse(one.value) != one.arg for one in call.keywords)
    handed = [] if renamed else [ast.unparse(one) for one in (*call.args, *(one.value for one in call.keywords))]
    return bool(handed) and handed == _parameters(function)


@each(_idp, place_of)
def test_no_function_only_forwards(module: Module) -> None:
    """House: one name for one thing. The store is left out, because its names give the reason for a statement and the type
    of its row.
    """
    if module.name.startswith("idp.store"):
        return
    top = [one for one in module.tree.body if isinstance(one, ast.FunctionDef) and not one.decorator_list]
    assert not [one.name for one in top if _forwards(one) and f"{module.name}.{one.name}" not in MAY_FORWARD]


def _names_used(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr


def _used_from_elsewhere(module: Module) -> set[str]:
    """Return the names that a module takes from others, as ``module.name``."""
    bound: dict[str, str] = {}
    taken: set[str] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            bound |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            taken |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            bound |= {alias.asname: alias.name for alias in node.names if alias.asname}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken.add(f"{bound.get(node.value.id, node.value.id)}.{node.attr}")
        elif isinstance(node, ast.Attribute):
            owner = LATE_IMPORT.sub(r"\1", ast.unparse(node.value))
            taken.add(f"{owner}.{node.attr}")
    return taken


def _is_called_by_a_library(function: Function) -> bool:
    marks = {ast.unparse(mark).partition("(")[0].rpartition(".")[2] for mark in function.decorator_list}
    return bool(marks - PLAIN_MARKS) or function.name.startswith("__") or function.name in CALLED_BY_LIBRARIES


def test_every_function_is_called_within_the_product() -> None:
    """House: a function that only tests call is dead code. Functions are looked up by module, methods by name."""
    elsewhere = {name for module in _idp() for name in _used_from_elsewhere(module)}
    methods = {name for module in _idp() for name in _names_used(module.tree)}
    templates = " ".join(path.read_text("utf-8") for path in (ROOT / "templates").rglob("*") if path.is_file())
    dead = []
    for module in _idp():
        here = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
        for function in module.functions():
            full = f"{module.name}.{function.name}"
            short = f"{module.path.stem}.{function.name}"
            if function in module.tree.body:
                is_used = function.name in here or full in elsewhere or short in elsewhere
            else:
                is_used = function.name in methods or function.name in templates
            is_used = is_used or full in CALLED_ALL_THE_SAME
            dead += [] if is_used or _is_called_by_a_library(function) else [full]
    assert not dead, "\n".join(dead)


def _constants(module: Module) -> Iterator[str]:
    for node in module.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        yield from (
            one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name) and one.id.isupper()
        )


def test_every_constant_is_read() -> None:
    """House: a constant that nothing reads is dead code, and the rule that it seems to state stands elsewhere."""
    elsewhere = {name for module in _idp() for name in _used_from_elsewhere(module)}
    dead = []
    for module in _idp():
        here = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        for name in _constants(module):
            is_read = name in here or {f"{module.name}.{name}", f"{module.path.stem}.{name}"} & elsewhere
            dead += [] if is_read or f"{module.name}.{name}" in READ_BY_TESTS else [f"{module.name}.{name}"]
    assert not dead, "\n".join(dead)
