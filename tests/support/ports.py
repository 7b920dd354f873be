"""Ports of servers that tests start as commands."""

import socket


def find_free_port() -> int:
    """Find a port of loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
