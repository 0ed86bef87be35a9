"""Measure the time until each list of the console answers, in an organisation of many people, asked one after another."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from idp.store.organisation_lists import ORGANISATION_ORDERS, SHOP_ORDERS
from idp.store.user_states import ORDERS, STATES
from tests.benchmarks import chain
from tests.benchmarks.measure import percentile
from tests.benchmarks.peers.sleutel import IDP
from tests.benchmarks.report import Figure
from tests.benchmarks.target import PASSWORD, Target
from tests.drivers.browser import Browser
from tests.drivers.remote import Remote
from tests.drivers.set_up import set_up

OPERATOR = "ines"
GOAL_MS = 300
SHOWN = 12
"""How many of the slowest addresses are printed."""
SEARCHES = ("staff", "staff%209", "staff7777", "nobody", "example", "s")
ROLES = ("employee", "administrator")
CHAIN = "/admin/bench"
AUDITED = ("username=staff7", "client=bench", "address=192.0.2.7", "event=sign-ins", "event=wrong", "event=login:started")


@dataclass(frozen=True)
class Asked:
    """Hold how long an address took, in milliseconds: of several times, the middle and the longest."""

    address: str
    middle: float
    longest: float


def prepare(file: Path) -> None:
    """Make a chain of the people of a filled database, and add an operator, who may see everything."""
    chain.fill(file)
    command = [*IDP, "operator", "add", OPERATOR, "--email", "ines@example.com", "--config", str(file)]
    subprocess.run(command, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True)


def run(target: Target, times: int = 5) -> list[Figure]:
    """Ask every address so many times, and report those that took longest."""
    browser = Browser(Remote(target.issuer), target.issuer)
    _sign_in(browser)
    asked = [_measured(browser, address, times) for address in dict.fromkeys(_addresses(browser))]
    late = sum(one.longest > GOAL_MS for one in asked)
    print(f"{len(asked)} addresses of lists, {late} of them over {GOAL_MS} ms at least once; the slowest:")
    slowest = sorted(asked, key=lambda one: one.longest, reverse=True)[:SHOWN]
    return [Figure(one.address, {"middle ms": one.middle, "longest ms": one.longest}) for one in slowest]


def _sign_in(browser: Browser) -> None:
    browser.open("/admin/").fill(organisation="installation").submit()
    browser.fill(username=OPERATOR, password=PASSWORD).submit()
    set_up(browser)
    browser.open("/admin/")


def _measured(browser: Browser, address: str, times: int) -> Asked:
    taken = []
    for _ in range(1 + times):
        began = time.perf_counter()
        answer = browser.client.get(address, base_url=browser.issuer)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{address}: {answer.status}")
    warm = taken[1:] or taken  # the first finds no statement compiled
    return Asked(address, percentile(warm, 50), max(warm))


def _addresses(browser: Browser) -> Iterator[str]:
    """Name every list with its filters, searches, orders and pages."""
    for sort in ORGANISATION_ORDERS:
        yield from (f"/admin/?sort={sort}&q={q}" for q in ("", "chain", "1999", "chain%201", "nobody"))
    for page in ("overview", "apps", "keys", "mail", "ownership", "policies", "settings", "audit", "sessions", "shops"):
        yield from _pages(browser, f"{CHAIN}/{page}")
    yield from _pages(browser, f"{CHAIN}/groups")
    for first, sort in product(("shops", "groups"), SHOP_ORDERS):
        yield from (f"{CHAIN}/{first}?sort={sort}&q={q}" for q in ("", "1", "99", "shop", "group%209", "shop%201", "nobody"))
    yield from (f"{CHAIN}/people?state=factor&state=no_factor", f"{CHAIN}/people?state=passkey&state=no_passkey")
    for order in ORDERS:
        yield from _pages(browser, f"{CHAIN}/people?sort={order}")
        yield from (f"{CHAIN}/people?sort={order}&state={state}" for state in STATES)
        yield from (f"{CHAIN}/people?sort={order}&q={q}" for q in SEARCHES)
        yield from (f"{CHAIN}/people?sort={order}&role={role}&q=staff" for role in ROLES)
        yield from (f"{CHAIN}/people?sort={order}&state={state}&q=staff&role=employee" for state in STATES)
    yield from (f"{CHAIN}/sessions?username={name}" for name in ("staff777", "nobody"))
    yield from _of_one(browser)


def _of_one(browser: Browser) -> Iterator[str]:
    """Name the pages of one person, shop and group, the people of the last two, and filters of the audit log."""
    yield _first(browser, "people?q=staff7")
    for kind in ("shop", "group"):
        one = _first(browser, f"{kind}s")
        named = f"{kind}={one.rpartition('/')[2]}"
        yield one
        yield from _pages(browser, f"{CHAIN}/people?{named}")
        yield from (f"{CHAIN}/people?{named}&q=staff&sort={order}" for order in ORDERS)
    yield from _pages(browser, f"{CHAIN}/audit?shop={_first(browser, 'shops').rpartition('/')[2]}")
    for query in AUDITED:
        yield from _pages(browser, f"{CHAIN}/audit?{query}")


def _first(browser: Browser, page: str) -> str:
    """Return the address of the first entry of a list."""
    browser.open(f"{CHAIN}/{page}")
    inside = (href for href, _ in browser.page.links if href.startswith(f"{CHAIN}/{page.partition('?')[0]}/"))
    return next(href for href in inside if len(href.rpartition("/")[2]) == 26)


def _pages(browser: Browser, address: str) -> Iterator[str]:
    """Name an address, and its second page if there is one."""
    yield address
    browser.open(address)
    yield from [href for href, words in browser.page.links if words == "Next page"][:1]
