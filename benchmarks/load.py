"""A client that keeps several connections busy, from one thread, with little work of its own."""

from __future__ import annotations

import json
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Load", "drive", "http_request"]

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class Load(NamedTuple):
    """What a client saw.

    Attributes
    ----------
    per_second : float
        Answers a second.
    p50, p99 : float
        Milliseconds; of a paced client from when a request was due, not from when it was sent.
    failed : int
        Answers of another status than 200.
    errors : int
        Those among them that are the server's fault: of a status of 500 or more.
    lost : int
        Requests without an answer, as their connection was closed.
    """

    per_second: float
    p50: float
    p99: float
    failed: int
    errors: int
    lost: int


def http_request(path: str, body: Any) -> bytes:
    """Return a request, with its head."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def drive(
    port: int,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    rate: float | None = None,
) -> Load:
    """Send requests in turn.

    Parameters
    ----------
    port
        Where the server listens.
    requests
        What is sent.
    connections
        How many requests run at once at most.
    seconds
        For how long.
    rate
        Requests that are due a second; None sends the next as soon as a connection is idle.
    """
    # select, not epoll: its timeouts are exact to microseconds.
    with selectors.SelectSelector() as selector:
        idle: deque[socket.socket] = deque()

        def connect() -> None:
            link = socket.create_connection(("127.0.0.1", port))
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(link, selectors.EVENT_READ)
            idle.append(link)

        for _ in range(connections):
            connect()
        running: dict[socket.socket, tuple[float, bytes]] = {}
        times: list[float] = []
        sent = failed = errors = lost = 0
        began = time.perf_counter()
        while True:
            now = time.perf_counter()
            over = now - began >= seconds
            if over and not running:
                break
            due = now if rate is None else began + sent / rate
            while idle and not over and due <= now:
                link = idle.popleft()
                running[link] = due, b""
                with suppress(OSError):  # it was closed meanwhile, as reading will show
                    link.sendall(requests[sent % len(requests)])
                sent += 1
                due = now if rate is None else began + sent / rate
            wait = max(0.0, due - now) if idle and not over and rate is not None else 1.0
            for key, _ in selector.select(wait):
                link = key.fileobj  # type: ignore[assignment]
                received = b""
                with suppress(OSError):
                    received = link.recv(1 << 16)
                if not received:
                    lost += running.pop(link, None) is not None
                    selector.unregister(link)
                    link.close()
                    if link in idle:
                        idle.remove(link)
                    connect()
                    continue
                start, held = running[link]
                held += received
                head, _, body = held.partition(b"\r\n\r\n")
                length = LENGTH.search(head)
                if length is None or len(body) < int(length.group(1)):
                    running[link] = start, held
                    continue
                times.append(time.perf_counter() - start)
                failed += not head.startswith(b"HTTP/1.1 200")
                errors += head.startswith(b"HTTP/1.1 5")
                del running[link]
                idle.append(link)
        took = time.perf_counter() - began
        for link in idle:
            link.close()
    p50, p99 = np.percentile(times, [50, 99]) * 1e3
    return Load(len(times) / took, float(p50), float(p99), failed, errors, lost)
