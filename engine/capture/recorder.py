"""`Recorder`: switches recording on and off around any stretch of a running program, and makes a Trace of it."""

from __future__ import annotations

import linecache
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import torch
from torch import nn

from ..graph.model import Edge, Graph, Node, NodeKind
from ..graph.observation import ObservationKind
from ..graph.trace import BackwardStep, Timing, Trace, ValuesMode
from .autograd_nodes import ThreadWatch
from .backward import BackwardRecorder, has_freed_nodes
from .compiled import CompilerOff
from .cost import count_flops
from .drafts import Origin
from .faults import fault_note
from .forward import ForwardMode
from .frames import is_user_code, running_frame, source_of, user_frame
from .matching import match_edges
from .modes import enter_mode, leave_mode
from .prune import renumber, step_nodes
from .randomness import RandomState, take
from .scopes import ScopeStack
from .sightings import (
    Optimizers,
    Origins,
    Sighting,
    observations,
    only_initialised,
    optimizer_sightings,
    origins_of,
    ways_out,
    without_gradient,
    writers_into,
)
from .tape import Tape
from .teardown import free_parked, park
from .tensors import Keeper
from .user_hooks import HookWatch, hook_sightings

T = TypeVar("T")
LARGEST_SOURCE_BYTES = 2 << 20
LONGEST_MESSAGE = 10_000
"""Characters of an exception's message that are kept."""


class Recorder:
    """Records what this thread runs between `start` and `stop`, and one backward pass.

    Parameters
    ----------
    values : "none", "summary" or "all": see `engine.trace`.
    target : what is recorded, for the trace.
    keep : "all" records every operation; "step" only what the root depends on, from leaves and inputs onwards.
    root_module : the module that is traced itself; its own call gets no scope.
    keepers : what keeps the values of the forward and of the backward pass, instead of what `values` says.
    """

    def __init__(
        self,
        *,
        values: ValuesMode = "summary",
        target: str = "",
        keep: Literal["all", "step"] = "all",
        root_module: nn.Module | None = None,
        keepers: tuple[Keeper, Keeper] | None = None,
    ) -> None:
        self._values: ValuesMode = values
        self._target = target
        self._keep = keep
        self._keeper, self._grad_keeper = keepers or (
            Keeper(values, is_latest_kept=True),
            Keeper(values),
        )
        self._random_state: RandomState | None = None
        self._scopes = ScopeStack(root_module)
        self._tape = Tape(self._keeper, self._scopes, is_step=keep == "step")
        self._scopes.notes = self._tape.notes
        self._compiler = CompilerOff(self._tape.notes)
        self._hook_watch = HookWatch(self._tape)
        self._thread_watch = ThreadWatch(self._tape.tell_threads_apart)
        self._mode: ForwardMode | None = None
        self._is_on = False
        self._backward: BackwardRecorder | None = None
        self._own_pass: BackwardRecorder | None = None
        self._kept_nodes: int | None = None
        self._roots: list[Origin] = []
        self._optimizers: Optimizers = ()
        self._sightings: list[Sighting] = []
        self._error: str | None = None
        self._error_source: tuple[str, int] | None = None
        self._started = self._stopped = 0.0

    def _make_mode(self) -> ForwardMode:
        return ForwardMode(self._tape, self._compiler, is_step=self._keep == "step")

    def _make_backward(self) -> BackwardRecorder:
        return BackwardRecorder(self._tape, self._grad_keeper)

    def announce(self, tensor: torch.Tensor, name: str, kind: NodeKind = "input") -> None:
        """Name a tensor that the program is given."""
        self._tape.announce(tensor, name, kind)

    def start(self) -> None:
        """Record every operation that this thread dispatches from now on."""
        try:
            self._random_state = take()
        except (RuntimeError, AssertionError):  # a mode of the program's (fake tensors) refuses; replay needs it alone
            self._random_state = None
        self._started = time.perf_counter()
        self._is_on = True
        free_parked()
        try:
            if self._keep == "all":
                self._scopes.outside = user_frame(running_frame())
            self._scopes.start()
            self._compiler.start()
            self._hook_watch.start()
            self._thread_watch.start()
            self._mode = self._make_mode()
            enter_mode(self._mode)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Take everything off again. Harmless when nothing is on."""
        if not self._is_on:
            return
        self._is_on = False
        mode, self._mode = self._mode, None
        if mode is not None:
            leave_mode(mode)
        self._thread_watch.stop()
        self._hook_watch.stop()
        self._compiler.stop()
        self._scopes.stop()
        self._stopped = time.perf_counter()
        if mode is not None:
            try:
                mode.close()
            except Exception as error:  # noqa: BLE001 - the program has run; only its last operation lacks something
                self._tape.notes.add(fault_note("The last operation", error))

    def set_roots(self, tensors: Sequence[torch.Tensor]) -> None:
        """Name the results of a forward pass that has no backward pass."""
        self.stop()
        self._roots = [self._tape.origin(tensor) for tensor in tensors]

    def run_backward(self, tensors: Sequence[torch.Tensor], call: Callable[[], T]) -> T:
        """Stop recording the forward pass; record the backward pass that `call` runs from `tensors`."""
        self.stop()
        if not torch.is_grad_enabled():
            self.note(Sighting("grad-off", source=source_of(user_frame(running_frame()))))
        self._backward = self._make_backward()
        return self._backward.run(tensors, call)

    def knows(self, tensor: torch.Tensor) -> bool:
        """Whether what made a tensor has been recorded."""
        return self._tape.known_origin(tensor) is not None

    def run_own_pass(self, tensors: Sequence[torch.Tensor], call: Callable[[], T]) -> T:
        """Record a backward pass that the program itself runs; its forward pass goes on being recorded."""
        if self._own_pass is not None:
            return call()
        if self._mode is not None:
            self._mode.close()
        self._own_pass = self._make_backward()
        return self._own_pass.run(tensors, call, is_nested=True)

    def has_run(self, roots: Sequence[torch.Tensor]) -> bool:
        """Whether the program itself has run the backward pass of `roots` (or, if there are none, any)."""
        if self._own_pass is None:
            return False
        return (
            not roots
            or {self._tape.origin(root) for root in roots} <= set(self._own_pass.roots)
            or has_freed_nodes(roots, self._tape)
        )

    def use_own_pass(self) -> None:
        """The trace shows the first backward pass that the program itself ran, and what was recorded before it."""
        self.stop()
        if self._own_pass is not None:
            self._backward = self._own_pass
            self._kept_nodes = self._own_pass.first_later_node

    def note_optimizers(self, optimizers: Optimizers) -> None:
        """Say which optimizers the program has made: their class, and the tensors that they hold now."""
        self._optimizers = optimizers

    def note(self, sighting: Sighting) -> None:
        """Put something that was seen of the program into the trace."""
        self._sightings.append(sighting)

    def origins(self) -> Origins:
        """What recognises this recording's tensors after `finish`; to be called before it."""
        return origins_of(self._tape)

    def fail(self, error: BaseException) -> None:
        """The program raised: the trace will end here and say so."""
        self.stop()
        self._error = describe_error(error)
        self._error_source = user_place(error)

    def finish(self, *, step: int | None = None, notes: Sequence[str] = ()) -> Trace:
        """Everything recorded as plain data; the recorder lets go of the program's tensors."""
        self.stop()
        self._tape.name_leaves()
        edges, roots, steps = self._result()
        nodes = self._tape.nodes
        self._see_saved()
        self._see_own_pass()
        if self._keep == "all" and (initialised := sorted(only_initialised(self._tape))):
            self.note(Sighting("unused", tuple(nodes[number] for number in initialised)))
        self._sightings += hook_sightings(self._tape)
        if self._keep == "step" and roots:
            kept = self._step_nodes(edges, roots)
            kept.update(backward_step.node.id for backward_step in steps)
            self._see_around(kept, is_done=bool(steps) and self._error is None)
            nodes, edges, roots = renumber(nodes, edges, roots, kept)
        elif self._kept_nodes is not None:
            nodes, edges, roots = renumber(nodes, edges, roots, set(range(self._kept_nodes)))
        count_flops(nodes, edges)
        self._keeper.finish()
        self._grad_keeper.finish()
        used = {scope[:depth] for scope in {node.scope for node in nodes} for depth in range(1, len(scope) + 1)}
        scopes = self._scopes.scopes(used)
        backward_s = 0.0 if self._backward is None else self._backward.seconds
        trace = Trace(
            Graph(nodes, edges, scopes),
            steps,
            roots=roots,
            target=self._target,
            values=self._values,
            sources=_source_texts(_files_of(nodes) | self._error_files()),
            notes=[*notes, *sorted(self._tape.notes)],
            error=self._error,
            error_source=self._error_source,
            timing=Timing(
                forward=self._stopped - self._started,
                backward=backward_s,
                total=time.perf_counter() - self._started,
            ),
            environment={
                "python": platform.python_version(),
                "torch": str(torch.__version__),  # a class of torch's own, which a trace must not hold
                "platform": sys.platform,
            },
            step=step,
            observations=observations(self._sightings, nodes),
        )
        if self._random_state is not None:
            trace.random_state = self._random_state._replace(own=tuple(self._tape.generators.values()))
        park(self._tape)
        self._tape.release()
        self._scopes.release()
        return trace

    def _step_nodes(self, edges: list[Edge], roots: list[Origin]) -> set[int]:
        """Which of the recorded nodes belong to the step."""
        return step_nodes(self._tape.nodes, self._tape.edges, edges, roots)

    def _result(self) -> tuple[list[Edge], list[Origin], list[BackwardStep]]:
        if self._backward is None:
            return match_edges(self._tape, {}), self._roots, []
        return self._backward.edges, self._backward.roots, self._backward.steps

    def _see_around(self, kept: set[int], *, is_done: bool) -> None:
        """Note what lies beside the step, and add to `kept` the nodes that this is about."""
        tape = self._tape
        if not is_done:
            kept |= writers_into(tape.nodes, tape.edges, kept)
            if tape.unrecorded is not None:
                self.note(Sighting("ran-without-grad", text=tape.unrecorded[0], source=tape.unrecorded[1]))
            return
        for seen in [
            *optimizer_sightings(tape, self._optimizers),
            *without_gradient(tape, self._scopes, self._optimizers, kept),
        ]:
            self.note(seen)
            if seen.kind in ("unused", "unreached"):
                kept.update(node.id for node in seen.nodes)
            if seen.kind == "unreached":
                kept |= ways_out(tape.nodes, tape.edges, seen.nodes)

    def _see_saved(self) -> None:
        """Note saved tensors that cannot be read any more."""
        tape = self._tape
        for node_id, name, reason in tape.unreadable:
            if "inplace" in reason or "freed" in reason:
                kind: ObservationKind = "changed-saved" if "inplace" in reason else "freed-saved"
                self.note(Sighting(kind, (tape.nodes[node_id],), name))

    def _see_own_pass(self) -> None:
        """Note the leaves that got their gradient in a pass of the program's own, and not in the one that is shown."""
        if self._own_pass is not None and self._own_pass is not self._backward:
            reached = [step.node for step in self._own_pass.steps if step.node.kind == "leaf"]
            self.note(Sighting("reached-later", tuple(dict.fromkeys(reached))))

    def _error_files(self) -> set[str]:
        return set() if self._error_source is None else {self._error_source[0]}


def describe_error(error: BaseException) -> str:
    """ "ValueError at train.py, line 12: the message" """
    place = user_place(error)
    where = "" if place is None else f" at {os.path.basename(place[0])}, line {place[1]}"
    text = text_of(error)
    return f"{type(error).__name__}{where}" + (f": {text}" if text else "")


def text_of(error: BaseException) -> str:
    """An exception's message, as far as it can be read; it is the program's own class that writes it."""
    try:
        text = str(error).strip()
    except Exception:  # noqa: BLE001 - its own failure says nothing about the one that it should tell
        return "its message cannot be read"
    return text if len(text) <= LONGEST_MESSAGE else f"{text[:LONGEST_MESSAGE]} … ({len(text):,} characters)"


def user_place(error: BaseException) -> tuple[str, int] | None:
    """File and line of the innermost frame of the program in an exception's traceback."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno
    found = None
    for frame, line in traceback.walk_tb(error.__traceback__):
        if is_user_code(frame.f_code):
            found = (frame.f_code.co_filename, line)
    return found


def _files_of(nodes: Sequence[Node]) -> set[str]:
    """The files of the program's calls around any of the nodes."""
    stacks = {id(node.stack): node.stack for node in nodes}  # there are few of them, and each is one object
    return {source.file for stack in stacks.values() for source in stack}


def _source_texts(files: set[str]) -> dict[str, str]:
    texts = {}
    for file in sorted(files):
        lines = linecache.getlines(file)
        text = "".join(lines)
        if lines and len(text) <= LARGEST_SOURCE_BYTES:
            texts[file] = text
    return texts


def unwrap(value: Any) -> Any:
    """The module behind `torch.compile`, which is run eagerly while it is traced; anything else as it is."""
    return getattr(value, "_orig_mod", value)
