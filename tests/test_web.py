"""Files behind web addresses, against a server of the test's own on loopback."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import urllib3.util.connection

from retail.dataset.fetching import fetch_addresses
from retail.dataset.places import web
from retail.dataset.places.hosts import is_public
from retail.dataset.places.web import Fetched, cached, fetch
from retail.dataset.reader import read_manifest
from retail.outside.limits import FetchLimits

JPEG = b"\xff\xd8\xff\xe0 a photo"
PUBLIC = "93.184.216.34"


@dataclass
class Shop:
    """A server, what was asked of it and how many files it was sending at once."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    connections: int = 0
    sending: int = 0
    dripped: int = 0
    most_sending: int = 0
    redirects: dict[str, str] = field(default_factory=dict)

    def at(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


def handler_of(shop: Shop) -> type[BaseHTTPRequestHandler]:
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            self.requests = 0
            with lock:
                shop.connections += 1
            super().setup()

        def log_message(self, *_: object) -> None:
            pass

        def answer(self, content: bytes, kind: str = "image/jpeg", status: int = 200, **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            for name, value in {"Content_Length": str(len(content)), **headers}.items():
                if value:
                    self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            with lock:
                shop.asked.append(self.path)
                shop.hosts.append(self.headers["Host"])
                shop.sending += 1
                shop.most_sending = max(shop.most_sending, shop.sending)
            try:
                self.serve(self.path.partition("?")[0])
            except OSError:
                self.close_connection = True  # the other side has hung up
            finally:
                with lock:
                    shop.sending -= 1

        def serve(self, path: str) -> None:
            self.requests += 1
            if path.startswith("/once") and self.requests > 1:
                self.close_connection = True
            elif path in shop.redirects:
                self.answer(b"moved", "text/html", 302, Location=shop.redirects[path])
            elif path.startswith("/slow"):
                time.sleep(0.05)
                self.answer(JPEG)
            elif path == "/page.jpg":
                self.answer(b"\n<!DOCTYPE html><p>Log in", "image/jpeg")
            elif path == "/fragment.jpg":
                self.answer(b"<p>Log in", "text/html; charset=utf-8")
            elif path == "/error.jpg":
                self.answer(b'{"error": 1}', "application/json")
            elif path == "/packed.jpg":
                self.answer(JPEG, Content_Encoding="gzip")
            elif path == "/empty.jpg":
                self.answer(b"")
            elif path == "/large.jpg":
                self.answer(JPEG + b"x" * 2**20)
            elif path == "/claims.jpg":
                self.answer(JPEG, Content_Length="99999999999")
            elif path == "/chunks.jpg":
                self.answer(
                    b"%x\r\n%b\r\n0\r\n\r\n" % (len(JPEG), JPEG), Content_Length="", Transfer_Encoding="chunked"
                )
            elif path == "/endless.jpg":
                self.answer(b"", Content_Length="", Connection="close")
                for _ in range(1100):
                    self.wfile.write(b"x" * 1000)
            elif path == "/short.jpg":
                self.answer(JPEG, Content_Length="500")
                self.close_connection = True
            elif path == "/drip.jpg":
                self.answer(b"", Content_Length="500")
                self.drip(b"x")
            elif path == "/header-drip.jpg":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
                self.drip(b"x")
            elif path == "/none.jpg":
                self.answer(b"<html>none", "text/html", 404)
            else:
                self.answer(JPEG)

        def drip(self, piece: bytes) -> None:
            for _ in range(100):
                self.wfile.write(piece)
                self.wfile.flush()
                shop.dripped += 1
                time.sleep(0.05)

    return Handler


@pytest.fixture
def shop() -> Iterator[Shop]:
    facts = Shop()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(facts))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # whoever hangs up on purpose breaks a connection
    facts.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield facts
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RETAIL_HOME", str(tmp_path / "home"))


@pytest.fixture
def internet(monkeypatch) -> dict[str, list]:
    """A resolver and a network of the test's own: names lead where it says, and every connection to this machine."""
    answers: dict[str, list] = {"shop.test": [[PUBLIC]], "connected": []}
    resolve, connect = socket.getaddrinfo, urllib3.util.connection.create_connection

    def resolved(name, port, *rest, **named):
        if name not in answers:
            return resolve(name, port, *rest, **named)
        found = answers[name].pop(0) if len(answers[name]) > 1 else answers[name][0]
        return [(socket.AF_INET6 if ":" in each else socket.AF_INET, 1, 6, "", (each, port)) for each in found]

    def connected(address, *rest, **named):
        answers["connected"].append(address[0])
        if address[0] in answers.get("dead", ()):
            raise ConnectionRefusedError("nobody is there")
        return connect(("127.0.0.1", address[1]), *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    monkeypatch.setattr(urllib3.util.connection, "create_connection", connected)
    return answers


def got(*addresses: str, kind: str = "image", limits: FetchLimits | None = None) -> Fetched:
    return fetch(addresses, kind, limits=limits, allow_private=True)


def sentence(address: str, kind: str = "image", limits: FetchLimits | None = None, allow_private: bool = True) -> str:
    result = fetch([address], kind, limits=limits, allow_private=allow_private)
    ((failed, said),) = result.failures
    assert failed == address and result.count == 0 and cached(address) is None
    assert not [path for path in web.fetched_folder().glob("*")], "nothing half done is left"
    return said


def test_files_are_fetched_once_and_kept(shop):
    addresses = [shop.at("/a.jpg?w=800"), shop.at("/b b.PNG"), shop.at("/photo/7"), shop.at("/chunks.jpg")]
    steps = []
    assert fetch([*addresses, addresses[0]], "image", lambda *step: steps.append(step), allow_private=True) == Fetched(
        4, []
    )
    assert [cached(address).read_bytes() for address in addresses] == [JPEG] * 4
    assert [cached(address).suffix for address in addresses] == [".jpg", ".png", "", ".jpg"]
    assert all(cached(address).parent == web.fetched_folder() for address in addresses)
    assert steps == [("fetching", done, 4) for done in (1, 2, 3, 4)]
    assert sorted(shop.asked) == ["/a.jpg?w=800", "/b%20b.PNG", "/chunks.jpg", "/photo/7"]
    assert got(*addresses) == Fetched(0, [], kept=4) and len(shop.asked) == 4, "a second fetch asks nobody"
    assert got(*addresses, shop.at("/new.jpg")) == Fetched(1, [], kept=4) and shop.asked[4:] == ["/new.jpg"]


def test_failures_come_in_order_and_the_rest_is_fetched(shop):
    bad, good = [shop.at("/none.jpg"), shop.at("/page.jpg")], [shop.at(f"/{place}.jpg") for place in range(5)]
    result = got(bad[0], *good, bad[1])
    assert result.count == 5 and [address for address, _ in result.failures] == bad


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/none.jpg", "The server answers 404 (Not Found); check the address."),
        ("/page.jpg", "The server sends a web page, not a photo; name the address of the photo itself."),
        ("/fragment.jpg", "The server sends a web page, not a photo; name the address of the photo itself."),
        ("/error.jpg", "The server sends 'application/json', not a photo; name the address of the photo itself."),
        ("/packed.jpg", "The server sends the file packed, though it was not asked to; fetch it by hand."),
        ("/empty.jpg", "The server sends an empty file, not a photo; check the address."),
        ("/large.jpg", "The file is larger than 1 MB; name a smaller one."),
        ("/claims.jpg", "The file is larger than 1 MB; name a smaller one."),
        ("/endless.jpg", "The file is larger than 1 MB; name a smaller one."),
        ("/short.jpg", "The connection broke off; try again, or fetch the file by hand."),
    ],
)
def test_what_is_no_photo_is_not_kept_and_said(shop, path, said):
    assert sentence(shop.at(path), limits=FetchLimits(file_bytes=2**20)) == said


def test_a_photo_is_no_sound(shop):
    assert sentence(shop.at("/a.jpg"), "audio").startswith("The server sends 'image/jpeg', not a sound")


@pytest.mark.parametrize("path", ["/drip.jpg", "/header-drip.jpg"])
def test_a_server_that_sends_a_byte_now_and_then_is_hung_up_on(shop, path):
    said = sentence(shop.at(path), limits=FetchLimits(file_seconds=0.4))
    assert said == "The file did not come within 0.4 seconds; try again, or fetch it by hand."
    assert shop.dripped < 100, "its end was not waited for"


def test_a_fetch_takes_so_many_addresses_and_the_next_goes_on(shop):
    addresses = [shop.at(f"/{place}.jpg") for place in range(5)]
    assert got(*addresses, limits=FetchLimits(addresses=2)) == Fetched(2, [], left=3)
    assert got(*addresses, limits=FetchLimits(addresses=2)) == Fetched(2, [], kept=2, left=1)
    assert got(*addresses, limits=FetchLimits(addresses=2)) == Fetched(1, [], kept=4)


def test_a_host_sends_four_files_at_once_over_connections_that_are_kept(shop):
    assert got(*(shop.at(f"/slow{place}.jpg") for place in range(24))).count == 24
    assert shop.most_sending == 4 and shop.connections == 4


def test_a_kept_connection_that_the_host_closes_is_made_anew(shop):
    assert got(*(shop.at(f"/once{place}.jpg") for place in range(6)), limits=FetchLimits(at_once=1)) == Fetched(6, [])
    assert shop.connections == 6


def test_hosts_take_turns(shop):
    addresses = [shop.at(f"/{place}.jpg", host) for host in ("127.0.0.1", "localhost") for place in range(3)]
    assert got(*addresses, limits=FetchLimits(at_once=1)).count == 6
    assert [host.split(":")[0] for host in shop.hosts] == ["127.0.0.1", "localhost"] * 3


def test_redirects_are_followed_three_times(shop):
    shop.redirects |= {
        "/1": "/2",
        "/2": shop.at("/3"),
        "/3": "/end.jpg",
        "/0": "/1",
        "/loop": "/loop",
        "/file": "file:///etc/x",
    }
    assert got(shop.at("/1")).count == 1 and cached(shop.at("/1")).read_bytes() == JPEG
    shutil.rmtree(web.fetched_folder())
    said = "The address is redirected more than 3 times; name the last address."
    assert sentence(shop.at("/0")) == said and sentence(shop.at("/loop")) == said
    assert "only http and https are fetched" in sentence(shop.at("/file"))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
def test_this_machine_is_not_asked(shop, host):
    said = sentence(shop.at("/a.jpg", host), allow_private=False)
    assert "is not on the public internet" in said or "is not known" in said
    assert shop.connections == 0


def test_a_public_host_must_not_send_one_into_the_private_network(shop, internet):
    shop.redirects |= {"/in": shop.at("/secret.jpg"), "/name": shop.at("/secret.jpg", "router.test"), "/out": "/a.jpg"}
    internet["router.test"] = [["192.168.1.1"]]
    assert "127.0.0.1, which is not on the public internet" in sentence(
        shop.at("/in", "shop.test"), allow_private=False
    )
    assert "router.test leads to 192.168.1.1" in sentence(shop.at("/name", "shop.test"), allow_private=False)
    assert fetch([shop.at("/out", "shop.test")], "image").count == 1
    assert "/secret.jpg" not in shop.asked and set(internet["connected"]) == {PUBLIC}


def test_one_private_address_among_public_ones_is_enough(shop, internet):
    internet["shop.test"] = [[PUBLIC, "10.0.0.1"]]
    assert "shop.test leads to 10.0.0.1" in sentence(shop.at("/a.jpg", "shop.test"), allow_private=False)
    assert not internet["connected"]


def test_a_name_that_changes_after_it_was_checked_changes_nothing(shop, internet):
    internet["shop.test"] = [[PUBLIC], ["127.0.0.1"]]
    shop.redirects["/0.jpg"] = "/a.jpg"
    addresses = [shop.at(f"/{place}.jpg", "shop.test") for place in range(3)]
    assert fetch(addresses, "image", limits=FetchLimits(at_once=1)).count == 3
    assert set(internet["connected"]) == {PUBLIC}, "the checked address is what is connected to"
    assert set(shop.hosts) == {f"shop.test:{shop.port}"}
    assert "127.0.0.1, which is not" in sentence_after(shop.at("/new.jpg", "shop.test")), "another fetch checks anew"


def sentence_after(address: str) -> str:
    return fetch([address], "image").failures[0][1]


def test_the_next_address_of_a_host_is_tried(shop, internet):
    internet |= {"shop.test": [["2606:2800:220:1::1", PUBLIC]], "dead": ["2606:2800:220:1::1"]}
    shop.redirects |= {"/0.jpg": "/a.jpg"}
    assert (
        fetch(
            [shop.at(f"/{place}.jpg", "shop.test") for place in range(3)], "image", limits=FetchLimits(at_once=1)
        ).count
        == 3
    )
    assert internet["connected"].count("2606:2800:220:1::1") == 1, "what answered is asked first from then on"


def test_a_silent_host_is_given_up(shop, internet):
    internet |= {"dead": [PUBLIC]}
    result = fetch(
        [shop.at(f"/{place}.jpg", "shop.test") for place in range(30)], "image", limits=FetchLimits(at_once=1)
    )
    said = Counter(said for _, said in result.failures)
    assert said == {
        "shop.test cannot be reached within 5 seconds; try later (proxies are not used).": 8,
        "shop.test did not answer 8 times in a row, so it was not asked again; try later.": 22,
    }
    assert len(internet["connected"]) == 8


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (
            "http://no-such-host.invalid/a.jpg",
            "The host no-such-host.invalid is not known; check the address and the network.",
        ),
        ("ftp://shop.test/a.jpg", "only http and https are fetched"),
        ("a.jpg", "only http and https are fetched"),
        ("http://", "is not a usable web address"),
        ("http://[bad/a.jpg", "is not a usable web address"),
        ("http://shop.test:99999/a.jpg", "is not a usable web address"),
        ("http://me:word@shop.test/a.jpg", "holds a user's name or password"),
        ("http://" + "x" * 300 + ".test/a.jpg", "is not"),
        ("http://shop.test:1/\ud800.jpg", "cannot be reached"),
    ],
)
def test_an_address_that_leads_nowhere_is_said(internet, address, said):
    assert said in sentence(address, allow_private=False)


def test_a_proxy_of_the_environment_is_not_asked(shop, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert got(shop.at("/a.jpg")).count == 1


@pytest.mark.parametrize("address", ["8.8.8.8", PUBLIC, "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    "127.0.0.1 10.1.2.3 172.16.0.1 192.168.0.1 169.254.169.254 100.64.0.1 100.100.100.200 0.0.0.0 224.0.0.1 "
    "240.0.0.1 255.255.255.255 198.18.0.1 192.0.2.1 192.0.0.192 168.63.129.16 ::1 :: ::ffff:127.0.0.1 "
    "::ffff:169.254.169.254 ::7f00:1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 2001:db8::1 "
    "2002:7f00:1:: 2002:808:808:: 2001:0:808:808:: 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1".split(),
)
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


def test_ctrl_c_ends_a_fetch_soon(shop):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([shop.at(f"/slow{place}.jpg") for place in range(200)], "image", stop, allow_private=True)
    assert len(shop.asked) < 50


def test_a_full_disk_is_said(shop, monkeypatch):
    web.fetched_folder().parent.mkdir(parents=True)
    web.fetched_folder().write_bytes(b"a file where the folder should be")
    result = got(shop.at("/a.jpg"))
    assert "The file could not be kept (" in result.failures[0][1]


@pytest.fixture
def certified(tmp_path) -> tuple[ssl.SSLContext, str]:
    """What a server named shop.test shows, and the file that trusts it."""
    if not shutil.which("openssl"):
        pytest.skip("openssl, which makes the test's certificate, is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    ask = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=shop.test"]
    ask += ["-addext", "subjectAltName=DNS:shop.test", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(ask, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, str(certificate)


@pytest.mark.skipif(sys.platform == "darwin", reason="SSL_CERT_FILE is for OpenSSL's own store")
def test_a_certificate_must_be_trusted_and_the_hosts_own(shop, internet, certified, monkeypatch):
    context, trusted = certified
    named: list[str] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    safe = Shop()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(safe))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # a client that does not trust it hangs up
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    internet["other.test"] = [[PUBLIC]]
    address = f"https://shop.test:{server.server_port}/a.jpg"
    try:
        assert sentence(address, allow_private=False).startswith("No safe connection to shop.test (self")
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        one = FetchLimits(at_once_from_a_host=1)  # this server agrees with one client at a time
        assert fetch([address, address.replace("a.jpg", "b.jpg")], "image", limits=one).count == 2
        other = fetch([address.replace("shop.test", "other.test")], "image").failures[0][1]
        assert other.startswith("No safe connection to other.test (Hostname mismatch")
    finally:
        server.shutdown()
        server.server_close()
    assert set(named) == {"shop.test", "other.test"} and set(internet["connected"]) == {PUBLIC}


def test_a_data_set_that_names_addresses_finds_its_photos_once_they_are_fetched(shop, tmp_path):
    (tmp_path / "data").mkdir()
    addresses = [shop.at("/a.jpg?w=800"), shop.at("/b b.PNG").replace(" ", "%20"), shop.at("/none.jpg")]
    rows = [f"{address},tea,{'xy'[place % 2]}" for place, address in enumerate(addresses)]
    (tmp_path / "data" / "metadata.csv").write_text("\n".join(["image_link,text,kind", *rows]) + "\n")
    before = read_manifest(tmp_path / "data", ["kind"])
    assert not any(product.images for product in before.products)
    found = fetch_addresses(tmp_path / "data", allow_private=True)
    assert found.count == 2 and [address for address, _ in found.failures] == [addresses[2]]
    after = read_manifest(tmp_path / "data", ["kind"])
    assert [len(product.images) for product in after.products] == [1, 1, 0] and after.checksum != before.checksum
    assert any(remark.kind == "addresses" and remark.count == 1 for remark in after.remarks)
    assert fetch_addresses(tmp_path / "data", allow_private=True).kept == 2
