"""Read IP addresses as proxies and sockets write them, in one form: IPv4 also where IPv6 carries it."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
MAPPED = IPv6Network("::ffff:0:0/96")
"""RFC 4291 §2.5.5.2: an IPv4 address at a socket that serves both."""
LONGEST = 100
"""Characters. Proxies write at most 53: the longest IPv6 address, in brackets and with a port."""
WITH_PORT = re.compile(r"\[(?P<six>[^\]]*)\](?::(?P<port>\d{1,5}))?|(?P<four>[\d.]+):(?P<port4>\d{1,5})", re.ASCII)


def parse(text: str) -> Address | None:
    """Read an address, also with a port or in brackets. Returns None for no address, or one with a zone (local to one
    machine).
    """
    return _parse(text) if len(text) <= LONGEST else None


@lru_cache(maxsize=1024)
def _parse(text: str) -> Address | None:
    text = text.strip()
    if found := WITH_PORT.fullmatch(text):
        text = found["six"] or found["four"] or ""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def unmapped_network(network: Network) -> Network:
    """Return the IPv4 network of one that is written as mapped IPv6."""
    if isinstance(network, IPv6Network) and network.subnet_of(MAPPED):
        mapped = network.network_address.ipv4_mapped
        return ip_network(f"{mapped}/{network.prefixlen - 96}")
    return network


def client_address(peer: str, forwarded: str, proxies: Iterable[Network]) -> str:
    """Return the client's address, from the end of ``X-Forwarded-For``.

    Only entries of our own proxies are believed. Reading ends at an entry that is no address: the proxy that wrote it
    counts.
    """
    current = parse(peer)
    if current is None:
        return peer
    chain, trusted = forwarded.split(","), tuple(proxies)
    while chain and any(current in network for network in trusted):
        following = parse(chain.pop())
        if following is None:
            break
        current = following
    return str(current)
