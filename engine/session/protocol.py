"""Frames between window and worker: a fixed header, one record as msgpack, then raw bytes. Never pickle."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Generic, TypeVar, cast

import msgspec

from ..errors import ProtocolError
from .messages import Message

MAGIC = b"RTGD"
VERSION = 1
HEADER = struct.Struct("<4sBxxxIQ")
"""Magic, version, three bytes of padding, length of the message, length of the body."""

MAX_MESSAGE_BYTES = 64 << 20
MAX_BODY_BYTES = 4 << 30
_CHUNK_BYTES = 1 << 20

Incoming = TypeVar("Incoming")


class Channel(Generic[Incoming]):
    """One end of a stream socket that carries records of `engine.session.messages`, each with an optional body.

    Parameters
    ----------
    connection : a connected stream socket; the channel owns and closes it.
    incoming : the tagged union of the records that may arrive here (`ToWorker` or `ToWindow`).
    max_message_bytes, max_body_bytes : larger frames are refused, when sending and before anything is allocated.

    Notes
    -----
    `send` may be called from several threads. `receive` belongs to one thread.
    """

    def __init__(
        self,
        connection: socket.socket,
        incoming: type[Incoming],
        *,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._socket = connection
        self._decoder = msgspec.msgpack.Decoder(incoming)
        self._encoder = msgspec.msgpack.Encoder()
        self._send_lock = threading.Lock()
        self._max_message_bytes = max_message_bytes
        self._max_body_bytes = max_body_bytes

    def send(self, message: Message, body: bytes | bytearray | memoryview = b"") -> None:
        """Send one frame as a whole.

        Raises
        ------
        ProtocolError
            If the frame is larger than the limits; nothing was sent then.
        OSError
            If the other end is gone.
        """
        with self._send_lock:  # the encoder is shared too
            encoded = self._encoder.encode(message)
            self._check_sizes(len(encoded), len(body))
            self._socket.sendall(HEADER.pack(MAGIC, VERSION, len(encoded), len(body)) + encoded)
            if len(body):
                self._socket.sendall(body)

    def receive(self) -> tuple[Incoming, bytearray] | None:
        """Wait for the next frame; None at a clean end of the stream.

        Raises
        ------
        ProtocolError
            If what arrives is no frame of this protocol, a frame too large, an unknown record, or one cut short.
        """
        header = self._read(HEADER.size, "header", may_end=True)
        if header is None:
            return None
        magic, version, message_bytes, body_bytes = HEADER.unpack(header)
        if magic != MAGIC:
            raise ProtocolError(f"The channel carries something that is no message: it begins with {bytes(magic)!r}.")
        if version != VERSION:
            raise ProtocolError(f"The other end speaks version {version} of the protocol; this is version {VERSION}.")
        self._check_sizes(message_bytes, body_bytes)
        encoded = self._read(message_bytes, "message")
        body = self._read(body_bytes, "body")
        try:
            message = self._decoder.decode(cast("bytearray", encoded))
        except msgspec.DecodeError as error:  # ValidationError is one
            raise ProtocolError(f"The channel carries a message that cannot be understood: {error}.") from error
        return message, cast("bytearray", body)

    def shutdown(self) -> None:
        """End both directions, so that a `receive` waiting in another thread returns."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other end was quicker

    def close(self) -> None:
        self._socket.close()

    def _check_sizes(self, message_bytes: int, body_bytes: int) -> None:
        if message_bytes > self._max_message_bytes:
            raise ProtocolError(
                f"A message of {message_bytes} bytes is larger than the limit of {self._max_message_bytes}."
            )
        if body_bytes > self._max_body_bytes:
            raise ProtocolError(f"A body of {body_bytes} bytes is larger than the limit of {self._max_body_bytes}.")

    def _read(self, count: int, part: str, *, may_end: bool = False) -> bytearray | None:
        received = bytearray()
        while len(received) < count:
            # Memory grows with what has really arrived, never with what a header promises.
            chunk = bytearray(min(_CHUNK_BYTES, count - len(received)))
            try:
                size = self._socket.recv_into(chunk)
            except (ConnectionResetError, BrokenPipeError):
                size = 0
            if size == 0:
                if may_end and not received:
                    return None
                raise ProtocolError(f"The channel ended inside a {part}: {len(received)} of {count} bytes arrived.")
            received += memoryview(chunk)[:size]
        return received
