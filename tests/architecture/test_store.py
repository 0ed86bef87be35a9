"""Only the floors below the web write to the store. They decide, lock and record."""

import ast

from tests.architecture.sources import Module, each, modules, place_of

WRITES = {"write", "add", "changes", "claims", "takes", "delete_some", "change_some", "remove"}
"""Functions and decorators of ``rows``, ``statements`` and ``batches`` that write."""
ITS_OWN = {"idp.web.stash": "the web's own memory of forms and pages"}


def _writers(module: Module) -> set[str]:
    """Return the functions of a store module that write, also by another one of the module."""
    functions = [one for one in module.tree.body if isinstance(one, ast.FunctionDef)]
    found: set[str] = set()
    while True:
        names = WRITES | found
        more = {one.name for one in functions if names & {node.id for node in ast.walk(one) if isinstance(node, ast.Name)}}
        if more <= found:
            return found
        found |= more


def _web() -> list[Module]:
    return [module for module in modules("idp/web") if module.name not in ITS_OWN]


@each(_web, place_of)
def test_no_view_writes_to_the_store(module: Module) -> None:
    """House: a view that changed rows itself would skip the audit record and the check of permissions."""
    writers = {f"{store.name}.{name}" for store in modules("idp/store") for name in _writers(store)}
    bound = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    called = {
        f"{bound.get(node.value.id, '')}.{node.attr}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert not writers & (called | set(bound.values()))
