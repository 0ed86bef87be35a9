"""``python -m idp.cli.reference`` prints ``config.example.toml``: each key, its meaning and default, from the models."""

import textwrap
from collections.abc import Iterator

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from idp.config import Settings
from idp.server_sections import Section

HEAD = """\
Every key of Sleutel's configuration with its default. `idp init FILE --issuer URL` writes one to start with. A key that
it leaves out has the value shown here. The environment overrides the file: IDP_DATABASE__URL, IDP_MAIL__PASSWORD, ….
"""
SAMPLES = {
    "issuer": '"https://id.example.com"',
    "secrets": '["2026-11:… 32 random bytes as base64; `idp init` makes one …"]',
}
NOT_IN_FILE = {"folder"}
"""Set by the function that reads the file."""


def example() -> str:
    """Return the text of ``config.example.toml``."""
    lines = [*_comment(HEAD), ""]
    plain = {name: field for name, field in Settings.model_fields.items() if name not in NOT_IN_FILE}
    for name, field in plain.items():
        if not isinstance(field.default, Section):
            lines += _key(name, field)
    for name, field in plain.items():
        if isinstance(field.default, Section):
            lines += _section(name, type(field.default))
    return "\n".join(lines) + "\n"


def _section(name: str, model: type[BaseModel]) -> Iterator[str]:
    yield ""
    yield from _comment(model.__doc__ or "")
    yield f"[{name}]"
    for key, field in model.model_fields.items():
        yield from _key(key, field)


def _key(name: str, field: FieldInfo) -> Iterator[str]:
    yield from _comment(field.description or "")
    required = field.default is PydanticUndefined
    yield f"{name} = {SAMPLES[name]}" if required else f"# {name} = {_toml(field.default)}"


def _comment(text: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.replace("``", "`").split()), 118):
        yield f"# {line}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(entry) for entry in value)}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    click.echo(example(), nl=False)
