"""Which actor may change which user. Actors are a person, the installation, a client, or nobody."""

import inspect
from collections.abc import Callable

import pytest

from idp.actors import Actor, Client, Nobody, Person, System, of_stored, stored
from idp.audit import Origin
from idp.errors import Forbidden, NotFound, Refusal
from idp.identity import permissions
from idp.store.organisations import Organisation
from idp.store.users import User

STRANGER = "a" * 26
POWERLESS: tuple[Actor, ...] = (Nobody(), Client("webshop"), Person(STRANGER), Person("worker-7"), Person("cli "))


def checks() -> dict[str, Callable[..., object]]:
    """Return every function that decides by the acting party."""
    found = inspect.getmembers(permissions, inspect.isfunction)
    return {name: check for name, check in found if "origin" in inspect.signature(check).parameters}


@pytest.mark.parametrize("actor", POWERLESS, ids=str)
def test_nobody_clients_and_unknown_ids_have_no_rights(
    organisation: Organisation, make_user: Callable[..., User], actor: Actor
) -> None:
    """House rule "three typed cores": a change without an actor is made by nobody, and is refused."""
    user = make_user("jan")
    known = {"organisation": organisation, "organisation_id": organisation.id, "user": user, "role": "employee"}
    allows_others = {"require_another"}  # refuses only the person themselves
    for name, check in checks().items():
        wanted = {key: known[key] for key in inspect.signature(check).parameters if key in known}
        try:
            result = check(**wanted, origin=Origin(actor))
            allowed = result is None or (bool(result) and not isinstance(result, Refusal))
        except (Forbidden, NotFound):
            allowed = False
        assert not allowed or name in allows_others, f"{name} does not refuse {actor}"


@pytest.mark.parametrize("actor", [System("cli"), System("apply"), System("worker"), Person(STRANGER), Nobody()], ids=str)
def test_an_audit_row_keeps_the_kind_of_its_actor(actor: Actor) -> None:
    """The column stores text, which is read back as the same actor."""
    assert of_stored(stored(actor)) == actor


@pytest.mark.parametrize("user_id", ["", "cli", "worker"])
def test_a_person_needs_a_valid_user_id(user_id: str) -> None:
    """Nobody gets the installation's rights with a made-up id."""
    with pytest.raises(ValueError, match="id of a user"):
        Person(user_id)
