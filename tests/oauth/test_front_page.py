"""The front page begins a sign-in at the app, where the app is registered for that (OpenID Connect Core §4)."""

import pytest

HOME = "https://shop.example.com/"
START = "https://shop.example.com/login"


@pytest.mark.parametrize(
    ("registered", "address"),
    [
        ({"client_uri": HOME}, f'href="{HOME}"'),
        ({"client_uri": HOME, "initiate_login_uri": START}, f'href="{START}?iss='),
        ({"initiate_login_uri": f"{START}?shop=1"}, f'href="{START}?shop=1&amp;iss='),
    ],
)
def test_the_front_page_leads_to_the_apps_own_sign_in(scene, registered, address):
    """Core §4: the request carries ``iss``, the issuer identifier. An app without such an address opens its home page."""
    party = scene.party(**registered)
    scene.tokens(party)
    assert address in scene.browser.open("/").html
