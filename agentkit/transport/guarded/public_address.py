"""Decide whether an IP address belongs to the public internet.

In:  an address as text, as the system's resolver or a socket returns it.
Out: True or False.

A request to an address that is not public can reach what only this machine may reach: a database on
loopback, a router, the metadata service of a cloud (server-side request forgery).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All IPv6 addresses that may be public; outside are loopback, `::ffff:0:0/96` (IPv4-mapped), the
deprecated `::/96`, NAT64 (RFC 6052), link-local, site-local, unique local and multicast ones."""

_NOT_PUBLIC_V6: Sequence[IPv6Network] = (
    IPv6Network("2001::/23"),  # RFC 2928: protocols, such as Teredo, which carries an IPv4 address
    IPv6Network("2001:db8::/32"),  # RFC 3849: documentation
    IPv6Network("2002::/16"),  # RFC 3056: 6to4, which carries an IPv4 address
    IPv6Network("3fff::/20"),  # RFC 9637: documentation
)
_NOT_PUBLIC_V4: Sequence[IPv4Network] = (
    IPv4Network("168.63.129.16/32"),  # Azure serves a machine's metadata on this public address
    IPv4Network("192.0.0.0/24"),  # RFC 6890: protocols; Oracle's cloud has metadata there
    IPv4Network("192.88.99.0/24"),  # RFC 7526: relays of 6to4
    IPv4Network("224.0.0.0/4"),  # RFC 5771: multicast, which Python takes for global
)


def is_public_address(address: str) -> bool:
    """Return whether an address is one of the public internet; False for anything else.

    Addresses that only carry another address (IPv4-mapped, NAT64, 6to4, Teredo) are not public,
    whatever they carry: no name of the public internet has one.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return parsed.is_global and not any(parsed in one for one in _NOT_PUBLIC_V4)
    return _is_public_v6(parsed)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in one for one in _NOT_PUBLIC_V6)
