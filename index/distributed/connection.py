"""Calls between who searches and the processes of shards, over TCP connections of their own.

Ray starts processes and notices their end. A call through it takes longer than many shards search,
so that calls go to a port that each process opens, under a key that Ray alone tells. A message is a
header and a body. Both are sealed by BLAKE2b (RFC 7693) with the key, and an answer's seal covers
that of its request: nothing is read of who has no key, and no other answer fits. So the body can be
a pickle, which is what Ray itself sends. Nothing is encrypted, as in Ray without TLS.
"""

from __future__ import annotations

import hmac
import secrets
import select
import socket
import struct
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import NamedTuple

from rarefy.errors import UnavailableError

__all__ = ["Address", "Connection", "Listener", "wait"]

HEADER = struct.Struct("<Q32s32s32s")
"""Bytes of the body; the seal that the message answers, or random bytes; the seal of the body; the
seal of what is before."""
PIECE = 2**18
"""Bytes that are received at once, at most."""
WAITING = 128
"""Connections that may wait until they are accepted."""


class Address(NamedTuple):
    """Where a process answers.

    Attributes
    ----------
    host : str
        An IP address.
    port : int
    key : bytes
        What both sides seal messages with.
    """

    host: str
    port: int
    key: bytes


class _Messages:
    """Whole messages of a socket, one at a time in each direction."""

    def __init__(self, connected: socket.socket, key: bytes) -> None:
        self._socket, self._key = connected, key
        self._received = bytearray()

    def seal(self, *pieces: bytes | memoryview) -> bytes:
        digest = blake2b(key=self._key, digest_size=32)
        for piece in pieces:
            digest.update(piece)
        return digest.digest()

    def packed(self, answered: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return a message, and the seal of its body."""
        sealed = self.seal(answered, body)
        head = HEADER.pack(len(body), answered, sealed, b"")[:-32]
        return b"".join((head, self.seal(head), body)), sealed

    def receive(self) -> tuple[bytes, bytes, memoryview] | None:
        """Receive what is there.

        Returns
        -------
        tuple or None
            Once a message is whole: what it answers, the seal of its body, its body.
        """
        piece = self._socket.recv(PIECE)
        if not piece:
            raise ConnectionError("the other side has closed the connection")
        known = len(self._received)
        self._received += piece
        if len(self._received) < HEADER.size:
            return None
        size, answered, sealed, checked = HEADER.unpack_from(self._received)
        if known < HEADER.size and not hmac.compare_digest(
            checked, self.seal(bytes(self._received[: HEADER.size - 32]))
        ):
            raise ConnectionError("a message is sealed with another key")
        if len(self._received) < HEADER.size + size:
            return None
        body = memoryview(self._received)[HEADER.size :]
        if not hmac.compare_digest(sealed, self.seal(answered, body)):
            raise ConnectionError("a message is not the one that was sealed")
        self._received = bytearray()
        return answered, sealed, body


class Connection:
    """Calls to a process, one after the other; no method waits.

    Parameters
    ----------
    address
        Of the process.

    Raises
    ------
    OSError
        If there is no way to it.
    UnavailableError
        If this process can have no more sockets, of which the other knows nothing.
    """

    def __init__(self, address: Address) -> None:
        try:
            self._socket = _socket(address.host)
        except OSError as error:
            raise UnavailableError(
                f"no connection to {address.host} can be made ({error}): let this process have "
                f"more files open, see `ulimit -n`, or search in fewer threads"
            ) from error
        self.close = weakref.finalize(self, self._socket.close)
        self._messages = _Messages(self._socket, address.key)
        self._left, self._asked = memoryview(b""), b""
        self.used = False
        """Whether it has brought an answer."""
        self._socket.setblocking(False)
        with suppress(BlockingIOError):
            self._socket.connect((address.host, address.port))

    def fileno(self) -> int:
        """Return the number of its socket."""
        return self._socket.fileno()

    @property
    def events(self) -> int:
        """What to wait for before `go_on`, as `select.poll` names it."""
        return select.POLLOUT if self._left else select.POLLIN

    def begin(self, request: bytes) -> None:
        """Ask; the answer of before must be there."""
        message, self._asked = self._messages.packed(secrets.token_bytes(32), request)
        self._left = memoryview(message)
        if self.used:  # otherwise it may not be connected yet
            self._send()

    def go_on(self) -> memoryview | None:
        """Send and receive what can be now; return the answer once it is whole.

        Raises
        ------
        OSError
            If the connection is broken, or what comes is not from the process.
        """
        try:
            if self._left:
                self._send()
            if self._left or (message := self._messages.receive()) is None:
                return None
        except BlockingIOError:
            return None
        answered, _, body = message
        if not hmac.compare_digest(answered, self._asked):
            raise ConnectionError("the answer is one to another request")
        self.used = True
        return body

    def _send(self) -> None:
        with suppress(BlockingIOError):
            self._left = self._left[self._socket.send(self._left) :]


class Listener:
    """Answers who has the key, in a thread a connection, until `close`.

    Parameters
    ----------
    answer
        Returns the answer to a request; raises nothing.
    host
        The address to be reached at.
    """

    def __init__(self, answer: Callable[[memoryview], bytes], host: str) -> None:
        self.answer = answer
        self._socket = _socket(host)
        self._socket.bind((host, 0))
        self._socket.listen(WAITING)
        self.address = Address(host, self._socket.getsockname()[1], secrets.token_bytes(32))
        self._connected: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="rarefy-listener", daemon=True).start()

    def close(self) -> None:
        """Take no more requests, and give no more answers."""
        for each in (self._socket, *list(self._connected)):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # which wakes the thread that waits for it

    def _accept(self) -> None:
        with self._socket, suppress(OSError):
            while True:
                connected, _ = self._socket.accept()
                self._connected.add(connected)
                threading.Thread(
                    target=self._serve, args=(connected,), name="rarefy-calls", daemon=True
                ).start()

    def _serve(self, connected: socket.socket) -> None:
        messages = _Messages(connected, self.address.key)
        try:
            connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            while True:
                while (message := messages.receive()) is None:
                    pass
                _, sealed, request = message
                connected.sendall(messages.packed(sealed, self.answer(request))[0])
        except OSError:  # who asked has gone, or has no key
            pass
        finally:
            self._connected.discard(connected)
            connected.close()


def wait(connections: Sequence[Connection], seconds: float) -> list[Connection]:
    """Wait until one of several can go on, and return those that can.

    Parameters
    ----------
    connections
        To wait for.
    seconds
        At most so long.
    """
    poll, by_number = select.poll(), {}
    for each in connections:
        poll.register(each, each.events)
        by_number[each.fileno()] = each
    return [by_number[number] for number, _ in poll.poll(max(0.0, seconds) * 1e3)]


def _socket(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
