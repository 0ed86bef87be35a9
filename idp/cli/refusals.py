"""Say in one line why something was refused, instead of a traceback."""

from sqlalchemy.exc import SQLAlchemyError

from idp import config, errors, schema
from idp.backup import BackupError


def line_about(error: Exception) -> str | None:
    """Return the line for an error that a person can do something about; None for any other."""
    match error:
        case errors.Invalid():
            return f"{error.field}: {in_english(error.message)}"
        case errors.Refusal():
            return in_english(error.message)
        case config.ConfigError() | schema.SchemaError() | BackupError():
            return str(error)
        case SQLAlchemyError():
            return _about_database(error)
    return None


def in_english(message: errors.Message) -> str:
    """Return a message with its values filled in. The command line speaks English."""
    is_plural = message.plural and message.values.get("num") != 1
    sentence = message.plural if is_plural else message.key
    return sentence % {name: _in_english(one) for name, one in message.values.items()} if message.values else sentence


def _in_english(value: object) -> object:
    if isinstance(value, errors.Message):
        return in_english(value)
    return f"{value:,}" if isinstance(value, int) else value


def _about_database(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    reason = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
    if "no such table" in reason or "does not exist" in reason:
        return f"database: {reason}; run `idp migrate` first"
    return f"database: {reason}; check [database] in the configuration, or ask `idp doctor`"
