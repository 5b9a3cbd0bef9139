"""The hosts of a fetch: only public ones, each resolved once, and what was checked is what is connected to.

In: the parts of an address. Out: a connection, kept for the next file, or `Refused` with the reason.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from queue import LifoQueue

import truststore
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.util import Url

from retail.outside.limits import FetchLimits

PORTS = {"http": 80, "https": 443}
GIVE_UP_AFTER = 8  # attempts to reach a host that never answered; thousands of its addresses would wait in vain
# Not private by their numbers, and still only of this machine's neighbourhood: Oracle's and Azure's metadata services.
INTERNAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "168.63.129.16/32")))
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # all that is given out
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 as a network of IPv6 alone writes it


class Refused(Exception):
    """Why an address gives no file, in one sentence."""


class Hosts:
    """The hosts of one fetch, each resolved and checked once: what was checked is what is connected to."""

    def __init__(self, limits: FetchLimits, allow_private: bool) -> None:
        self.limits, self._allow_private = limits, allow_private
        self._known: dict[tuple[str, str, int], Host] = {}

    def of(self, url: Url) -> Host:
        """The host of an address, resolved when it is first asked for."""
        scheme, name = url.scheme or "http", (url.host or "").strip("[]")
        key = (scheme, name, url.port or PORTS[scheme])
        return self._known.get(key) or self._known.setdefault(key, Host(*key, self))

    def refusal(self, name: str, addresses: Sequence[str]) -> str:
        """Why the host's addresses may not be connected to, "" when they may."""
        private = [address for address in addresses if not (self._allow_private or is_public(address))]
        if not private:
            return ""
        return f"{name} leads to {private[0]}, which is not on the public internet; put the file into the folder."

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """What this machine itself trusts, a company's own certificates included; Python on a Mac comes with none."""
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    def close(self) -> None:
        """Ends every connection."""
        for host in self._known.values():
            host.close()


class Host:
    """One host, its addresses and the few connections that are kept to it."""

    def __init__(self, scheme: str, name: str, port: int, hosts: Hosts) -> None:
        self.scheme, self.name, self.port, self._hosts = scheme, name, port, hosts
        self._silent = 0  # attempts in a row that nobody answered
        self._free: LifoQueue[HTTPConnection | None] = LifoQueue()
        for _ in range(hosts.limits.at_once_from_a_host):
            self._free.put(None)
        self.addresses: list[str] = []
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            self._unusable = f"The host {name} is not known; check the address and the network."
        else:
            self.addresses = list(dict.fromkeys(str(place[4][0]) for place in found))
            self._unusable = hosts.refusal(name, self.addresses)

    @property
    def refusal(self) -> str:
        """Why nothing is fetched from here, "" when it may be."""
        if self._silent >= GIVE_UP_AFTER:
            return f"{self.name} did not answer {GIVE_UP_AFTER} times in a row, so it was not asked again; try later."
        return self._unusable

    @contextmanager
    def connection(self) -> Iterator[HTTPConnection]:
        """A connection of its own, kept for the next file when the block ends well; raises Refused."""
        connection = self._free.get()
        try:
            if connection and not connection.is_connected:  # the host has closed it
                connection.close()
                connection = None
            connection = connection or self._connected()
            yield connection
        except BaseException:
            if connection:
                connection.close()
            connection = None
            raise
        finally:
            self._free.put(connection)

    def close(self) -> None:
        """Ends the connections that are kept."""
        while not self._free.empty():
            if connection := self._free.get():
                connection.close()

    def _connected(self) -> HTTPConnection:
        """A new connection to the first address that answers, which is tried first next time."""
        if sentence := self.refusal:
            raise Refused(sentence)
        limits = self._hosts.limits
        for address in list(self.addresses):
            connection = self._to(address, limits.connect_seconds)
            try:
                connection.connect()
            except ssl.SSLError as error:
                reason = getattr(error, "verify_message", "") or error.reason or "no agreement"
                raise Refused(f"No safe connection to {self.name} ({reason}); check the address.") from None
            except (NewConnectionError, ConnectTimeoutError, OSError):
                continue
            connection.timeout = limits.file_seconds
            self.addresses = [address, *(other for other in self.addresses if other != address)]
            self._silent = 0
            return connection
        self._silent += 1
        seconds = f"{limits.connect_seconds:g} seconds"
        raise Refused(f"{self.name} cannot be reached within {seconds}; try later (proxies are not used).")

    def _to(self, address: str, seconds: float) -> HTTPConnection:
        if self.scheme == "http":
            return HTTPConnection(address, self.port, timeout=seconds)
        trust = self._hosts.trust  # the certificate must be the host's, though its address is connected to
        return HTTPSConnection(address, self.port, timeout=seconds, ssl_context=trust, server_hostname=self.name)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet, also where it is an IPv4 address written as IPv6."""
    number = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(number, ipaddress.IPv6Address):
        inner = number.ipv4_mapped or (ipaddress.IPv4Address(number.packed[-4:]) if number in NAT64 else None)
        if inner is None:
            return number in GLOBAL_V6 and number.is_global and number.sixtofour is None
        number = inner
    internal = any(number in network for network in INTERNAL)
    return number.is_global and not (number.is_multicast or number.is_reserved or internal)
