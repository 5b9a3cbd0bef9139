"""Photos and sounds behind web addresses: fetched only when somebody asks, from public hosts, and kept.

In: addresses. Out: files in the home folder, and a sentence for each address that gave none. Proxies of the environment
are not used: a proxy would resolve the host anew, and what was checked here would not be what answers.
"""

from __future__ import annotations

import hashlib
import http.client
import socket
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path, PurePosixPath
from threading import Timer
from urllib.parse import urljoin

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, LocationParseError
from urllib3.response import HTTPResponse
from urllib3.util import Url, parse_url

from retail import __version__
from retail.dataset.places.hosts import Hosts, Refused
from retail.dataset.places.names import MEDIA_ENDINGS, SCHEMES, Kind
from retail.files import home, whole_file
from retail.outside.limits import FetchLimits
from retail.schema import Progress
from retail.wording import INPUT_WORDS

REDIRECTS = (301, 302, 303, 307, 308)
CHUNK_BYTES = 2**16
# What a server says it sends when it is surely neither; many call every file application/octet-stream.
FOREIGN_TYPES = {"image": ("text/", "audio/", "video/"), "audio": ("text/", "image/")}
WEB_PAGE = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--", b"<?xml")


@dataclass(frozen=True)
class Fetched:
    """What a fetch did: files fetched, addresses without a file and why, files kept from before, addresses left."""

    count: int
    failures: list[tuple[str, str]]
    kept: int = 0
    left: int = 0


def fetched_folder() -> Path:
    """Where fetched files are kept."""
    return home() / "fetched"


def cached(address: str) -> Path | None:
    """The file that was fetched from an address, if there is one."""
    path = _place(address)
    return path if path.is_file() else None


def fetch(
    addresses: Sequence[str],
    kind: Kind,
    progress: Progress | None = None,
    limits: FetchLimits | None = None,
    allow_private: bool = False,
) -> Fetched:
    """Fetches what is not kept yet; whatever goes wrong with an address is among the failures, in order.

    `allow_private` is for tests with a server of their own; no page and no option sets it.
    """
    limits = limits or FetchLimits()
    distinct = list(dict.fromkeys(addresses))
    wanted = [address for address in distinct if not cached(address)]
    now = wanted[: limits.addresses]
    hosts, failures = Hosts(limits, allow_private), {}
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


def _failure(address: str, kind: Kind, hosts: Hosts) -> str:
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


def _sentence(error: Exception, limits: FetchLimits) -> str:
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"The file did not come within {limits.file_seconds:g} seconds; try again, or fetch it by hand."
    if isinstance(error, LocationParseError | UnicodeError):
        return "This is not a usable web address; fix it, or leave the cell empty."
    if isinstance(error, HTTPError | http.client.HTTPException | OSError):
        return "The connection broke off; try again, or fetch the file by hand."
    return f"The answer could not be read ({type(error).__name__}); fetch the file by hand."


def _download(address: str, kind: Kind, hosts: Hosts) -> bytes:
    """The content behind an address, over checked hosts alone; raises Refused, OSError or what urllib3 raises."""
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
    raise Refused(f"The address is redirected more than {hosts.limits.redirects} times; name the last address.")


def _parsed(address: str) -> Url:
    if not address.lower().startswith(SCHEMES):
        raise Refused(f"The address leads to {address[:80]!r}, but only http and https are fetched; name another.")
    url = parse_url(address)
    if not url.host:
        raise LocationParseError(address)
    if url.auth:
        raise Refused("The address holds a user's name or password; fetch the file by hand.")
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


def _content(response: HTTPResponse, kind: Kind, limits: FetchLimits) -> bytes:
    if response.status != 200:
        reason = f" ({response.reason})" if response.reason else ""
        raise Refused(f"The server answers {response.status}{reason[:60]}; check the address.")
    if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise Refused("The server sends the file packed, though it was not asked to; fetch it by hand.")
    too_large = f"The file is larger than {limits.file_bytes / 2**20:g} MB; name a smaller one."
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length[:20]) > limits.file_bytes:
        raise Refused(too_large)
    content = bytearray()
    while piece := response.read1(CHUNK_BYTES):
        content += piece
        if len(content) > limits.file_bytes:
            raise Refused(too_large)
    return _checked(bytes(content), response.headers.get("Content-Type", "").lower(), kind)


def _checked(content: bytes, content_type: str, kind: Kind) -> bytes:
    """The content, unless it surely is no photo or sound; it is decoded when the data are read."""
    word = INPUT_WORDS[kind]
    if not content:
        raise Refused(f"The server sends an empty file, not a {word}; check the address.")
    if content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(WEB_PAGE) or "html" in content_type:
        raise Refused(f"The server sends a web page, not a {word}; name the address of the {word} itself.")
    if content_type.startswith((*FOREIGN_TYPES[kind], "application/json", "application/xml")):
        raise Refused(f"The server sends {content_type[:60]!r}, not a {word}; name the address of the {word} itself.")
    return content
