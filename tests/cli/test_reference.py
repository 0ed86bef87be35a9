"""``config.example.toml`` is made from the models, so it cannot silently become outdated."""

import re
import tomllib
from pathlib import Path

from idp import config
from idp.cli.reference import example

FILE = Path(__file__).parents[2] / "config.example.toml"


def test_the_example_equals_what_the_models_generate() -> None:
    """After a change of the models, run `python -m idp.cli.reference > config.example.toml`."""
    assert FILE.read_text("utf-8") == example()


def test_no_comment_of_the_example_has_python_in_it() -> None:
    """Docstrings of the models are its comments: a literal that was split in two would show its quotation marks."""
    told = [" ".join(line.removeprefix("# ") for line in part.splitlines()) for part in example().split("\n\n")]
    assert [part for part in told if re.search(r"""[a-z] ["'] ["']""", part)] == []


def test_every_default_in_the_example_is_a_valid_value(tmp_path: Path) -> None:
    """Without the comment sign before each key, the file is a configuration with the defaults."""
    text = re.sub(r"^# (\w+ = )", r"\1", FILE.read_text("utf-8"), flags=re.MULTILINE)
    secret = config.new_ring_entry("test")
    text = re.sub(r"^secrets = .*$", f'secrets = ["{secret}"]', text, flags=re.MULTILINE)
    assert tomllib.loads(text)["server"]["workers"] == 0
    file = tmp_path / "all.toml"
    file.write_text(text, "utf-8")
    plain = config.make({"issuer": "https://id.example.com", "secrets": [secret], "folder": str(tmp_path)})
    assert config.read(file).model_dump() == plain.model_dump()
