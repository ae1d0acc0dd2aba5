"""The messages between window and worker, as records. Bulk data travels beside them, as the frame's body."""

from __future__ import annotations

from typing import Literal

import msgspec

from ..graph.edits import AnyEdit
from ..graph.observation import Observation

MOST_TILE_CELLS = 1 << 17
"""Entries or blocks of one `TileReady`: its body has at most 3.4 MB."""

TrainingState = Literal["running", "paused", "finished"]


class Message(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of all messages."""


# From the window to the worker.


class Run(Message, frozen=True, tag=True, kw_only=True):
    """Run a target. A callable is traced; a script runs to its end, and its first backward pass is recorded."""

    target: str
    arguments: tuple[str, ...] = ()
    values: Literal["none", "summary", "all"] = "summary"
    pause_at: int | None = None
    """Record this training step, then pause."""
    follow: bool = False
    """Hold the first trace back until it is known what the script does until its next backward pass, and add that.

    Otherwise the trace is sent at once, and an `Observed` follows.
    """
    journal: str | None = None
    """File to which the worker itself writes every loss, so that nothing is lost when the window is."""


class Pause(Message, frozen=True, tag=True, kw_only=True):
    """Finish the running training step, record the next one, and hold there."""


class Resume(Message, frozen=True, tag=True, kw_only=True):
    """Go on training."""


class HoldAt(Message, frozen=True, tag=True, kw_only=True):
    """Go on training as far as a step, record it, and hold there; where that is over already, at the next one."""

    step: int


class StepOnce(Message, frozen=True, tag=True, kw_only=True):
    """Run and record exactly one more training step, and hold again."""


class SendTrace(Message, frozen=True, tag=True, kw_only=True):
    """Send the trace of the training step at which the training is held."""


class FetchValues(Message, frozen=True, tag=True, kw_only=True):
    """Run a callable target again, as often as it takes, and send the whole values of one output, or its gradient.

    `structure` is the `engine.graph.structure.fingerprint` of the trace that has the output `output` of node `node`:
    values are sent only if the program still does the same.
    """

    target: str
    arguments: tuple[str, ...] = ()
    sources: dict[str, str] = {}
    """What `engine.session.snapshot.digests` says of the program's files as they ran: others are not run."""
    node: int
    output: int = 0
    is_gradient: bool = False
    structure: str


class FetchTile(Message, frozen=True, tag=True, kw_only=True):
    """Send a part of a large output, or of its gradient: what is looked at, and never the whole.

    Of the matrix at `index` (one number for each axis but the last two) it is `rows` by `columns`, each from the first
    entry to the one after the last. It is sent in at most `most_rows` by `most_columns` blocks, or as the entries
    themselves where there are no more of them. The worker keeps the tensor for the next part. `TileReady` answers.
    """

    target: str
    arguments: tuple[str, ...] = ()
    sources: dict[str, str] = {}
    """As in `FetchValues`."""
    node: int
    output: int = 0
    is_gradient: bool = False
    structure: str
    index: tuple[int, ...] = ()
    rows: tuple[int, int]
    columns: tuple[int, int]
    most_rows: int
    most_columns: int


class RunEdited(Message, frozen=True, tag=True, kw_only=True):
    """Run a target again with edits, and send what that records: a `TraceReady` "edited", or `EditsRefused`.

    `structure` is the `engine.graph.structure.fingerprint` of the trace whose nodes the edits name; `step` its training
    step, up to which a script runs again.
    """

    target: str
    arguments: tuple[str, ...] = ()
    sources: dict[str, str] = {}
    """What `engine.session.snapshot.digests` says of the program's files as they ran: others are not run."""
    structure: str
    edits: tuple[AnyEdit, ...] = ()
    step: int | None = None


class CheckNode(Message, frozen=True, tag=True, kw_only=True):
    """Record a target again with every value, and compare one node's VJP with finite differences and with its rule.

    `structure` is the `engine.graph.structure.fingerprint` of the trace that has the node. `NodeChecked` answers.
    """

    target: str
    arguments: tuple[str, ...] = ()
    sources: dict[str, str] = {}
    """What `engine.session.snapshot.digests` says of the program's files as they ran: others are not run."""
    node: int
    structure: str


class Shutdown(Message, frozen=True, tag=True, kw_only=True):
    """Leave as soon as the program lets you."""


# From the worker to the window.


class Ready(Message, frozen=True, tag=True, kw_only=True):
    """torch is imported; the worker takes a `Run`."""

    torch_version: str
    seconds: float


class Heartbeat(Message, frozen=True, tag=True, kw_only=True):
    """Sent every second, whatever the program does."""


class Started(Message, frozen=True, tag=True, kw_only=True):
    """The program begins. `sources` maps each file to its text as it runs now."""

    target: str
    title: str
    sources: dict[str, str] = {}


class TraceReady(Message, frozen=True, tag=True, kw_only=True):
    """The frame's body is a trace file. `step` is the training step, None outside a training."""

    step: int | None = None
    loss: float | None = None
    reason: Literal["first", "paused", "requested", "result", "failed", "edited"] = "result"


class Observed(Message, frozen=True, tag=True, kw_only=True):
    """What the program did after the backward pass of a step whose trace was sent already; it belongs to that trace."""

    step: int
    observations: tuple[Observation, ...]


class ValuesReady(Message, frozen=True, tag=True, kw_only=True):
    """Answer to `FetchValues`: the body is the array's bytes in C order, little-endian.

    Where the values could not be fetched, `message` is a sentence that says why, and there is no body.
    """

    node: int
    output: int = 0
    is_gradient: bool = False
    shape: tuple[int, ...] = ()
    dtype: str = ""
    """As NumPy writes it: "<f4"."""
    message: str = ""


class TileReady(Message, frozen=True, tag=True, kw_only=True):
    """Answer to `FetchTile`: the body is `shape` entries of `dtype` in C order, little-endian, or (no `dtype`) blocks.

    Of blocks it is their lowest and highest finite values and means (float64), then a byte each for NaN and for Inf.
    Where there is nothing to send, `message` is a sentence that says why.
    """

    node: int
    output: int = 0
    is_gradient: bool = False
    shape: tuple[int, int] = (0, 0)
    dtype: str = ""
    message: str = ""


class EditsRefused(Message, frozen=True, tag=True, kw_only=True):
    """Answer to `RunEdited` where there is no trace: an edit cannot be applied, or it makes the program raise.

    `node` is the operation, in the unedited trace, at which the program stopped; None where that is not known.
    """

    message: str
    traceback: str = ""
    file: str | None = None
    line: int | None = None
    node: int | None = None


class NodeChecked(Message, frozen=True, tag=True, kw_only=True):
    """Answer to `CheckNode`: the largest relative differences of the gradients that the node handed on.

    `rule_error` is that to the rule computed with numpy, `difference_error` that to central differences in float64;
    None where it could not be compared so. `message` is a sentence that says why there is nothing at all, or is empty.
    """

    node: int
    rule_error: float | None = None
    difference_error: float | None = None
    verdict: str = "unchecked"
    seconds: float = 0.0
    message: str = ""


class LossPoints(Message, frozen=True, tag=True, kw_only=True):
    """`count` new points: the body is `count` int64 step numbers, then `count` float64 losses (little-endian)."""

    count: int
    steps_per_second: float = 0.0
    learning_rate: float | None = None


class TrainingChanged(Message, frozen=True, tag=True, kw_only=True):
    """The training runs, is held after step `step`, or is over."""

    state: TrainingState
    step: int


class Failed(Message, frozen=True, tag=True, kw_only=True):
    """The program failed. `message` is a sentence for people. A partial trace may have come before.

    `before_run` says that nothing of it ran: the target cannot be used.
    """

    message: str
    traceback: str = ""
    file: str | None = None
    line: int | None = None
    before_run: bool = False


class Finished(Message, frozen=True, tag=True, kw_only=True):
    """The program is over; `message` says how where that is worth saying ("the script exited with code 3")."""

    message: str = ""
    exit_code: int = 0


ToWorker = (
    Run | Pause | Resume | HoldAt | StepOnce | SendTrace | FetchValues | FetchTile | RunEdited | CheckNode | Shutdown
)
ToWindow = (
    Ready
    | Heartbeat
    | Started
    | TraceReady
    | Observed
    | ValuesReady
    | TileReady
    | NodeChecked
    | EditsRefused
    | LossPoints
    | TrainingChanged
    | Failed
    | Finished
)
