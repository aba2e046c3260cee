"""A connection whose request heads are short and come soon."""

from __future__ import annotations

from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["connection"]

HEAD_BYTES = 64 * 1024


def connection(head_seconds: float) -> type[HttpToolsProtocol]:
    """Return a protocol for uvicorn that closes connections whose heads are too slow or too long.

    Uvicorn limits neither: a client could hold a connection, or fill the memory, with a head that
    never ends, or with what may follow the last chunk of a body.

    Parameters
    ----------
    head_seconds
        Seconds until a head has arrived.
    """

    class Connection(HttpToolsProtocol):
        _timer: TimerHandle | None = None
        _seen = 0  # bytes since the request began, or since the last of its body

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._timer = self.loop.call_later(head_seconds, transport.close)

        def data_received(self, data: bytes) -> None:
            self._seen += len(data)
            super().data_received(data)
            if self._seen > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._seen = 0
            if self._timer is None:  # another request over the same connection
                self._timer = self.loop.call_later(head_seconds, self.transport.close)

        def on_headers_complete(self) -> None:
            self._stop()
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self._seen = 0
            super().on_body(body)

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _stop(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    return Connection
