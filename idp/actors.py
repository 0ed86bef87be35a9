"""Name the actor of a change: a person who is signed in, the installation itself, a client, or nobody.

Not here: what an actor may do (``identity.permissions``). Nobody is the default everywhere, and has no right.
"""

from dataclasses import dataclass
from typing import Literal, get_args

Part = Literal["cli", "apply", "worker"]


@dataclass(frozen=True)
class Person:
    """A user who is signed in, by id."""

    user_id: str

    def __post_init__(self) -> None:
        if not self.user_id or self.user_id in get_args(Part):
            raise ValueError("the id of a user is needed")


@dataclass(frozen=True)
class System:
    """The installation itself: the command line, provisioning (``idp apply``) or the worker. It may do everything."""

    part: Part


@dataclass(frozen=True)
class Client:
    """A relying app that authenticated itself. It acts for nobody."""

    client_id: str


@dataclass(frozen=True)
class Nobody:
    """A stranger, or a person without a session."""


Actor = Person | System | Client | Nobody
NOBODY = Nobody()


def of_user(user_id: str) -> Actor:
    """Return the person with this id, or nobody for an empty one."""
    return Person(user_id) if user_id else NOBODY


def stored(actor: Actor) -> str:
    """Return what the audit log stores: a user's id, a part of the installation, or nothing."""
    match actor:
        case Person():
            return actor.user_id
        case System():
            return actor.part
    return ""


def of_stored(text: str) -> Actor:
    """Return the actor of an audit row. Of a client only its ``client_id`` column tells: here it is nobody."""
    parts = {part: System(part) for part in get_args(Part)}
    return parts.get(text) or of_user(text)
