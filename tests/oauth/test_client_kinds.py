"""An app that is connected by what it is gets settings that work with each library for it (S71)."""

import pytest

from idp.errors import Invalid
from idp.oauth import client_kinds, guides
from idp.oauth.client_kinds import KINDS, AppAnswers
from idp.oauth.client_metadata import validate_metadata
from idp.store.clients import Client

ADDRESSES = {"phone": "nl.shoes.app", "api": "https://stock.shoes.example/api"}
LINES = "stock.read = See the stock\nstock.write = Change the stock"


def connected(settings, kind, stack="", address=None):
    """Return the client that a kind makes."""
    answers = AppAnswers("Kassa", address or ADDRESSES.get(kind, "kassa.shoes.example"), stack, LINES)
    metadata, ours = client_kinds.registration_of(kind, answers, ("o",))
    return Client(client_id="kassa", metadata_=validate_metadata(metadata, settings), shared_device=ours.shared_device)


@pytest.mark.parametrize("kind", KINDS)
def test_every_library_of_a_kind_works_without_a_change(settings, kind):
    """Nothing is left to register: the guide has no note for the client that the kind makes."""
    for stack in ("", *KINDS[kind].stacks):
        row = connected(settings, kind, stack)
        if stack:
            assert guides.guide(settings, row, stack).notes == (), stack
        again = client_kinds.kind_of(row.metadata_, shared=row.shared_device)
        assert again == {"shop": "web"}.get(kind, kind)


@pytest.mark.parametrize("address", ["nl.shoes.app", "https://shoes.example/app"])
def test_people_return_to_a_phone_app_after_signing_out(settings, address):
    """RP-Initiated Logout §3: the address where the phone opens the app is registered for this, too."""
    found = connected(settings, "phone", address=address).metadata_
    assert found["post_logout_redirect_uris"] == found["redirect_uris"]


def test_only_apps_on_a_server_have_a_secret(settings):
    """RFC 6749 §2.1: what runs in a browser or on a phone keeps none."""
    public = {kind for kind in KINDS if connected(settings, kind).is_public}
    assert public == {"spa", "phone", "device"}


def test_no_library_is_left_out(settings):
    """Each library of the guide is offered on the page of an app of some kind; those for APIs on that of an API alone."""
    made = {kind: connected(settings, kind) for kind in KINDS}
    offered = {
        kind: {name for name, _ in client_kinds.stacks_for(row.metadata_, shared=row.shared_device)}
        for kind, row in made.items()
    }
    assert set().union(*offered.values()) == set(guides.STACKS)
    assert {kind for kind, names in offered.items() if names & dict(guides.APIS).keys()} == {"api"}


GOOD = {
    "kassa.example": ("https://kassa.example/callback", "https://kassa.example"),
    " https://Kassa.Example/nl/ ": ("https://kassa.example/callback", "https://kassa.example/nl/"),
    "HTTPS://kassa.example:8443": ("https://kassa.example:8443/callback", "https://kassa.example:8443"),
    "localhost:8000": ("http://localhost:8000/callback", "http://localhost:8000"),
}


@pytest.mark.parametrize("typed", GOOD)
def test_addresses_are_read_as_people_type_them(settings, typed):
    """A scheme that is left out is https, and a host may have capitals."""
    found = connected(settings, "shop", address=typed).metadata_
    assert (found["redirect_uris"][0], found["client_uri"]) == GOOD[typed]


BAD = [
    ("shop", AppAnswers("", "a.example"), "name"),
    ("shop", AppAnswers("A", ""), "address"),
    ("shop", AppAnswers("A", "http://a.example"), "address"),
    ("shop", AppAnswers("A", "javascript:alert(1)"), "address"),
    ("shop", AppAnswers("A", "https://user@a.example"), "address"),
    ("shop", AppAnswers("A", "https://a.example/../b"), "address"),
    ("shop", AppAnswers("A", "a b"), "address"),
    ("shop", AppAnswers("A", "a.example", "appauth"), "stack"),
    ("phone", AppAnswers("A", "https"), "address"),
    ("phone", AppAnswers("A", "javascript:x"), "address"),
    ("api", AppAnswers("A", "a.example", scopes=""), "scopes"),
    ("api", AppAnswers("A", "a.example", scopes="read = See"), "scopes"),
    ("api", AppAnswers("A", "", scopes=LINES), "address"),
]


@pytest.mark.parametrize(("kind", "answers", "field"), BAD)
def test_a_wrong_answer_names_its_field(settings, kind, answers, field):
    """Bad input: the message belongs to the field that the person filled in."""
    with pytest.raises(Invalid) as refused:
        validate_metadata(client_kinds.registration_of(kind, answers, ())[0], settings)
    assert client_kinds.FIELDS.get(refused.value.field, refused.value.field) == field
