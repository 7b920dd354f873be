"""A way to PostgreSQL that is lost in the middle of a commit, as where a host vanishes or another one takes over."""

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
        self._commits_left, self._statement = 0, b""

    def lose(self, commit: int, statement: bytes = b"COMMIT") -> None:
        """Lose the answer to a statement of a commit of a snapshot of the lake; the next such commit is 1."""
        self._commits_left, self._statement = commit, statement

    def forward(self, client: socket.socket, server: socket.socket) -> None:
        """Forward what the client says, until the answer to it is to be lost."""
        has_snapshot = False
        while said := client.recv(1_000_000):
            has_snapshot = has_snapshot or bool(_SNAPSHOT.search(said))
            is_meant = has_snapshot and self._statement in said
            has_snapshot = has_snapshot and b"COMMIT" not in said
            if is_meant and self._commits_left:
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
