"""Forked processes that tell their parent numbers, and that may die."""

from __future__ import annotations

import os
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterator

__all__ = ["Child", "Say"]

Say = Callable[[int], None]
NUMBER = struct.Struct("<q")
RAISED = 70


class Child:
    """A forked process; it shares what is imported and compiled, so that it costs milliseconds.

    Parameters
    ----------
    work
        What it does, given a function that tells the parent a number. The process ends with status
        0 when it returns, and with `RAISED` and a traceback when it fails.
    """

    def __init__(self, work: Callable[[Say], None]) -> None:
        self._read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid:
            os.close(write)
            return
        status = RAISED
        try:
            os.close(self._read)
            work(lambda number: void(os.write(write, NUMBER.pack(number))))
            status = 0
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)

    def numbers(self) -> Iterator[int]:
        """Yield what it tells, until it has ended."""
        rest = b""
        while data := os.read(self._read, 2**16):
            rest += data
            whole = len(rest) // NUMBER.size * NUMBER.size
            for (number,) in NUMBER.iter_unpack(rest[:whole]):
                yield number
            rest = rest[whole:]
        os.close(self._read)

    def end(self) -> tuple[int, list[int]]:
        """Wait for its end; return its exit status, below 0 of a signal, and the numbers."""
        numbers = list(self.numbers())
        return self.status(), numbers

    def status(self) -> int:
        """Wait for its end and return its exit status alone."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def kill(self) -> None:
        """Kill it, as from outside."""
        os.kill(self.pid, signal.SIGKILL)


def void(_: object) -> None:
    """Return nothing."""
