"""``idp deploy`` prints files that systemd and nginx accept, and their promises hold through both."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from idp.audit import Event
from idp.config import Settings
from idp.store import audit
from tests.cli.conftest import Idp
from tests.drivers import nginx
from tests.drivers.browser import Browser
from tests.drivers.certificates import HEADER, VERIFIED, Certificate
from tests.drivers.crowd import write_config
from tests.drivers.idp_process import PATIENCE, Database, ask, hear, new_installation, started, stop, wait_for_port
from tests.drivers.machine import free_port, leave_out
from tests.drivers.relying_party import RelyingParty
from tests.drivers.remote import Remote
from tests.factories import Factory

HSTS = "max-age=63072000; includeSubDomains"


@pytest.mark.parametrize("kind", ["systemd", "container", "nginx", "caddy"])
def test_every_file_is_complete_and_has_no_secret(idp: Idp, kind: str) -> None:
    """Issuer and address are those of the configuration, and no gap is left."""
    idp.config.write_text(idp.config.read_text() + '[server]\nbind = "127.0.0.1:8123"\n')
    output = idp("deploy", kind).stdout
    assert "https://id.example.com" in output
    assert "{{" not in output
    assert "{%" not in output
    assert not any(secret in output for secret in idp.settings.secrets)
    assert kind == "systemd" or "8123" in output


def test_the_unit_allows_writes_only_where_the_server_writes(idp: Idp) -> None:
    """The file system is read-only except for the folders of database and mails. A `%` starts no specifier."""
    strange = idp.folder / "100% data"
    strange.mkdir()
    idp.point_at("100% data/x.sqlite3")
    output = idp("deploy", "systemd").stdout
    assert f'ReadWritePaths="{idp.folder}/100%% data"' in output
    assert f'ReadWritePaths="{idp.folder}/mail"' in output
    assert "ProtectSystem=strict" in output


def test_systemd_accepts_the_unit(idp: Idp) -> None:
    """`systemd-analyze verify` reports no fault in it."""
    binary = shutil.which("systemd-analyze")
    if binary is None:
        leave_out("systemd-analyze", "apt install systemd")
    unit = idp.folder / "sleutel.service"
    unit.write_text(idp("deploy", "systemd").stdout, "utf-8")
    ran = subprocess.run([binary, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False)
    about = [line for line in ran.stderr.splitlines() if "sleutel" in line]
    assert about == []


def test_the_server_reports_its_state_to_the_service_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_database: Database
) -> None:
    """sd_notify(3): READY when it listens, WATCHDOG regularly, STOPPING before it ends."""
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(PATIENCE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        file, port = new_installation(tmp_path, database=made_database)
        with started(file, "run") as process:
            heard = [manager.recv(99)]
            while b"READY=1" not in heard:
                heard.append(manager.recv(99))
            assert ask(port, "/livez")[0] == 200, "the server must answer once it is READY"
            while heard[-2:] != [b"WATCHDOG=1"] * 2:
                heard.append(manager.recv(99))
            stop(process)
            assert process.returncode == 0
        while heard[-1] != b"STOPPING=1":
            heard.append(manager.recv(99))


def test_the_server_runs_without_a_service_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made_database: Database
) -> None:
    """The socket may not exist, and the variables may contain no numbers."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    monkeypatch.setenv("WATCHDOG_USEC", "soon")
    file, port = new_installation(tmp_path, database=made_database)
    with started(file, "run") as process:
        wait_for_port(process, port)
        assert ask(port, "/readyz")[0] == 200
        stop(process)
    assert process.returncode == 0


@pytest.fixture
def authority() -> Certificate:
    """Return the authority that nginx trusts to issue certificates of apps."""
    return Certificate("CN=Shop CA", is_authority=True)


@dataclass
class Fronted:
    """The server behind nginx. ``issuer`` is nginx's address."""

    issuer: str
    port: int
    trust: ssl.SSLContext
    settings: Settings

    def app(self, **headers: str) -> Remote:
        """Return the application as a client of nginx reaches it. It sends these headers with each request."""
        return Remote(self.issuer, self.trust, **headers)

    def raw(self, request: bytes) -> bytes:
        """Return the response to these bytes."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        link = self.trust.wrap_socket(plain, server_hostname="localhost")
        link.sendall(request)
        return hear(link)


@pytest.fixture
def fronted(tmp_path: Path, configure: Callable[..., Settings], idp: Idp, authority: Certificate) -> Iterator[Fronted]:
    """Run `idp run` behind nginx, with the file that `idp deploy nginx` prints. At `mtls_port` it asks for certificates."""
    port, plain_port, own_port, mtls_port = (free_port() for _ in range(4))
    server = {
        "bind": f"127.0.0.1:{own_port}",
        "workers": 1,
        "trusted_proxies": ["127.0.0.1"],
        "client_certificate_header": HEADER,
        "client_certificate_verified_header": VERIFIED,
        "client_certificate_address": f"https://localhost:{mtls_port}",
    }
    (tmp_path / "client-authorities.pem").write_text(authority.pem)
    settings = configure(issuer=f"https://localhost:{port}", server=server)
    file = write_config(settings, tmp_path)
    text = idp("deploy", "nginx", "--config", str(file)).stdout
    trust = nginx.make_certificate(tmp_path)
    for printed, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain_port};"),
        ("    listen [::]:80;\n", ""),
        (f"listen {port} ssl", f"listen 127.0.0.1:{port} ssl"),
        (f"    listen [::]:{port} ssl http2;\n", ""),
        (f"listen {mtls_port} ssl", f"listen 127.0.0.1:{mtls_port} ssl"),
        (f"    listen [::]:{mtls_port} ssl http2;\n", ""),
        ("/etc/ssl/sleutel/", f"{tmp_path}/"),
    ):
        assert printed in text
        text = text.replace(printed, here)
    with started(file, "run") as process, nginx.running(text, tmp_path, port):
        wait_for_port(process, own_port)
        status, _, headers = ask(plain_port, "/account?x=1")
        assert (status, headers["location"]) == (301, f"{settings.issuer}/account?x=1")
        yield Fronted(settings.issuer, port, trust, settings)


def test_users_sign_in_through_nginx(fronted: Fronted, factory: Factory) -> None:
    """Sign-in, tokens and userinfo work through TLS. The audit log has the address that nginx saw, not a forged one."""
    jan, made = factory.make_user(factory.make_organisation()), factory.make_client()
    app = fronted.app(**{"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http"})
    browser = Browser(app, fronted.issuer)
    party = RelyingParty(app, fronted.issuer, made.client_id, made.redirect_uri, secret=made.secret)
    browser.open(party.authorize_url(scope="openid"))
    assert browser.headers["Strict-Transport-Security"] == HSTS
    browser.fill(username=jan.username, password=jan.password).submit().submit("Not now")
    tokens = party.callback(browser.left_for, browser.left_with)
    assert tokens.acr == "pwd"
    assert party.userinfo()["sub"] == jan.id
    with factory.context():
        addresses = {row.address for row in audit.rows(jan.organisation_id) if row.event == Event.SIGNED_IN}
    assert addresses == {"127.0.0.1"}


def test_apps_prove_themselves_by_certificate_through_nginx(
    fronted: Fronted, factory: Factory, authority: Certificate, tmp_path: Path
) -> None:
    """RFC 8705 §2: nginx verifies chains, passes what nobody issued too, and writes over headers from outside."""
    factory.settings = fronted.settings
    till, kiosk = Certificate("CN=till", issuer=authority), Certificate("CN=till")
    common = {"grant_types": ["client_credentials"]}
    factory.make_client("till", **common, token_endpoint_auth_method="tls_client_auth", tls_client_auth_subject_dn="CN=till")
    own = {"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": {"keys": [kiosk.jwk]}}
    factory.make_client("kiosk", **common, **own)

    def ask_token(client_id: str, base: str, shown: Certificate | None, **headers: str) -> int:
        trust = ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem"))
        if shown is not None:
            (tmp_path / "app.pem").write_text(shown.pem_with_key)
            trust.load_cert_chain(tmp_path / "app.pem")
        client = Remote(base, trust, **headers).test_client(use_cookies=False)
        form = {"grant_type": "client_credentials", "client_id": client_id}
        return int(client.post("/oauth/token", base_url=base, data=form).status_code)

    mtls, issuer = fronted.settings.server.client_certificate_address, fronted.issuer
    assert ask_token("till", mtls, till) == 200
    assert ask_token("kiosk", mtls, kiosk) == 200
    assert ask_token("till", mtls, kiosk) == 401, "no authority issued it"
    assert ask_token("kiosk", mtls, till) == 401
    for base in (mtls, issuer):
        assert ask_token("till", base, None, **till.passed()) == 401, "headers from outside"
        assert ask_token("till", base, None) == 401
    assert ask_token("till", issuer, till) == 401, "nginx asks for certificates at the other address only"
    page = Remote(mtls, fronted.trust).test_client().get("/oauth/authorize", base_url=mtls)
    assert page.status_code == 404, "no pages for people there"


def test_limits_of_nginx_are_wider_than_ours(fronted: Fronted) -> None:
    """Sleutel itself refuses what is too long for it. nginx refuses what two servers could read differently."""
    longest = 64_000
    line = b"GET /oauth/authorize?client_id=x&id_token_hint=" + b"a" * longest + b" HTTP/1.1\r\n"
    end = b"Host: localhost\r\nConnection: close\r\n\r\n"
    answer = fronted.raw(line + end)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"content-security-policy: " in answer.lower(), "the response must be our page"
    body = b"x" * (fronted.settings.server.max_body_bytes + 1)
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(body)
    answer = fronted.raw(b"POST /oauth/token HTTP/1.1\r\n" + form + end + body)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"error"' in answer
    both = b"POST /oauth/token HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n" + end + b"0\r\n\r\n"
    assert fronted.raw(both).startswith(b"HTTP/1.1 400 ")


def test_only_static_files_are_compressed(fronted: Fronted) -> None:
    """BREACH: a page with a token against forged requests must never be compressed."""
    client = fronted.app(**{"Accept-Encoding": "gzip"}).test_client()
    page = client.get("/", base_url=fronted.issuer, follow_redirects=True)
    assert page.status_code == 200
    assert "Content-Encoding" not in page.headers
    static = next(part for part in page.get_data(as_text=True).split('"') if part.startswith("/static/") and ".css" in part)
    assert client.get(static, base_url=fronted.issuer).headers["Content-Encoding"] == "gzip"
