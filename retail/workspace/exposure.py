"""Who can reach a server that listens at an address, and by which names browsers reach it.

In: an address. Out: whether it is this machine's alone, names, and the sentence that warns.
"""

from __future__ import annotations

import ipaddress
import socket

LOOPBACK = ("localhost", "127.0.0.1", "::1")  # names by which this machine reaches itself
EVERY = ("", "0.0.0.0", "::")  # addresses that mean all addresses of the machine  # nosec B104  # to know them
DASHBOARD = (
    "everybody who reaches {address} sees, changes and deletes what is kept here. Put a proxy with TLS and a login in "
    "front of it, or set up Streamlit's login in .streamlit/secrets.toml; docs/how-to/share.md says how."
)


def is_local(address: str) -> bool:
    """Whether only programs of this machine reach a server there."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # a name
        return address == "localhost"


def names_of(address: str) -> list[str]:
    """What may stand as the host in the requests of browsers that reach this address; others come from elsewhere."""
    if is_local(address):
        return list(LOOPBACK)
    if address not in EVERY:
        return [*LOOPBACK, address]
    import psutil

    own = [found.address.partition("%")[0] for each in psutil.net_if_addrs().values() for found in each]
    name = socket.gethostname().lower()
    return list(dict.fromkeys([*LOOPBACK, *filter(_is_address, own), name, f"{name.partition('.')[0]}.local"]))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
        return True
    except ValueError:  # of the card itself
        return False
