"""``[metrics] listen`` serves figures for Prometheus about all processes of the server."""

import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

from idp.config import Settings
from tests.cli.conftest import Idp
from tests.drivers.browser import Browser
from tests.drivers.crowd import write_config
from tests.drivers.idp_process import ask, children, started, stop, until, wait_for_port
from tests.drivers.machine import free_port
from tests.drivers.relying_party import RelyingParty
from tests.drivers.remote import Remote
from tests.factories import Factory


def figures(port: int) -> dict[str, float]:
    """Return each value by its name with labels."""
    status, body, _ = ask(port, "/metrics")
    assert status == 200
    lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}


def test_figures_count_events_of_all_processes(tmp_path: Path, configure: Callable[..., Settings], factory: Factory) -> None:
    """Sign-ins, tokens, latencies, hashes, the outbox and restarts are counted. No label names a user."""
    port, own = free_port(), free_port()
    issuer = f"http://localhost:{port}"
    server, at = {"bind": f"127.0.0.1:{port}", "workers": 2}, {"listen": f"127.0.0.1:{own}"}
    file = write_config(configure(issuer=issuer, server=server, metrics=at), tmp_path)
    jan, made = factory.make_user(factory.make_organisation(), email="jan@shoes.example"), factory.make_client()
    with started(file, "run", "--no-mail") as process:
        wait_for_port(process, port)
        wait_for_port(process, own)
        browser = Browser(Remote(issuer), issuer)
        party = RelyingParty(Remote(issuer), issuer, made.client_id, made.redirect_uri, secret=made.secret)
        browser.open(party.authorize_url(scope="openid"))
        browser.fill(username=jan.username, password="not this one at all").submit()
        browser.fill(username=jan.username, password=jan.password).submit().submit("Not now")
        party.callback(browser.left_for, browser.left_with)
        for path in ("/nothing/here/7f3a", "/another/9c"):
            assert ask(port, path)[0] == 404
        assert ask(port, "/metrics")[0] == 404, "the public address must not serve figures"
        refused = 'sleutel_request_seconds_count{endpoint="pages",status="4xx"}'  # counted once the answer has left
        until(lambda: figures(own).get(refused) == 4, "the page of the wrong password counts too")
        seen = figures(own)
        assert seen['sleutel_sign_ins_total{acr="pwd",outcome="success"}'] == 1
        assert seen['sleutel_sign_ins_total{acr="",outcome="password:wrong"}'] == 1
        assert seen['sleutel_token_responses_total{grant="authorization_code"}'] == 1
        assert seen['sleutel_request_seconds_count{endpoint="/oauth/token",status="2xx"}'] == 1
        assert seen[refused] == 4
        assert seen["sleutel_hash_wait_seconds_count"] >= 2
        assert seen["sleutel_hashes_waiting"] == 0
        assert seen['sleutel_statement_seconds_count{kind="read"}'] > 10
        assert seen['sleutel_statement_seconds_count{kind="write"}'] > 5
        assert seen["sleutel_database_connections_in_use"] >= 0
        assert seen["sleutel_outbox_mails"] >= 0
        assert seen["sleutel_outbox_age_seconds"] >= 0
        labels = " ".join(re.findall(r'"([^"]*)"', " ".join(seen)))
        for word in (jan.id, jan.organisation_id, jan.username + "@", made.client_id, "127.0.0.1", "7f3a"):
            assert word not in labels
        os.kill(max(children(process)), signal.SIGKILL)
        until(
            lambda: any(name.startswith("sleutel_process_restarts_total{") for name in answered(own)),
            "no restart is counted",
        )
        stop(process)
    assert process.returncode == 0


def answered(port: int) -> dict[str, float]:
    """Return the figures, or none while no server answers."""
    try:
        return figures(port)
    except OSError:
        return {}


def test_figures_are_served_only_if_configured(idp: Idp) -> None:
    """They are off by default. A wrong address is reported."""
    assert idp.settings.metrics.listen == ""
    idp.config.write_text(idp.config.read_text() + '[metrics]\nlisten = "9100"\n')
    assert "metrics.listen: must be HOST:PORT" in idp("run", code=1).stderr
