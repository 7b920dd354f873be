"""Hosts of tests as network namespaces, each with a way to this machine alone, where the machine allows them."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from pipelines.cluster.hosts import Network


@contextmanager
def connect(*hosts: str) -> Iterator[Network]:
    """Make a namespace for each host, on a bridge; where that is not allowed, hosts are processes on loopback."""
    name, subnet = _name_bridge(), f"10.77.{os.getpid() % 250}"
    with ExitStack() as made:
        if not shutil.which("ip") or not _ip("link", "add", name, "type", "bridge"):
            yield Network()
            return
        made.callback(_ip, "link", "del", name)
        assert _ip("addr", "add", f"{subnet}.1/24", "dev", name)
        assert _ip("link", "set", name, "up")
        for number, host in enumerate(hosts, 2):
            space, cable = f"{name}-{host}", f"{name}v{number}"
            assert _ip("netns", "add", space)
            made.callback(_ip, "netns", "del", space)
            assert _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            assert _ip("link", "set", cable, "master", name, "up")
            assert _ip("-n", space, "link", "set", "lo", "up")
            assert _ip("-n", space, "addr", "add", f"{subnet}.{number}/24", "dev", "eth0")
            assert _ip("-n", space, "link", "set", "eth0", "up")
        yield Network(f"{subnet}.1", {host: ("ip", "netns", "exec", f"{name}-{host}") for host in hosts})


def cut_cables() -> None:
    """Part all hosts from this machine, so that what is sent is lost and nobody says so."""
    show = ["ip", "-o", "link", "show", "master", _name_bridge()]
    listed = subprocess.run(show, capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines():
        assert _ip("link", "set", line.split()[1].partition("@")[0].rstrip(":"), "down")


def _name_bridge() -> str:
    return f"ct{os.getpid()}"


def _ip(*arguments: str) -> bool:
    return subprocess.run(["ip", *arguments], capture_output=True, check=False).returncode == 0
