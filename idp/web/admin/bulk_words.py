"""The words for what is done to many people at once: in the list, in the question, and afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from idp.errors import Message, say, say_many


@dataclass(frozen=True)
class Words:
    """Name an act. ``label`` stands in the list; where there is a ``target``, above the groups or shops to choose from."""

    label: Message
    heading: Message
    sentences: tuple[Message, ...]
    button: Message
    done: Message
    target: Literal["", "group", "shop"] = ""


WORDS: Mapping[str, Words] = {
    "disable": Words(
        say("Disable, and sign out everywhere"),
        say_many("Disable %(num)s person?", "Disable %(num)s people?", 0),
        (
            say("They cannot sign in any more, until an administrator enables the accounts again."),
            say("All their open sessions end, in all apps. They get an e-mail about it."),
        ),
        say("Disable"),
        say_many(
            "%(num)s person is disabled and signed out everywhere.",
            "%(num)s people are disabled and signed out everywhere.",
            0,
        ),
    ),
    "enable": Words(
        say("Enable"),
        say_many("Enable %(num)s person?", "Enable %(num)s people?", 0),
        (say("They can sign in again, with the password and second factor that they have."),),
        say("Enable"),
        say_many("%(num)s person can sign in again.", "%(num)s people can sign in again.", 0),
    ),
    "require-factor": Words(
        say("Require a second factor"),
        say_many("Require a second factor of %(num)s person?", "Require a second factor of %(num)s people?", 0),
        (say("They must set up a second factor at the next sign-in. Sessions that are open now go on."),),
        say("Require a second factor"),
        say_many(
            "%(num)s person must set up a second factor at the next sign-in.",
            "%(num)s people must set up a second factor at the next sign-in.",
            0,
        ),
    ),
    "add-to-group": Words(
        say("Add to the group"),
        say_many("Add %(num)s person to the group “%(target)s”?", "Add %(num)s people to the group “%(target)s”?", 0),
        (say("They keep their other groups. From the next sign-in on, they must meet what the group requires."),),
        say("Add to the group"),
        say_many(
            "%(num)s person was added to the group “%(target)s”.", "%(num)s people were added to the group “%(target)s”.", 0
        ),
        "group",
    ),
    "remove-from-group": Words(
        say("Remove from the group"),
        say_many(
            "Remove %(num)s person from the group “%(target)s”?", "Remove %(num)s people from the group “%(target)s”?", 0
        ),
        (say("They keep their other groups. Second factors that they have stay active."),),
        say("Remove from the group"),
        say_many(
            "%(num)s person was removed from the group “%(target)s”.",
            "%(num)s people were removed from the group “%(target)s”.",
            0,
        ),
        "group",
    ),
    "add-to-shop": Words(
        say("Add to the shop"),
        say_many("Add %(num)s person to the shop “%(target)s”?", "Add %(num)s people to the shop “%(target)s”?", 0),
        (say("They keep the shops that they have."),),
        say("Add to the shop"),
        say_many(
            "%(num)s person was added to the shop “%(target)s”.", "%(num)s people were added to the shop “%(target)s”.", 0
        ),
        "shop",
    ),
    "remove-from-shop": Words(
        say("Remove from the shop"),
        say_many(
            "Remove %(num)s person from the shop “%(target)s”?", "Remove %(num)s people from the shop “%(target)s”?", 0
        ),
        (say("They keep their other shops. Who worked only there keeps the account, without a shop."),),
        say("Remove from the shop"),
        say_many(
            "%(num)s person was removed from the shop “%(target)s”.",
            "%(num)s people were removed from the shop “%(target)s”.",
            0,
        ),
        "shop",
    ),
    "move-to-shop": Words(
        say("Move to the shop"),
        say_many("Move %(num)s person to the shop “%(target)s”?", "Move %(num)s people to the shop “%(target)s”?", 0),
        (say("They then work in “%(target)s” alone, and no longer in the shops that they have now."),),
        say("Move to the shop"),
        say_many("%(num)s person now works in “%(target)s”.", "%(num)s people now work in “%(target)s”.", 0),
        "shop",
    ),
}
