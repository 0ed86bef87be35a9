"""Send authorization requests that are refused."""

import pytest

from tests.drivers.relying_party import Refused


def refusal(scene, party, **params):
    """Return the error that comes back at once, without a page. The driver checks state and iss on it."""
    with pytest.raises(Refused) as refused:
        party.answer(scene.browser.open(party.authorize_url(**params)).left_for, scene.browser.left_with or None)
    return refused.value
