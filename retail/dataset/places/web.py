"""Photos and sounds behind web addresses: fetched only when somebody asks, from public hosts, and kept.

In: addresses. Out: files in the home folder, and a sentence for each address that gave none. Proxies of the environment
are not used: a proxy would resolve the host anew, and what was checked here would not be what answers.
"""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, zip_longest
from pathlib import Path, PurePosixPath
from queue import LifoQueue
from threading import Timer
from typing import Literal
from urllib.parse import urljoin

import truststore
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationParseError, NewConnectionError
from urllib3.response import HTTPResponse
from urllib3.util import Url, parse_url

from retail import __version__
from retail.dataset.places.names import MEDIA_ENDINGS, SCHEMES
from retail.files import home, whole_file
from retail.media import MAX_FILE_BYTES
from retail.schema import Progress

REDIRECTS = (301, 302, 303, 307, 308)
PORTS = {"http": 80, "https": 443}
GIVE_UP_AFTER = 8  # attempts to reach a host that never answered; thousands of its addresses would wait in vain
CHUNK_BYTES = 2**16
KIND_WORDS = {"image": "photo", "audio": "sound"}
# What a server says it sends when it is surely neither; many call every file application/octet-stream.
FOREIGN_TYPES = {"image": ("text/", "audio/", "video/"), "audio": ("text/", "image/")}
WEB_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--", b"<?xml")
# Not private by their numbers, and still only of this machine's neighbourhood: Oracle's and Azure's metadata services.
INTERNAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "168.63.129.16/32")))
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # all that is given out
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # IPv4 as a network of IPv6 alone writes it


@dataclass(frozen=True)
class Limits:
    """What a fetch may take."""

    addresses: int = 20_000  # fetched in one go; the next go takes the others
    file_bytes: int = MAX_FILE_BYTES
    connect_seconds: float = 5
    file_seconds: float = 30  # from the request to the last byte, redirects included
    at_once: int = 8
    at_once_from_a_host: int = 4
    redirects: int = 3


@dataclass(frozen=True)
class Fetched:
    """What a fetch did: files fetched, addresses without a file and why, files kept from before, addresses left."""

    count: int
    failures: list[tuple[str, str]]
    kept: int = 0
    left: int = 0


class _Refused(Exception):
    """Why an address gives no file, in one sentence."""


def fetched_folder() -> Path:
    """Where fetched files are kept."""
    return home() / "fetched"


def cached(address: str) -> Path | None:
    """The file that was fetched from an address, if there is one."""
    path = _place(address)
    return path if path.is_file() else None


def fetch(
    addresses: Sequence[str],
    kind: Literal["image", "audio"],
    progress: Progress | None = None,
    limits: Limits | None = None,
    allow_private: bool = False,
) -> Fetched:
    """Fetches what is not kept yet; whatever goes wrong with an address is among the failures, in order.

    `allow_private` is for tests with a server of their own; no page and no option sets it.
    """
    limits = limits or Limits()
    distinct = list(dict.fromkeys(addresses))
    wanted = [address for address in distinct if not cached(address)]
    now = wanted[: limits.addresses]
    hosts, failures = _Hosts(limits, allow_private), {}
    workers = ThreadPoolExecutor(limits.at_once, thread_name_prefix="fetch")
    try:
        waiting = {workers.submit(_failure, address, kind, hosts): address for address in _spread(now)}
        for done, finished in enumerate(as_completed(waiting), start=1):
            if sentence := finished.result():
                failures[waiting[finished]] = sentence
            if progress:
                progress("fetching", done, len(now))
    finally:
        workers.shutdown(cancel_futures=True)
        hosts.close()
    listed = [(address, failures[address]) for address in now if address in failures]
    return Fetched(len(now) - len(listed), listed, len(distinct) - len(wanted), len(wanted) - len(now))


def _place(address: str) -> Path:
    path = address.partition("#")[0].partition("?")[0]
    ending = PurePosixPath(path).suffix.lower()
    name = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
    return (fetched_folder() / f"{name}{ending if ending in MEDIA_ENDINGS else ''}").absolute()


def _spread(addresses: Sequence[str]) -> list[str]:
    """The addresses with their hosts in turn, so that no host is asked for everything at once."""
    by_host: dict[str, list[str]] = {}
    for address in addresses:
        by_host.setdefault(address.split("/")[2].lower() if address.count("/") > 1 else "", []).append(address)
    return [address for address in chain.from_iterable(zip_longest(*by_host.values())) if address]


def _failure(address: str, kind: str, hosts: _Hosts) -> str:
    """Fetches one file; the sentence why there is none, "" when it is there."""
    try:
        try:
            content = _download(address, kind, hosts)
        except ConnectionError:  # a host may close a kept connection in the very moment of the next request
            content = _download(address, kind, hosts)
    except Exception as error:  # a stranger's server answers: whatever comes concerns this address alone
        return _sentence(error, hosts.limits)
    try:
        with whole_file(_place(address)) as partial:
            partial.write_bytes(content)
    except OSError as error:
        return f"The file could not be kept ({error.strerror or error}); check the disk."
    return ""


def _sentence(error: Exception, limits: Limits) -> str:
    if isinstance(error, _Refused):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"The file did not come within {limits.file_seconds:g} seconds; try again, or fetch it by hand."
    if isinstance(error, LocationParseError | UnicodeError):
        return "This is not a usable web address; fix it, or leave the cell empty."
    if isinstance(error, HTTPError | http.client.HTTPException | OSError):
        return "The connection broke off; try again, or fetch the file by hand."
    return f"The answer could not be read ({type(error).__name__}); fetch the file by hand."


def _download(address: str, kind: str, hosts: _Hosts) -> bytes:
    """The content behind an address, over checked hosts alone; raises _Refused, OSError or what urllib3 raises."""
    left, place = hosts.limits.file_seconds, address
    for _ in range(hosts.limits.redirects + 1):
        url = _parsed(place)
        with hosts.of(url).connection() as connection, _hung_up_after(left, connection) as until:
            headers = {"Host": url.netloc or "", "User-Agent": f"retail/{__version__}", "Accept-Encoding": "identity"}
            connection.request("GET", url.request_uri, headers=headers, preload_content=False, decode_content=False)
            response = connection.getresponse()
            if response.status not in REDIRECTS:
                return _content(response, kind, hosts.limits)
            connection.close()  # the page that comes with a redirect is not read
            left = until - time.monotonic()
        place = urljoin(url.url, response.headers.get("Location", ""))
    raise _Refused(f"The address is redirected more than {hosts.limits.redirects} times; name the last address.")


def _parsed(address: str) -> Url:
    if not address.lower().startswith(SCHEMES):
        raise _Refused(f"The address leads to {address[:80]!r}, but only http and https are fetched; name another.")
    url = parse_url(address)
    if not url.host:
        raise LocationParseError(address)
    if url.auth:
        raise _Refused("The address holds a user's name or password; fetch the file by hand.")
    return url


@contextmanager
def _hung_up_after(seconds: float, connection: HTTPConnection) -> Iterator[float]:
    """Ends a connection in time, though its server sends a byte now and then; raises TimeoutError."""
    until = time.monotonic() + seconds
    if seconds <= 0:
        raise TimeoutError

    def hang_up() -> None:
        with suppress(OSError, AttributeError):  # it may be closed already
            connection.sock.shutdown(socket.SHUT_RDWR)

    timer = Timer(seconds, hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield until
    except Exception:
        if time.monotonic() >= until:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
    if time.monotonic() >= until:  # what came may be cut off
        raise TimeoutError


def _content(response: HTTPResponse, kind: str, limits: Limits) -> bytes:
    if response.status != 200:
        reason = f" ({response.reason})" if response.reason else ""
        raise _Refused(f"The server answers {response.status}{reason[:60]}; check the address.")
    if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise _Refused("The server sends the file packed, though it was not asked to; fetch it by hand.")
    too_large = f"The file is larger than {limits.file_bytes / 2**20:g} MB; name a smaller one."
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:20]) > limits.file_bytes:
        raise _Refused(too_large)
    content = bytearray()
    while piece := response.read1(CHUNK_BYTES):
        content += piece
        if len(content) > limits.file_bytes:
            raise _Refused(too_large)
    return _checked(bytes(content), response.headers.get("Content-Type", "").lower(), kind)


def _checked(content: bytes, content_type: str, kind: str) -> bytes:
    """The content, unless it surely is no photo or sound; it is decoded when the data are read."""
    word = KIND_WORDS[kind]
    if not content:
        raise _Refused(f"The server sends an empty file, not a {word}; check the address.")
    if content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(WEB_PAGE) or "html" in content_type:
        raise _Refused(f"The server sends a web page, not a {word}; name the address of the {word} itself.")
    if content_type.startswith((*FOREIGN_TYPES[kind], "application/json", "application/xml")):
        raise _Refused(f"The server sends {content_type[:60]!r}, not a {word}; name the address of the {word} itself.")
    return content


class _Hosts:
    """The hosts of one fetch, each resolved and checked once: what was checked is what is connected to."""

    def __init__(self, limits: Limits, allow_private: bool) -> None:
        self.limits, self._allow_private = limits, allow_private
        self._known: dict[tuple[str, str, int], _Host] = {}

    def of(self, url: Url) -> _Host:
        """The host of an address, resolved when it is first asked for."""
        scheme, name = url.scheme or "http", (url.host or "").strip("[]")
        key = (scheme, name, url.port or PORTS[scheme])
        return self._known.get(key) or self._known.setdefault(key, _Host(*key, self))

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


class _Host:
    """One host, its addresses and the few connections that are kept to it."""

    def __init__(self, scheme: str, name: str, port: int, hosts: _Hosts) -> None:
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
        """A connection of its own, kept for the next file when the block ends well; raises _Refused."""
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
            raise _Refused(sentence)
        limits = self._hosts.limits
        for address in list(self.addresses):
            connection = self._to(address, limits.connect_seconds)
            try:
                connection.connect()
            except ssl.SSLError as error:
                reason = getattr(error, "verify_message", "") or error.reason or "no agreement"
                raise _Refused(f"No safe connection to {self.name} ({reason}); check the address.") from None
            except (NewConnectionError, ConnectTimeoutError, OSError):
                continue
            connection.timeout = limits.file_seconds
            self.addresses = [address, *(other for other in self.addresses if other != address)]
            self._silent = 0
            return connection
        self._silent += 1
        seconds = f"{limits.connect_seconds:g} seconds"
        raise _Refused(f"{self.name} cannot be reached within {seconds}; try later (proxies are not used).")

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
