"""Clients prove themselves by the certificate of their TLS connection, as a proxy passes it (RFC 8705 §2)."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from werkzeug.test import TestResponse

from idp import clock
from idp.config import Settings
from tests.drivers.app_server import AppServer
from tests.drivers.certificates import HEADER, VERIFIED, Certificate
from tests.drivers.client_key import ClientKey
from tests.drivers.dpop import ProofKey
from tests.factories import Factory

ISSUER, ALIAS = "https://id.example.com", "https://mtls.id.example.com:8443"
METHOD = "token_endpoint_auth_method"
DN = "CN=till 7+OU=floor,O=Shop\\, Inc,C=NL"
Use = Callable[..., TestResponse]


@pytest.fixture
def settings(configure: Callable[..., Settings]) -> Settings:
    """Trust a proxy on loopback, which verifies certificates at an address of its own, and call apps on loopback."""
    server = {
        "trusted_proxies": ["127.0.0.1"],
        "client_certificate_header": HEADER,
        "client_certificate_verified_header": VERIFIED,
        "client_certificate_address": ALIAS,
    }
    return configure(server=server, outgoing={"allow": ["127.0.0.0/8"]}, limits={"client_failures": 10_000})


@pytest.fixture
def use(ask) -> Use:
    """Return a function that asks for a token as a client, with the headers of a proxy."""

    def ask_(client_id: str, headers: dict[str, str] | None = None, /, **parameters: str) -> TestResponse:
        form = {"grant_type": "client_credentials", "client_id": client_id, **parameters}
        return ask("POST", "/oauth/token", data=form, headers=headers)

    return ask_


def issued(factory: Factory, client_id: str = "till", **subject: str) -> str:
    """Register a client whose certificate an authority issues."""
    members = {"grant_types": ["client_credentials"], METHOD: "tls_client_auth"}
    factory.make_client(client_id, **members, **(subject or {"tls_client_auth_subject_dn": DN}))
    return client_id


def own(factory: Factory, *keys: dict[str, Any], client_id: str = "kiosk", **members: Any) -> str:
    """Register a client with certificates that it made itself."""
    places = members or {"jwks": {"keys": list(keys)}}
    factory.make_client(client_id, grant_types=["client_credentials"], **{METHOD: "self_signed_tls_client_auth"}, **places)
    return client_id


SAME = (DN, "CN=Till   7+OU=FLOOR,O=shop\\, inc,C=nl", "OU=floor+CN=till 7,O=Shop\\2C Inc,C=NL")
OTHER = (
    "CN=till 7", "CN=till 70+OU=floor,O=Shop\\, Inc,C=NL", "C=NL,O=Shop\\, Inc,CN=till 7+OU=floor",
    "CN=till 7,OU=floor,O=Shop\\, Inc,C=NL", "O=till 7+OU=floor,CN=Shop\\, Inc,C=NL", "CN=x," + DN, DN + ",C=NL",
    "CN=till 7\\+OU=floor,O=Shop\\, Inc,C=NL",
)  # fmt: skip


def test_the_subject_of_a_certificate_is_compared_by_its_parts(factory: Factory, use: Use) -> None:
    """§2.1.2, RFC 5280 §7.1: neither case nor notation make a difference; types, order and extent do."""
    client_id = issued(factory)
    for subject in SAME:
        assert use(client_id, Certificate(subject).passed()).status_code == 200, subject
    for subject in OTHER:
        answer = use(client_id, Certificate(subject).passed())
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client"), subject


NAMES: dict[str, tuple[str, x509.GeneralName, x509.GeneralName]] = {
    "dns": ("Till7.shop.example", x509.DNSName("till7.SHOP.example"), x509.DNSName("till70.shop.example")),
    "uri": (
        "urn:shop:till7",
        x509.UniformResourceIdentifier("urn:shop:till7"),
        x509.UniformResourceIdentifier("urn:shop:x"),
    ),
    "ip": ("2001:db8:0::7", x509.IPAddress(ip_address("2001:db8::7")), x509.IPAddress(ip_address("192.0.2.7"))),
    "email": ("till7@SHOP.example", x509.RFC822Name("till7@shop.example"), x509.RFC822Name("Till7@shop.example")),
}


@pytest.mark.parametrize("kind", NAMES)
def test_an_alternative_name_must_be_the_same(factory: Factory, use: Use, kind: str) -> None:
    """§2.1.2: of its own kind, among others; a wildcard is no name of a client."""
    registered, right, wrong = NAMES[kind]
    client_id = issued(factory, **{f"tls_client_auth_san_{kind}": registered})
    wildcard = x509.DNSName("*.shop.example")
    assert use(client_id, Certificate(names=(wildcard, wrong, right)).passed()).status_code == 200
    as_text = x509.DNSName(registered) if kind != "dns" else x509.UniformResourceIdentifier(registered)
    for names in ((wildcard, wrong), (as_text,), ()):
        assert use(client_id, Certificate(f"CN={registered}", names).passed()).status_code == 401


def test_only_a_chain_that_the_proxy_verified_counts(factory: Factory, use: Use, ask) -> None:
    """§2.1: anybody can write this name into a certificate. The proxy says who issued it, and nobody else can."""
    client_id, right = issued(factory), Certificate(DN)
    for verdict in ("", "NONE", "FAILED:self-signed certificate", "success", "SUCCESS,SUCCESS", "SUCCESS"):
        answer = use(client_id, right.passed(verdict))
        assert answer.status_code == (200 if verdict == "SUCCESS" else 401), verdict
    assert use(client_id, {HEADER: right.passed()[HEADER]}).status_code == 401
    form = {"grant_type": "client_credentials", "client_id": client_id}
    stranger = ask("POST", "/oauth/token", data=form, headers=right.passed(), environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert stranger.status_code == 401


def test_a_certificate_counts_within_its_dates(factory: Factory, use: Use, turned) -> None:
    """§2.1, §2.2, RFC 5280 §4.1.2.5: issued by an authority or not."""
    young = Certificate(DN, begins=clock.now() + timedelta(hours=1), days=2)
    client_ids = issued(factory), own(factory, young.jwk)
    for wait, expected in ((0, 401), (3601, 200), (2 * 86_400, 401)):
        turned.shift(wait)
        for client_id in client_ids:
            assert use(client_id, young.passed()).status_code == expected, (client_id, wait)


def test_a_self_signed_certificate_must_be_a_registered_one(factory: Factory, use: Use) -> None:
    """§2.2: the very certificate, not another one of the same name or key; no authority need have issued it."""
    first, second = Certificate(), Certificate()
    broken = (
        {"kty": "EC", "x5c": "x"},
        {"kty": "EC", "x5c": []},
        {"kty": "EC", "x5c": [5, "%"]},
        {"kty": "EC", "x5c": ["%"]},
    )
    client_id = own(factory, *broken, first.jwk, second.jwk)
    for one in (first, second):
        assert use(client_id, one.passed("FAILED:self-signed certificate")).status_code == 200
    for wrong in (Certificate(), Certificate(key=first.key)):
        assert use(client_id, wrong.passed()).status_code == 401
    assert use(client_id, {}).status_code == 401


def test_certificates_are_read_from_the_address_of_the_client(factory: Factory, server: AppServer, use: Use, turned) -> None:
    """§2.2.2: a renewed certificate is fetched, at most once a minute whatever strangers show."""
    first, renewed = Certificate(), Certificate()
    server.documents["/keys"] = json.dumps({"keys": [first.jwk]}).encode()
    client_id = own(factory, jwks_uri=f"{server.address}/keys")
    for _ in range(3):
        assert use(client_id, first.passed()).status_code == 200
    server.documents["/keys"] = json.dumps({"keys": [first.jwk, renewed.jwk]}).encode()
    assert use(client_id, renewed.passed()).status_code == 401, "asked less than a minute ago"
    turned.shift(61)
    assert use(client_id, renewed.passed()).status_code == 200
    for _ in range(3):
        assert use(client_id, Certificate().passed()).status_code == 401
    assert len(server.requests) == 2


def test_each_client_has_one_method(factory: Factory, use: Use, ask) -> None:
    """RFC 6749 §2.3: a right certificate of a client with another method gets that method named, and nothing else."""
    right = Certificate(DN)
    till, kiosk = issued(factory), own(factory, right.jwk)
    secret = factory.make_client("by-secret", grant_types=["client_credentials"]).secret
    key = ClientKey()
    signing = factory.make_client(
        "signing", grant_types=["client_credentials"], jwks={"keys": [key.public, right.jwk]}, **{METHOD: "private_key_jwt"}
    ).client_id
    for client_id in (till, kiosk):
        assert use(client_id, right.passed(), client_secret="x" * 40).status_code == 401
        assert use(client_id, right.passed(), **key.assertion(client_id, ISSUER)).status_code == 401
        assert use("", {**right.passed(), "Authorization": "Basic dGlsbDp4"}).status_code == 401
    description = use(signing, right.passed()).json["error_description"]
    assert description == "This client is registered for private_key_jwt, and the request uses self_signed_tls_client_auth."
    assert use(signing, Certificate().passed()).json["error_description"] == "Client authentication failed."
    assert use("by-secret", right.passed()).status_code == 401
    assert use("by-secret", right.passed(), client_secret=secret).status_code == 200
    assert use("nobody", right.passed()).status_code == 401


def test_the_methods_count_at_every_endpoint(factory: Factory, ask) -> None:
    """§2: token, PAR, revocation, introspection, device and CIBA ask the same question."""
    right = Certificate(DN)
    client_id = issued(factory)
    paths = ("par", "revoke", "introspect", "device_authorization", "backchannel_authentication")
    for path in paths:
        form = {"client_id": client_id, "token": "x"}
        proved = ask("POST", f"/oauth/{path}", data=form, headers=right.passed())
        assert proved.status_code in (200, 400), path
        assert (proved.json or {}).get("error") != "invalid_client", path
        refused = ask("POST", f"/oauth/{path}", data=form, headers=Certificate("CN=x").passed())
        assert (refused.status_code, refused.json["error"]) == (401, "invalid_client"), path


def test_the_token_may_be_bound_to_the_certificate(factory: Factory, use: Use) -> None:
    """§3: the certificate that proves the client also binds its tokens."""
    members = {"grant_types": ["client_credentials"], METHOD: "tls_client_auth", "tls_client_auth_subject_dn": DN}
    factory.make_client("bound", **members, tls_client_certificate_bound_access_tokens=True)
    assert use("bound", Certificate(DN).passed()).status_code == 200


def mutations(one: Certificate) -> Iterator[bytes]:
    """Yield certificates that are not well-formed."""
    der = one.der
    yield from (b"", b"\x30", b"\x30\x80", b"\x30\x82\xff\xff", der[:-1], der + b"\0", der[1:], der * 2, b"\0" * 500)
    for place in range(0, len(der), 7):
        yield der[:place] + bytes([der[place] ^ 0xFF]) + der[place + 1 :]
        yield der[:place] + b"\x80" + der[place + 1 :]


def test_malformed_certificates_are_refused_without_a_fault_of_ours(factory: Factory, use: Use) -> None:
    """§7: each byte that a client chooses is read within bounds, and none ends in an error 500."""
    right = Certificate(DN, (x509.DNSName("till7.shop.example"),))
    client_ids = issued(factory), issued(factory, "other", tls_client_auth_san_dns="till7.shop.example")
    for client_id in client_ids:
        assert use(client_id, right.passed()).status_code == 200
        for der in mutations(right):
            sent = {HEADER: f":{base64.b64encode(der).decode()}:", VERIFIED: "SUCCESS"}
            assert use(client_id, sent).status_code in (200, 401), der.hex()
    kiosk = own(factory, {"kty": "EC", "x5c": [base64.b64encode(b"no certificate").decode()]})
    assert use(kiosk, {HEADER: f":{base64.b64encode(b'no certificate').decode()}:"}).status_code == 401
    twice = right.pem * 2
    for text in (twice, right.pem.replace("\n", " "), right.pem[:-30], "%", ":" * 9000, "A" * 20_000, f":{'A' * 16_400}:"):
        sent = {HEADER: text.replace("\n", "%0A"), VERIFIED: "SUCCESS"}
        assert use(client_ids[0], sent).status_code in (200, 401), text[:60]


def test_discovery_names_methods_and_addresses(factory: Factory, ask) -> None:
    """§2.1.1, §2.2.1, §5: apps ask where a proxy asks for certificates; proofs may be for that address."""
    found = ask("GET", "/.well-known/openid-configuration").json
    assert {"tls_client_auth", "self_signed_tls_client_auth"} <= set(found["token_endpoint_auth_methods_supported"])
    aliases = found["mtls_endpoint_aliases"]
    assert set(aliases) <= set(found)
    assert all(address == found[name].replace(ISSUER, ALIAS) for name, address in aliases.items())
    key, client_id = ProofKey(), issued(factory)

    def machine(url: str) -> TestResponse:
        headers = {**Certificate(DN).passed(), "DPoP": key.proof("POST", url)}
        return ask(
            "POST", "/oauth/token", data={"grant_type": "client_credentials", "client_id": client_id}, headers=headers
        )

    key.nonce = machine(aliases["token_endpoint"]).headers["DPoP-Nonce"]
    assert machine(aliases["token_endpoint"]).json["token_type"] == "DPoP"
    assert machine("https://elsewhere.example/oauth/token").json["error"] == "invalid_dpop_proof"
