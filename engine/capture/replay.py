"""Values on demand: runs a program again, with the same random numbers, to fetch tensors that were not kept.

The first replay keeps nothing: it checks that the program does the same again, and learns the place of every tensor in
the order in which tensors are met. Every further one keeps exactly the tensors that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..errors import ReplayError, TraceError
from ..graph.model import TensorInfo
from ..graph.structure import difference, fingerprint
from ..graph.trace import Trace
from . import randomness
from .grad_graph import leaves_below
from .put_aside import PutAside
from .recorder import Recorder
from .tensors import Keeper
from .tracing import record

T = TypeVar("T")
Array = npt.NDArray[Any]
BuiltCall = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class Wanted(NamedTuple):
    """An output of a node: its value, or the gradient with respect to it."""

    node: int
    output: int = 0
    is_gradient: bool = False


def fetch(
    program: nn.Module | Callable[..., Any],
    *args: Any,
    like: Trace,
    wanted: Sequence[Wanted | tuple[int, int, bool]],
    **kwargs: Any,
) -> dict[Wanted, Array]:
    """Whole values of the trace `like` that `engine.trace(program, *args, **kwargs)` did not keep.

    Runs the program twice more. Parameters and inputs must be what they were; gradients, buffers and random number
    generators are as before afterwards. The states of the generators are not in trace files: after loading one, a
    program that draws random numbers must seed them itself.

    Raises
    ------
    engine.errors.ReplayError
        The program did something else this time, or failed, or one of the tensors has no values.
    """
    return Replay(lambda: (program, args, kwargs), like).fetch([Wanted(*place) for place in wanted])


class Replay:
    """A program that can be run again as it was recorded.

    Parameters
    ----------
    build : gives the program, its arguments and keyword arguments; called for each run.
    like : the trace whose values are fetched, or its `engine.graph.structure.fingerprint`.
    keep : as it was for `like`: "all" for `engine.trace`, "step" for targets of the command line and the window.
    """

    def __init__(self, build: Callable[[], BuiltCall], like: Trace | str, keep: Literal["all", "step"] = "all") -> None:
        self._build = build
        self._like = like
        self._keep: Literal["all", "step"] = keep
        self._first: _Run | None = None
        self._is_compared = False

    def fetch(self, wanted: Sequence[Wanted]) -> dict[Wanted, Array]:
        """Run the program again and keep exactly these tensors; raises `ReplayError` like the function `fetch`."""
        if self._first is None:
            first = self._run(frozenset(), frozenset())
            self._check(first.trace)
            self._first = first
        serials = {place: self._first.serial(place) for place in wanted}
        compared = [] if self._is_compared else self._kept_from_outside()
        run = self._run(
            frozenset(serial for place, serial in serials.items() if not place.is_gradient)
            | frozenset(self._first.serial(place) for place in compared),
            frozenset(serial for place, serial in serials.items() if place.is_gradient),
        )
        for place in compared:
            self._compare(place, run)
        self._is_compared = True
        found = {}
        for place in wanted:
            info = run.info(place)
            if run.serial(place) != serials[place] or info.array is None:
                reason = info.note or "the program met its tensors in another order this time"
                raise ReplayError(f"The values of node {place.node} cannot be fetched: {reason.rstrip('.')}.")
            found[place] = info.array
        return found

    def _run(self, forward: frozenset[int], backward: frozenset[int]) -> _Run:
        keepers = _ChoosingKeeper(forward), _ChoosingKeeper(backward)
        like = self._like if isinstance(self._like, Trace) else None
        put_aside = PutAside()
        with randomness.left_alone(None if like is None else like.random_state):
            try:
                program, args, kwargs = self._build()
                if like is not None and like.random_state is not None:
                    randomness.restore(like.random_state)
                with put_aside.watching():
                    trace = record(
                        program,
                        args,
                        kwargs,
                        values="none",
                        backward=like is None or bool(like.backward),
                        keep=self._keep,
                        make_recorder=partial(_ReplayRecorder, keepers=keepers, put_aside=put_aside),
                    )
            except TraceError as error:
                if error.trace is None or like is None or like.error is None:
                    raise ReplayError(f"The program failed when it ran again to fetch values: {error}") from error
                trace = error.trace  # it failed the first time too: what ran until then is what there is to see
        return _Run(trace, *keepers)

    def _check(self, again: Trace) -> None:
        advice = "Its values can only be fetched while it does the same every time: record it anew."
        if isinstance(self._like, str):
            if fingerprint(again) != self._like:
                raise ReplayError(f"The program did something else when it ran again. {advice}")
            return
        where = difference(self._like, again)
        if where is not None:
            raise ReplayError(f"The program did something else when it ran again: {where}. {advice}")

    def _kept_from_outside(self) -> list[Wanted]:
        """The leaves and inputs of which the trace has whole values."""
        if isinstance(self._like, str):
            return []
        nodes = [node for node in self._like.graph.nodes if node.kind in ("leaf", "input")]
        return [Wanted(node.id) for node in nodes if node.outputs and node.outputs[0].array is not None]

    def _compare(self, place: Wanted, run: _Run) -> None:
        """Raise if a leaf or input is another one than it was: nothing that is computed from it would be right."""
        assert isinstance(self._like, Trace)
        node = self._like.graph.nodes[place.node]
        before, now = node.outputs[0].array, run.info(place).array
        if before is None or now is None or np.allclose(before, now, rtol=1e-4, equal_nan=True):
            return
        kind = "leaf" if node.kind == "leaf" else "input"
        raise ReplayError(
            f"The {kind} {node.name or node.id!r} is not what it was when the program was recorded (an optimizer has "
            "stepped since, say), so its values cannot be fetched any more: record it anew."
        )


class _ChoosingKeeper(Keeper):
    """Numbers every tensor that it is shown, and keeps the values of chosen numbers only."""

    def __init__(self, chosen: frozenset[int]) -> None:
        super().__init__("none")
        self._chosen = chosen
        self.infos: list[TensorInfo] = []

    def describe(self, tensor: torch.Tensor, **known: Any) -> TensorInfo:
        self.values = "all" if len(self.infos) in self._chosen else "none"
        info = super().describe(tensor, **known)
        self.infos.append(info)
        return info


class _Run:
    """One replay: its trace, and the number under which each of its tensors was met."""

    def __init__(self, trace: Trace, forward: _ChoosingKeeper, backward: _ChoosingKeeper) -> None:
        self.trace = trace
        self._infos = forward.infos, backward.infos  # kept, so that identities stay unique
        self._serials = tuple({id(info): serial for serial, info in enumerate(infos)} for infos in self._infos)

    def info(self, place: Wanted) -> TensorInfo:
        nodes = self.trace.graph.nodes
        info: TensorInfo | None = None
        if 0 <= place.node < len(nodes):
            if place.is_gradient:
                info = self.trace.grad_info(place.node, place.output)
            elif 0 <= place.output < len(nodes[place.node].outputs):
                info = nodes[place.node].outputs[place.output]
        if info is None:
            what = "gradient reaches" if place.is_gradient else "value is known of"
            raise ReplayError(f"No {what} output {place.output} of node {place.node}, so there is nothing to fetch.")
        return info

    def serial(self, place: Wanted) -> int:
        info = self.info(place)
        serial = self._serials[place.is_gradient].get(id(info))
        if serial is None:
            reason = info.note or "nothing that ran has looked at it"
            raise ReplayError(f"The values of node {place.node} cannot be fetched: {reason}.")
        return serial


class _ReplayRecorder(Recorder):
    """Leaves the program's tensors as they are: the results of a replay are looked at, not kept or added up."""

    def __init__(self, *, put_aside: PutAside, **options: Any) -> None:
        super().__init__(**options)
        self._put_aside = put_aside
        self._tape.before_write = partial(put_aside.before_write, self._tape)

    def run_backward(self, tensors: Sequence[torch.Tensor], call: Callable[[], T]) -> T:
        self._put_aside.before_backward(self._tape, leaves_below(tensors), is_cleared=True)
        return super().run_backward(tensors, call)

    def run_own_pass(self, tensors: Sequence[torch.Tensor], call: Callable[[], T]) -> T:
        """The program may go on with what it finds in `.grad`: that is given back when it has ended."""
        self._put_aside.before_backward(self._tape, leaves_below(tensors), is_cleared=False)
        return super().run_own_pass(tensors, call)
