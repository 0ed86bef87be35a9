"""The words for what is done to many people at once: in the list, in the question, and afterwards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from idp.errors import Message, in_a_row, say, say_many
from idp.identity.accounts.bulk import LeftOut, Outcome
from idp.store.users import User

NAMED = 10
"""The most names in a sentence."""


@dataclass(frozen=True)
class Words:
    """Name an act. ``label`` stands in the list; where there is a ``target``, above the groups or shops to choose from.

    ``elsewhere`` says what happens to those who work in other shops too, and ``nowhere`` to those who do not. ``choose``:
    the question asks for another shop below these words.
    """

    label: Message
    heading: Message
    sentences: tuple[Message, ...]
    button: Message
    done: Message
    target: Literal["", "group", "shop"] = ""
    elsewhere: Message | None = None
    nowhere: Message | None = None
    choose: Message | None = None


KEEPS_OTHERS = say_many(
    "%(num)s person also works in other shops, and keeps those.",
    "%(num)s people also work in other shops, and keep those.",
    0,
)

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
    "move-from-shop": Words(
        say("Move to another shop"),
        say_many(
            "Move %(num)s person from “%(target)s” to another shop?",
            "Move %(num)s people from “%(target)s” to another shop?",
            0,
        ),
        (say("They then work in the shop that you choose, and no longer in “%(target)s”."),),
        say("Move"),
        say_many(
            "%(num)s person now works in “%(to)s”, and no longer in “%(target)s”.",
            "%(num)s people now work in “%(to)s”, and no longer in “%(target)s”.",
            0,
        ),
        "shop",
        KEEPS_OTHERS,
        choose=say("New shop"),
    ),
    "remove-from-shop": Words(
        say("Remove from the shop"),
        say_many(
            "Remove %(num)s person from the shop “%(target)s”?", "Remove %(num)s people from the shop “%(target)s”?", 0
        ),
        (),
        say("Remove from the shop"),
        say_many(
            "%(num)s person was removed from the shop “%(target)s”.",
            "%(num)s people were removed from the shop “%(target)s”.",
            0,
        ),
        "shop",
        KEEPS_OTHERS,
        say_many(
            "%(num)s person works in no other shop, and keeps the account without a shop.",
            "%(num)s people work in no other shop, and keep the account without a shop.",
            0,
        ),
    ),
    "only-in-shop": Words(
        say("Work only in the shop"),
        say_many("Let %(num)s person work only in “%(target)s”?", "Let %(num)s people work only in “%(target)s”?", 0),
        (say("They then work in “%(target)s”, and in no other shop."),),
        say("Change the shops"),
        say_many("%(num)s person now works only in “%(target)s”.", "%(num)s people now work only in “%(target)s”.", 0),
        "shop",
        say_many(
            "%(num)s person works in other shops now, and loses those.",
            "%(num)s people work in other shops now, and lose those.",
            0,
        ),
    ),
}


def names(some: Sequence[User]) -> Message | str:
    """Return the usernames of some people, or of the first ones with the number of the others."""
    first = ", ".join(user.username for user in some[:NAMED])
    more = len(some) - NAMED
    return say_many("%(names)s and %(num)s more", "%(names)s and %(num)s more", more, names=first) if more > 0 else first


def told(done: Message, outcome: Outcome) -> Message:
    """Say what happened: ``done`` if anybody was changed, how many sessions ended, and who is left out."""
    said = [done if outcome.changed else say("Nothing had to be changed.")]
    if outcome.sessions:
        said.append(say_many("%(num)s session ended.", "%(num)s sessions ended.", outcome.sessions))
    said += left_out(outcome.left_out)
    return in_a_row(said)


def left_out(some: Sequence[LeftOut]) -> list[Message]:
    """Say who is left out, and why: one sentence for each reason."""
    by_reason: dict[str, tuple[Message, list[User]]] = {}
    for user, reason in some:
        by_reason.setdefault(reason.key, (reason, []))[1].append(user)
    return [
        say("Left out: %(names)s (%(reason)s)", names=names(found), reason=reason) for reason, found in by_reason.values()
    ]
