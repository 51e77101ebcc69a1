"""Where a webhook may point to: pure rules on a URL and on the addresses of its host.

`is_global` of the standard library lets some through that lead back inside or
nowhere: multicast, and IPv6 addresses that carry an IPv4 one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address, ip_network

from services.errors import WebhookUrlRefused

LONGEST_URL = 2000
LEAST_FREE_PORT = 1024
DEFAULT_PORTS = {"https": 443, "http": 80}
_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_][a-z0-9._-]*)"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!\"$-~]*)?(?P<query>\?[!\"$-~]*)?",
    re.IGNORECASE | re.ASCII,
)
_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC = [
    ip_network(each)
    for each in (
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # relays from IPv6
        "168.63.129.16/32",  # a cloud's own services, under a public address
        "2001::/23",  # protocol assignments, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",
    )
]


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts, read once."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"


def target_of(url: str, *, allow_private: bool = False) -> Target:
    """The URL's parts; WebhookUrlRefused with what to do if it may be no webhook's."""
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        raise WebhookUrlRefused(
            "Give a URL like https://hooks.example.com/viva: a host's name in ASCII, without user, password or "
            f"fragment, and at most {LONGEST_URL} characters in all."
        )
    scheme = found["scheme"].lower()
    port = int(found["port"] or DEFAULT_PORTS[scheme])
    if not allow_private:
        _check(scheme, port)
    if not 0 < port < 65536:
        raise WebhookUrlRefused("The URL's port is none. Leave it away, or give one from 1 to 65535.")
    path = (found["path"] or "/") + (found["query"] or "")
    return Target(scheme, found["host"].lower(), port, path)


def _check(scheme: str, port: int) -> None:
    if scheme != "https":
        raise WebhookUrlRefused("Webhooks go to https only. Give a URL that begins with https://.")
    if port != DEFAULT_PORTS["https"] and port < LEAST_FREE_PORT:
        raise WebhookUrlRefused(f"This port belongs to another service. Use 443, or {LEAST_FREE_PORT} and above.")


def check_addresses(addresses: Iterable[str], *, allow_private: bool = False) -> list[str]:
    """The addresses, if there are any and each is public; WebhookUrlRefused if a single one is not."""
    found = list(dict.fromkeys(addresses))
    if not found:
        raise WebhookUrlRefused("The URL's host has no address. Check its name, and that it is known everywhere.")
    if not allow_private and not all(map(is_public, found)):
        raise WebhookUrlRefused("The URL's host has an address that is not public. Use one that is reachable from all.")
    return found


def is_public(address: str) -> bool:
    """Whether the address is one host's on the public internet, without a doubt."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if not found.is_global or found.is_multicast or found.is_reserved:
        return False
    if not isinstance(found, IPv4Address) and found not in _UNICAST:
        return False
    return not any(_holds(network, str(found)) for network in _NOT_PUBLIC)


def _holds(network: IPv4Network | IPv6Network, address: str) -> bool:
    found = ip_address(address)
    return found.version == network.version and found in network
