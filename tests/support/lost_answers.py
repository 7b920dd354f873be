"""A way to PostgreSQL on which the answer to one commit is lost, as where a host vanishes or another one takes over."""

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_SNAPSHOT = re.compile(rb"INSERT INTO \S*ducklake_snapshot VALUES")


class LostAnswers:
    """Where the database is reached, and what is lost on the way."""

    def __init__(self, server: tuple[str, int]) -> None:
        """Take the address of the database; nothing is lost yet."""
        self.server = server
        self.port = 0
        self.is_lost = False
        """Whether it has come to that."""
        self._commits_left = 0

    def lose(self, commit: int) -> None:
        """Lose the answer to a commit of a snapshot of the lake: the next one is 1."""
        self._commits_left = commit

    def forward(self, client: socket.socket, server: socket.socket) -> None:
        """Forward what the client says, until the answer to it is to be lost."""
        has_snapshot = False
        while said := client.recv(1_000_000):
            has_snapshot = has_snapshot or bool(_SNAPSHOT.search(said))
            is_commit = has_snapshot and b"COMMIT" in said
            has_snapshot = has_snapshot and not is_commit
            if is_commit and self._commits_left:
                self._commits_left -= 1
                self.is_lost = not self._commits_left
                if self.is_lost:
                    client.shutdown(socket.SHUT_WR)
            server.sendall(said)


@contextmanager
def losing_answers(host: str, port: int) -> Iterator[LostAnswers]:
    """Make another way to the PostgreSQL at a port."""
    way = LostAnswers((host, port))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError), socket.create_connection(way.server) as server:
                back = threading.Thread(target=_answer, args=(server, self.request), daemon=True)
                back.start()
                way.forward(self.request, server)
                server.shutdown(socket.SHUT_WR)
                back.join()

    with socketserver.ThreadingTCPServer((host, 0), Handler) as listener:
        listener.daemon_threads = True
        way.port = int(listener.server_address[1])
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        try:
            yield way
        finally:
            listener.shutdown()


def _answer(server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while said := server.recv(1_000_000):
            with suppress(OSError):  # of a client that does not hear it any more
                client.sendall(said)
        client.shutdown(socket.SHUT_RDWR)
