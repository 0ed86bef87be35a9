"""An action that waits for a person to read what it does and to press its button: at a mailed link, or in the console.

Not here: who may act, and which proof an action needs (``identity``); the pages that ask (``email_links``,
``admin.confirm_dialog``).
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Generic, ParamSpec, TypeVar

from idp.errors import Message

Given = ParamSpec("Given")
Made = TypeVar("Made")


@dataclass(frozen=True)
class ConfirmedAction(Generic[Given, Made]):
    """What the page of an action says, and the function that carries it out.

    ``sentences`` tell what will happen. ``button`` names the action. ``is_final``: what is deleted cannot be
    brought back.
    """

    heading: Message
    sentences: tuple[Message, ...]
    button: Message
    do: Callable[Given, Made]
    _: KW_ONLY
    is_final: bool = False
