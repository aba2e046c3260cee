"""Calls over connections: who has no key is told nothing, and what is broken says so."""

import socket
import threading
import time

import pytest

from rarefy.index.distributed import connection
from rarefy.index.distributed.connection import Address, Connection, Listener, wait


@pytest.fixture
def listener():
    """Answers with the request backwards."""
    made = Listener(lambda request: bytes(request)[::-1], "127.0.0.1")
    yield made
    made.close()


def answers_of(*asked):
    until, answers = time.monotonic() + 60, {}
    while len(answers) < len(asked):
        assert time.monotonic() < until
        for ready in wait([each for each in asked if each not in answers], 1.0):
            if (answer := ready.go_on()) is not None:
                answers[ready] = bytes(answer)
    return [answers[each] for each in asked]


def ask(asked, request):
    asked.begin(request)
    return answers_of(asked)[0]


@pytest.mark.parametrize("size", [0, 1, 1000, 5 * connection.PIECE])
def test_answers_are_whole_and_in_order(listener, size):
    asked = Connection(listener.address)
    for number in range(3):
        request = bytes([number]) * (size // 2) + b"end" * (size // 2)
        assert ask(asked, request) == request[::-1]
    assert asked.used


def test_connections_are_answered_side_by_side():
    both = threading.Barrier(2)

    def meet(request):
        both.wait(60)
        return bytes(request)

    listener = Listener(meet, "127.0.0.1")
    every = [Connection(listener.address) for _ in range(2)]
    for number, each in enumerate(every):
        each.begin(b"%d" % number)
    assert answers_of(*every) == [b"0", b"1"]
    listener.close()


def test_who_has_another_key_is_not_answered(listener):
    asked = []
    listener.answer = asked.append
    stranger = Connection(Address(listener.address.host, listener.address.port, bytes(32)))
    with pytest.raises(ConnectionError):
        ask(stranger, b"open")
    assert not asked


def test_a_stranger_gets_no_room(listener):
    """A header that is not sealed ends the connection before its body is received."""
    with socket.create_connection(listener.address[:2], 60) as stranger:
        stranger.sendall(connection.HEADER.pack(2**62, bytes(32), bytes(32), bytes(32)))
        assert stranger.recv(1) == b""


class Between:
    """Passes one request on to a listener, and changes or repeats what comes back."""

    def __init__(self, address, change):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = Address("127.0.0.1", self.socket.getsockname()[1], address.key)
        self.target, self.change = address[:2], change
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        asker, _ = self.socket.accept()
        with self.socket, asker, socket.create_connection(self.target, 60) as listener:
            while request := asker.recv(2**16):
                listener.sendall(request)
                asker.sendall(self.change(listener.recv(2**16)))


@pytest.mark.parametrize("place", [0, 10, 50, 80, -1])
def test_what_is_changed_on_its_way_is_refused(listener, place):
    def change(message):
        changed = bytearray(message)
        changed[place] ^= 1
        return changed

    with pytest.raises(ConnectionError, match="seal"):
        ask(Connection(Between(listener.address, change).address), b"question")


def test_an_answer_to_another_request_is_refused(listener):
    known = []

    def repeat(message):
        known.append(message)
        return known[0]

    asked = Connection(Between(listener.address, repeat).address)
    assert ask(asked, b"one") == b"eno"
    with pytest.raises(ConnectionError, match="another request"):
        ask(asked, b"two")


def test_the_end_of_a_process_is_noticed(listener):
    asked = Connection(listener.address)
    assert ask(asked, b"one") == b"eno"
    listener.close()
    with pytest.raises(OSError):
        ask(asked, b"two")
    with pytest.raises(OSError):
        ask(Connection(listener.address), b"three")


def test_nobody_waits_for_a_process_that_reads_nothing():
    with socket.create_server(("127.0.0.1", 0)) as hangs:
        asked = Connection(Address("127.0.0.1", hangs.getsockname()[1], bytes(32)))
        asked.begin(bytes(2**25))
        began = time.monotonic()
        while time.monotonic() < began + 0.2:
            for ready in wait([asked], 0.05):
                assert ready.go_on() is None
        assert time.monotonic() < began + 30
