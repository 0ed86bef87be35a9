"""The front page begins a sign-in at the app, where the app is registered for that (OpenID Connect Core §4)."""

import pytest

from idp import clock
from idp.db import transaction
from idp.oauth import registration
from idp.store import client_registrations
from idp.store.client_registrations import ClientRegistration
from tests.factories import BY_TESTS

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


def test_the_front_page_lists_all_apps_that_a_person_may_open(scene):
    """S75: not only those opened in this session. None of another organisation, disabled, or that nobody checked."""
    scene.tokens(scene.party(client_uri=HOME))
    boots = scene.factory.make_organisation("boots")
    made = scene.factory.make_client
    made("back-office", client_name="Back office", client_uri="https://office.example.com/")
    made("theirs", client_name="Theirs", client_uri="https://theirs.example.com/", organisations=(boots,))
    made("machine", client_name="Machine", client_uri="https://m.example.com/", grant_types=["client_credentials"])
    made("old", client_name="Old", client_uri="https://old.example.com/")
    made("stranger", client_name="Stranger", client_uri="https://evil.example/")
    row = ClientRegistration(client_id="stranger", digest=b"x" * 32, grant_types=[], scopes=[], registered_at=clock.now())
    with scene.factory.context():
        registration.disable("old", BY_TESTS)
        with transaction():
            client_registrations.add_registration(row)
    html = scene.browser.open("/").html
    assert f'href="{HOME}"' in html
    assert 'href="https://office.example.com/"' in html
    assert not [name for name in ("Theirs", "Machine", "Old", "Stranger") if f">{name}<" in html or f"/{name}" in html]
    assert "evil.example" not in html


@pytest.mark.parametrize("why", ["registered itself", "disabled"])
def test_an_app_that_was_opened_gets_no_link_that_it_would_not_have_otherwise(scene, why):
    """A stranger's app can change its address, name and sign-in page while the session lasts: our page vouches for none."""
    scene.tokens(scene.party("stranger", client_name="Stranger", client_uri="https://evil.example/"))
    row = ClientRegistration(client_id="stranger", digest=b"x" * 32, grant_types=[], scopes=[], registered_at=clock.now())
    with scene.factory.context():
        if why == "disabled":
            registration.disable("stranger", BY_TESTS)
        else:
            with transaction():
                client_registrations.add_registration(row)
    html = scene.browser.open("/").html
    assert "Stranger" in html
    assert "evil.example" not in html
