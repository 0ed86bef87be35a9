"""Send HTTP over one kept socket, as cheaply as Python can: the load must not take processor time from the server."""

import socket
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """Hold one response. Header names are in lower case."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str:
        """Return the first header of this name; empty if there is none."""
        return next((value for found, value in self.headers if found == name), "")


class Wire:
    """Hold a connection, which is opened again if the server closed it between two requests."""

    def __init__(self, port: int, seconds: float = 60) -> None:
        self._port, self._seconds = port, seconds
        self._socket: socket.socket | None = None
        self._left = b""

    def ask(self, request: bytes) -> Answer:
        """Send a request and read its answer."""
        was_open = self._socket is not None
        try:
            return self._exchange(request)
        except ConnectionError:
            self.close()
            if not was_open:
                raise
            return self._exchange(request)

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._left = None, b""

    def _exchange(self, request: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), self._seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        head = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:])]
        answer = Answer(int(head[0].split(" ", 2)[1]), b"", headers)
        body = self._body(answer)
        if answer.header("connection").lower() == "close":
            self.close()
        return Answer(answer.status, body, headers)

    def _body(self, answer: Answer) -> bytes:
        if answer.header("transfer-encoding").lower() != "chunked":
            return self._take(int(answer.header("content-length") or 0))
        body = b""
        while size := int(self._until(b"\r\n"), 16):
            body += self._take(size)
            self._take(2)
        self._until(b"\r\n")
        return body

    def _until(self, mark: bytes) -> bytes:
        while (at := self._left.find(mark)) < 0:
            self._more()
        found, self._left = self._left[:at], self._left[at + len(mark) :]
        return found

    def _take(self, size: int) -> bytes:
        while len(self._left) < size:
            self._more()
        found, self._left = self._left[:size], self._left[size:]
        return found

    def _more(self) -> None:
        assert self._socket
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        self._left += data
