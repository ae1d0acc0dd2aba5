"""What a supervisor tells besides the worker's own messages: output, and how the worker fares. Plain records."""

from __future__ import annotations

from typing import Literal

import msgspec

from .messages import ToWindow
from .outcome import Outcome

Stream = Literal["stdout", "stderr"]


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """Text that the program wrote. Bytes that are not UTF-8 appear as `\\xNN`; `\\r` and ANSI sequences are kept."""

    stream: Stream
    text: str


class Exited(msgspec.Struct, frozen=True, kw_only=True):
    """The run is over and its worker is gone, or free for the next run. The last event of every run."""

    outcome: Outcome


class Unresponsive(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing was heard from the worker for `seconds`. Nothing is done about it: the user decides."""

    seconds: float


class Responsive(msgspec.Struct, frozen=True, kw_only=True):
    """The worker that was unresponsive is heard again."""


Event = ToWindow | Output | Exited | Unresponsive | Responsive
