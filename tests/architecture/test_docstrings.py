"""Docstrings of functions begin with a verb and its object (CONTRIBUTING, rule 3)."""

import ast

from tests.architecture.sources import Module, each, modules, place_of

PACKAGES = (
    "idp/identity",
    "idp/signin",
    "idp/oauth",
    "idp/web",
    "idp/server",
    "idp/store",
    "idp/audit",
    "idp/mail",
    "idp/demo",
)
NO_VERBS = frozenset(
    {
        "a", "all", "an", "any", "anybody", "as", "at", "by", "each", "every", "everybody", "for", "from", "how", "in",
        "it", "no", "nobody", "none", "nothing", "of", "on", "one", "only", "somebody", "that", "the", "these", "this",
        "those", "to", "what", "when", "where", "whether", "which", "who", "whom", "whose", "why", "with", "within",
        "without",
    }
)  # fmt: skip


def _plain() -> list[Module]:
    return [module for package in PACKAGES for module in modules(package)]


def _begins_without_verb(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Check the first word. A property is a noun, so its docstring may be one."""
    is_property = any(ast.unparse(mark).endswith("property") for mark in function.decorator_list)
    words = (ast.get_docstring(function) or "").lower().replace("'s", "").split()
    return bool(words) and words[0].strip(".,:;`") in NO_VERBS and not is_property


@each(_plain, place_of)
def test_docstrings_begin_with_a_verb(module: Module) -> None:
    """A reader who skims the first lines learns what each function does, and need not guess the verb."""
    assert not [one.name for one in module.functions() if _begins_without_verb(one)]
