"""Frames survive the channel as they were; nothing else does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ProtocolError
from engine.session.messages import Failed, Heartbeat, LossPoints, Message, Pause, Run, ToWindow, ToWorker
from engine.session.protocol import HEADER, MAGIC, VERSION, Channel

Pair = tuple[Channel[Any], socket.socket]


def channel(connection: socket.socket, incoming: object = ToWindow, **limits: int) -> Channel[Any]:
    return Channel(connection, cast("type[Any]", incoming), **limits)


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield channel(ours), theirs


@given(message=st.text(max_size=300), body=st.binary(max_size=5000))
def test_a_frame_arrives_as_it_was_sent(message: str, body: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel(theirs).send(Failed(message=message), body)
        assert channel(ours).receive() == (Failed(message=message), bytearray(body))


def test_a_large_body_arrives_in_pieces(pair: Pair) -> None:
    receiver, theirs = pair
    body = bytes(range(256)) * 40_000
    sender = threading.Thread(target=channel(theirs).send, args=(Heartbeat(), body))
    sender.start()
    frame = receiver.receive()
    sender.join()
    assert frame == (Heartbeat(), bytearray(body))


def test_messages_of_several_threads_never_mix(pair: Pair) -> None:
    receiver, theirs = pair
    sender = channel(theirs)

    def send(number: int) -> None:
        for _ in range(50):
            sender.send(LossPoints(count=number), bytes([number]) * 3000)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        frame = receiver.receive()
        assert frame is not None
        message, body = frame
        assert body == bytes([message.count]) * 3000
    for thread in threads:
        thread.join()


def test_a_closed_channel_ends(pair: Pair) -> None:
    receiver, theirs = pair
    theirs.close()
    assert receiver.receive() is None


def frame_of(message: Message, body: bytes = b"") -> bytes:
    encoded = msgspec.msgpack.encode(message)
    return HEADER.pack(MAGIC, VERSION, len(encoded), len(body)) + encoded + body


@pytest.mark.parametrize("length", range(1, len(frame_of(Heartbeat(), b"body"))))
def test_a_frame_cut_anywhere_is_an_error(pair: Pair, length: int) -> None:
    receiver, theirs = pair
    theirs.sendall(frame_of(Heartbeat(), b"body")[:length])
    theirs.close()
    with pytest.raises(ProtocolError, match="ended inside"):
        receiver.receive()


@pytest.mark.parametrize(
    ("sent", "complaint"),
    [
        (b"Hello, this is print() into the wrong descriptor\n", "no message"),
        (HEADER.pack(MAGIC, VERSION + 1, 0, 0), "version 2"),
        (HEADER.pack(MAGIC, VERSION, 2**32 - 1, 0), "larger than the limit"),
        (HEADER.pack(MAGIC, VERSION, 0, 2**64 - 1), "larger than the limit"),
        (HEADER.pack(MAGIC, VERSION, 3, 0) + b"\xc1\xc1\xc1", "cannot be understood"),
        (HEADER.pack(MAGIC, VERSION, 0, 0), "cannot be understood"),
        (frame_of(Pause()), "cannot be understood"),
        (b"\x80\x04\x95" + bytes(40), "no message"),
    ],
)
def test_garbage_is_an_error_and_allocates_nothing(pair: Pair, sent: bytes, complaint: str) -> None:
    receiver, theirs = pair
    theirs.sendall(sent)
    with pytest.raises(ProtocolError, match=complaint):
        receiver.receive()


def test_a_field_of_the_wrong_type_is_an_error(pair: Pair) -> None:
    receiver, theirs = pair
    encoded = msgspec.msgpack.encode({"type": "LossPoints", "count": "many"})
    theirs.sendall(HEADER.pack(MAGIC, VERSION, len(encoded), 0) + encoded)
    with pytest.raises(ProtocolError, match="count"):
        receiver.receive()


def test_what_is_too_large_is_refused_before_it_is_sent(pair: Pair) -> None:
    receiver, theirs = pair
    sender = channel(theirs, max_body_bytes=10, max_message_bytes=100)
    with pytest.raises(ProtocolError, match="body of 11 bytes"):
        sender.send(Heartbeat(), bytes(11))
    with pytest.raises(ProtocolError, match="larger than the limit of 100"):
        sender.send(Failed(message="x" * 200))
    sender.send(Heartbeat(), bytes(10))
    assert receiver.receive() == (Heartbeat(), bytearray(10))


def test_every_message_to_the_worker_is_understood_there() -> None:
    ours, theirs = socket.socketpair()
    run = Run(target="train.py", arguments=("--lr", "0.1"), pause_at=7, journal="/tmp/x")
    with ours, theirs:
        channel(ours).send(run)
        assert channel(theirs, ToWorker).receive() == (run, bytearray())
