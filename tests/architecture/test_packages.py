"""The order of packages: those of ``identity`` form one line, and no two subjects import each other."""

import ast
from collections import defaultdict
from functools import cache

from tests.architecture.sources import Module, modules

ORDER = (
    "kernel", "organisations", "policy", "sessions", "lockout", "users", "credentials", "ownership", "accounts", "jobs",
    "people_import", "exports", "above",
)  # fmt: skip
"""The packages of ``idp.identity``, lowest first. ``kernel``: the files at its top, except those ``ABOVE``."""
ABOVE = ("policy_dry_run", "policy_reach", "mail_outbox", "odd_names")


@cache
def _idp() -> dict[str, Module]:
    return {module.name: module for module in modules("idp")}


def _imported(name: str) -> set[str]:
    """Return the modules of the product that a module imports, each by its own name."""
    return {_module_of(imported) for imported in _idp()[name].imports()} - {"", "idp", name}


def _module_of(imported: str) -> str:
    """Return the module that an imported name is, or is in; empty outside of the product."""
    return imported if imported in _idp() or not imported else _module_of(imported.rpartition(".")[0])


def _package(name: str) -> str:
    """Return the package of ``idp.identity`` that a module belongs to; empty outside of it and for its docstring."""
    parts = name.split(".")
    if parts[:2] != ["idp", "identity"] or len(parts) == 2:
        return ""
    if len(parts) > 3 or f"idp.identity.{parts[2]}" in {other.rpartition(".")[0] for other in _idp()}:
        return parts[2]
    return "above" if parts[2] in ABOVE else "kernel"


def test_the_packages_of_identity_import_in_one_direction() -> None:
    """House: a package imports those before it in the list, never those after it."""
    upward = [
        f"{name} imports {imported}"
        for name in _idp()
        for imported in _imported(name)
        if _package(name) and _package(imported) and ORDER.index(_package(name)) < ORDER.index(_package(imported))
    ]
    assert not upward


def test_the_frame_of_the_sign_in_knows_no_single_step() -> None:
    """House: a step is one file and one line of ``SEQUENCE``. The flow, the state and the public face import no step."""
    frame = [name for name in _idp() if name.startswith("idp.signin.") and not name.startswith("idp.signin.steps")]
    known = {(name, imported) for name in frame for imported in _imported(name) if imported.startswith("idp.signin.steps")}
    assert known == {("idp.signin.flow", "idp.signin.steps")}


def test_no_two_subjects_import_each_other() -> None:
    """House: the floors do not show cycles between subjects on one floor."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for name in _idp():
        subject = name.split(".")[1] if "." in name else ""
        arrows[subject] |= {other for other in (imported.split(".")[1] for imported in _imported(name)) if other != subject}

    def _reached(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = [start]
        while ahead:
            fresh = arrows[ahead.pop()] - seen
            seen |= fresh
            ahead += fresh
        return seen

    assert not [subject for subject in sorted(arrows) if subject and subject in _reached(subject)]


def test_every_package_says_what_it_leaves_to_others() -> None:
    """House: the docstring tells a newcomer what a package owns, and where the rest is."""
    packages = [module for module in modules("idp") if module.path.name == "__init__.py"]
    silent = [module.name for module in packages if "Not here" not in (ast.get_docstring(module.tree) or "")]
    assert silent == ["idp", "idp.demo"], "only the whole package and the demo need no such line"
