"""A dialog of the console is red, and says so, only if what it deletes cannot be brought back."""

from collections.abc import Callable

from flask import Flask

from idp.config import Settings
from tests.drivers.browser import Browser
from tests.drivers.roles import addresses, people, sign_in, values
from tests.factories import MadePerson

__all__ = ["people", "values"]
FINAL = {
    "admin.remove_group", "admin.remove_shop", "admin.act_on_app delete", "admin.remove_own_policy", "admin.end_secret",
}  # fmt: skip
DIALOGS = {
    "admin.remove_group": ("",),
    "admin.remove_shop": ("",),
    "admin.remove_own_policy": ("",),
    "admin.end_own_policy": ("",),
    "admin.end_secret": ("",),
    "admin.new_secret": ("",),
    "admin.act_on_app": ("disable", "delete"),
    "admin.act_on_person": ("disable", "reset-factor", "remove-factor", "end-sessions", "one-time-password"),
}


def test_only_what_cannot_be_brought_back_is_red(
    app: Flask, settings: Settings, people: dict[str, MadePerson], values: Callable[[], dict[str, str]]
) -> None:
    """Red on every dialog with a password warned of nothing."""
    browser = sign_in(Browser(app, settings.issuer), people["operator"])
    red = set()
    for endpoint, acts in DIALOGS.items():
        for act in acts:
            path, _ = addresses(app, endpoint, {**values(), "act": act})[endpoint]
            page = browser.open(path)
            assert page.status == 200, path
            assert page.text.count("This cannot be undone.") == page.html.count("btn-danger"), path
            red |= {f"{endpoint} {act}".strip()} if "btn-danger" in page.html else set()
    assert red == FINAL
