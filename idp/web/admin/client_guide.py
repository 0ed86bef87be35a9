"""The panel with settings for the library that an app is built with."""

from dataclasses import dataclass

from flask import request

from idp.errors import Message
from idp.oauth import guides
from idp.store.clients import Client
from idp.web import request_context

CHOICE = "for"
"""The parameter that names the library."""


@dataclass(frozen=True)
class Piece:
    """Hold a file of the app by its name, empty for commands."""

    name: str
    text: str


@dataclass(frozen=True)
class GuidePanel:
    """Hold the libraries by name and title, the ``chosen`` one (empty: none yet), and its text."""

    stacks: tuple[tuple[str, str], ...]
    chosen: str = ""
    notes: tuple[Message, ...] = ()
    pieces: tuple[Piece, ...] = ()


STACKS = tuple((name, stack.title) for name, stack in guides.STACKS.items())


def panel(row: Client) -> GuidePanel:
    """Return the panel for an app, with the text for the library that the address names."""
    chosen = request.args.get(CHOICE, "")
    if chosen not in guides.STACKS:
        return GuidePanel(STACKS)
    found = guides.guide(request_context.settings(), row, chosen)
    pieces = tuple(Piece("" if part.name == guides.COMMANDS else part.name, part.text) for part in found.parts)
    return GuidePanel(STACKS, chosen, found.notes, pieces)
