"""The suite of each plan."""

from collections.abc import Callable

import pytest

from tests.conformance.suite import Suite
from tests.factories import Factory
from tests.oauth.conftest import Scene, ask, scene, server, turned

__all__ = ["ask", "scene", "server", "turned"]
FULL = {
    "name": "Jan de Vries", "given_name": "Jan", "family_name": "de Vries", "middle_name": "Piet", "nickname": "Jantje",
    "profile": "https://jan.example.com/", "picture": "https://jan.example.com/jan.png", "website": "https://jan.example.com/",
    "gender": "male", "birthdate": "1980-02-29", "time_zone": "Europe/Amsterdam", "locale": "nl",
    "phone_number": "+31 20 1234567", "email": "jan@shoes.example",
    "address": {"street_address": "Dam 1", "locality": "Amsterdam", "postal_code": "1012 JS", "country": "NL"},
}  # fmt: skip
"""A person with every standard claim (OpenID Connect Core §5.1)."""


@pytest.fixture
def suite(request: pytest.FixtureRequest, scene: Scene, factory: Factory) -> Suite:
    """Return the suite for the plan of a test, with a person who has every standard claim."""
    scene.person = factory.make_user(scene.person.organisation_id, "full", **FULL)
    return Suite(scene, request.param)


def plans(*names: str) -> Callable[..., object]:
    """Walk through a module once for each plan that has it."""
    return pytest.mark.parametrize("suite", names, indirect=True, ids=names)


BASIC = ("oidcc-basic-certification-test-plan", "oidcc-formpost-basic-certification-test-plan")
HYBRID = ("oidcc-hybrid-certification-test-plan",)
"""Walked through with ``code id_token``, the one hybrid response type that is supported (RFC 9700 §2.1.2)."""
