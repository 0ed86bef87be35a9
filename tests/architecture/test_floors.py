"""Imports go down only, and a few things are imported in one place only. Imports within functions count."""

from sys import stdlib_module_names

from tests.architecture.sources import Module, each, modules, place_of

FLOORS = {
    "actors": 0,
    "csv_export": 0,
    "ip_network": 0,
    "checks": 0,
    "clock": 0,
    "crypto": 0,
    "pseudonyms": 0,
    "errors": 0,
    "languages": 0,
    "config": 0,
    "logs": 0,
    "metrics": 0,
    "timing": 0,
    "watchers": 0,
    "keyset": 0,
    "normal_forms": 0,
    "search_words": 0,
    "sections": 0,
    "server_sections": 0,
    "db": 0,
    "batches": 0,
    "records": 0,
    "rows": 0,
    "prepared": 0,
    "statements": 0,
    "unit_of_work": 0,
    "write_gate": 0,
    "addresses": 0,
    "database_url": 0,
    "engines": 0,
    "postgresql": 0,
    "outage": 0,
    "outgoing": 0,
    "on_use": 0,
    "relying": 0,
    "resources": 0,
    "zones": 0,
    "store": 10,
    "identity": 20,
    "audit": 20,
    "factor": 20,
    "factors": 20,
    "branding": 15,
    "key_material": 20,
    "keys": 20,
    "mail": 20,
    "sealing": 20,
    "sweeps": 20,
    "worker": 50,
    "signin": 30,
    "oauth": 35,
    "web": 40,
    "app": 50,
    "backup": 50,
    "cli": 50,
    "demo": 50,
    "deploy": 50,
    "schema": 50,
    "readiness": 50,
    "server": 50,
}
"""The subjects of ``idp`` with their floors, times ten. ``oauth`` is half a floor above ``signin``."""

CRYPTO = ("hashlib", "hmac", "secrets", "random", "argon2")
FACES_OF_SIGNIN = ("idp.signin.requirements", "idp.signin.state", "idp.signin.authenticate")
FLASK_BELOW = ("idp.db",)
RELYING_APPS = ("idp.demo.pos", "idp.demo.admin", "idp.demo.webshop", "idp.demo.terminal")


def _subject(name: str) -> str:
    return name.split(".")[1] if name.count(".") else ""


def _is(imported: str, *names: str) -> bool:
    return any(imported == name or imported.startswith(name + ".") for name in names)


def _idp() -> list[Module]:
    return [module for module in modules("idp") if module.name != "idp"]


def _relying_apps() -> list[Module]:
    return [module for module in modules("idp") if module.name in RELYING_APPS]


def test_every_subject_has_a_floor() -> None:
    """A new file at the top of the package must be given its floor here."""
    assert {_subject(module.name) for module in _idp()} <= set(FLOORS)


@each(_idp, place_of)
def test_imports_go_down_only(module: Module) -> None:
    """A lower floor stores data for a higher one, and never calls it."""
    here = FLOORS[_subject(module.name)]
    upward = [name for name in module.imports() if _is(name, "idp") and FLOORS.get(_subject(name), 0) > here]
    assert not upward


@each(_idp, place_of)
def test_flask_is_imported_on_the_upper_floors_only(module: Module) -> None:
    """Pages, commands and workers all call the rules. Only ``db`` uses Flask-SQLAlchemy."""
    flask = [name for name in module.imports() if name.split(".")[0].startswith("flask")]
    if FLOORS[_subject(module.name)] < 40 and module.name not in FLASK_BELOW:
        assert not flask
    if module.name != "idp.db":
        assert not [name for name in flask if name.startswith("flask_sqlalchemy")]


@each(_idp, place_of)
def test_primitives_of_cryptography_are_imported_in_one_file(module: Module) -> None:
    """A change of primitive changes only ``crypto.py``. The demo's apps represent other people's code."""
    if module.name != "idp.crypto" and _subject(module.name) != "demo":
        assert not [name for name in module.imports() if _is(name, *CRYPTO)]


@each(_idp, place_of)
def test_the_sign_in_does_not_know_the_protocol(module: Module) -> None:
    """The profile and relying apps use the same sign-in."""
    if _subject(module.name) == "signin":
        assert not [name for name in module.imports() if _is(name, "idp.oauth")]


@each(_idp, place_of)
def test_the_protocol_imports_only_public_faces_of_the_sign_in(module: Module) -> None:
    """``oauth`` passes ``Needs`` and uses the result of ``authenticate``."""
    if _subject(module.name) == "oauth":
        assert not [name for name in module.imports() if _is(name, "idp.signin") and not _is(name, *FACES_OF_SIGNIN)]


@each(_relying_apps, place_of)
def test_the_demos_relying_apps_are_written_as_outsiders_would(module: Module) -> None:
    """The demo's apps import what the provider has for apps, and nothing else of it: any app can do the same."""
    assert not [name for name in module.imports() if _is(name, "idp") and not _is(name, "idp.relying")]


@each(_idp, place_of)
def test_what_is_for_apps_stands_alone(module: Module) -> None:
    """``idp.relying`` is copied or installed without the server: standard library only."""
    if _subject(module.name) == "relying":
        assert {name.partition(".")[0] for name in module.imports() if not _is(name, "idp.relying")} <= stdlib_module_names


def test_the_demo_has_each_of_its_relying_apps() -> None:
    """The rule above must not pass because an app was renamed."""
    assert len(_relying_apps()) == len(RELYING_APPS)
