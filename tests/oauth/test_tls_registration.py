"""What a client that proves itself by a TLS certificate registers, and where it can (RFC 8705 §2.1.2, §2.2.2)."""

from typing import Any

import pytest

from idp.errors import Invalid
from idp.oauth.client_metadata import validate_metadata
from idp.oauth.discovery import document
from idp.oauth.provider import make_provider
from tests.drivers.certificates import HEADER, VERIFIED, Certificate
from tests.drivers.client_key import ClientKey
from tests.factories import Factory

METHOD = "token_endpoint_auth_method"
DN = "CN=till 7+OU=floor,O=Shop\\, Inc,C=NL"
PASSED = {"client_certificate_header": HEADER, "trusted_proxies": ["127.0.0.1"]}


@pytest.fixture
def settings(configure):
    """Trust a proxy that verifies certificates."""
    return configure(server={**PASSED, "client_certificate_verified_header": VERIFIED})


WRONG: tuple[tuple[dict[str, Any], str], ...] = (
    ({METHOD: "tls_client_auth"}, "tls_client_auth_subject_dn"),
    ({METHOD: "tls_client_auth", "tls_client_auth_san_dns": "a", "tls_client_auth_san_ip": "::1"}, "tls_client_auth_san_ip"),
    ({METHOD: "client_secret_basic", "tls_client_auth_san_dns": "a.nl"}, "tls_client_auth_san_dns"),
    *(
        ({METHOD: "tls_client_auth", f"tls_client_auth_{name}": value}, f"tls_client_auth_{name}")
        for name, values in {
            "subject_dn": ("", "till", "CN=", "CN=a, O=b", "CN=#0403666f6f", "XX=a", "CN=a\nO=b", "O=" + "a" * 600, 5, []),
            "san_dns": ("*.shop.nl", "a b", "shöp.nl", "https://a.nl", "a..nl"),
            "san_uri": ("till", "urn:a b"),
            "san_ip": ("1", "192.0.2.0/24", "a.nl"),
            "san_email": ("till", "@shop.nl", "a b@shop.nl"),
        }.items()
        for value in values
    ),
    ({METHOD: "self_signed_tls_client_auth"}, "jwks"),
    ({METHOD: "self_signed_tls_client_auth", "jwks": ClientKey().jwks}, "jwks"),
)  # fmt: skip


@pytest.mark.parametrize(("members", "field"), WRONG)
def test_wrong_members_are_refused_at_registration(factory: Factory, members: dict[str, Any], field: str) -> None:
    """§2.1.2, §2.2.2: just one subject, in its form; a certificate where the client signs it itself."""
    with pytest.raises(Invalid) as refused:
        factory.make_client("wrong", **members)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("server", "methods"),
    [
        ({}, ()),
        ({"client_certificate_header": HEADER}, ()),
        (PASSED, ("self_signed_tls_client_auth",)),
        ({"client_certificate_verified_header": VERIFIED, "trusted_proxies": ["127.0.0.1"]}, ()),
    ],
)
def test_without_a_proxy_that_passes_certificates_there_are_no_such_methods(configure, server, methods) -> None:
    """§2, RFC 8414 §2: a chain that nobody verified proves nothing. Discovery names what can be used."""
    settings = configure(server=server)
    named = document(make_provider(settings))["token_endpoint_auth_methods_supported"]
    assert [one for one in named if "tls" in one] == list(methods)
    assert "mtls_endpoint_aliases" not in document(make_provider(settings))
    members = {
        "tls_client_auth": {"tls_client_auth_subject_dn": DN},
        "self_signed_tls_client_auth": {"jwks": {"keys": [Certificate().jwk]}},
    }
    for method, more in members.items():
        given = {"redirect_uris": ["https://app.example/cb"], METHOD: method, **more}
        if method in methods:
            validate_metadata(given, settings)
            continue
        with pytest.raises(Invalid, match="client_certificate_header") as refused:
            validate_metadata(given, settings)
        assert refused.value.field == METHOD
