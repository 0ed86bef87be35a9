"""Describe an IP address in words: its network and no more. Asks no outside list. Pure."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from idp.errors import Message, say

LOCAL = tuple(
    ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10")
)


def in_words(address: str) -> Message:
    """Return the words for an address: this machine, a local network, or the masked network; unknown for none."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return say("Unknown place")
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if found.is_loopback:
        return say("This machine")
    if any(found in network for network in LOCAL):
        return say("Local network %(network)s", network=_masked(found))
    return say("Network %(network)s", network=_masked(found))


def _masked(address: IPv4Address | IPv6Address) -> str:
    """Mask IPv4's last number, or all but the first 48 bits of IPv6: enough to recognise, too little to identify anyone."""
    if isinstance(address, IPv4Address):
        return f"{str(address).rpartition('.')[0]}.*"
    return f"{':'.join(part.lstrip('0') or '0' for part in address.exploded.split(':')[:3])}:*"
