"""`Trace`: one recorded forward and backward pass, with the values and gradients that were kept."""

from __future__ import annotations

import os
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from .model import Edge, Graph, Node, TensorInfo
from .observation import Observation

ValuesMode = Literal["none", "summary", "all"]


class BackwardStep(msgspec.Struct, eq=False, kw_only=True, gc=False):
    """One VJP, as the autograd engine ran it.

    `grad_outputs[k]` is the gradient with respect to output k of `node` (the sum of all contributions);
    `grad_inputs[k]` the one that the node hands on along its k-th autograd edge. None where no gradient flows. For an
    AccumulateGrad, `grad_before` and `grad_after` are the leaf's `.grad` around the step; `grad_before` is None where
    it was None.

    `seconds` is the time from the end of the step before it on the same thread to its own end, without the recording:
    the VJP itself, the sum of the gradients that arrived, and the engine's choice of the next node. On an accelerator
    it is the time to hand the work over, not to do it.
    """

    index: int
    node: Node
    grad_outputs: list[TensorInfo | None] = msgspec.field(default_factory=list)
    grad_inputs: list[TensorInfo | None] = msgspec.field(default_factory=list)
    grad_before: TensorInfo | None = None
    grad_after: TensorInfo | None = None
    seconds: float = 0.0


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds spent: in the recorded forward pass, in the backward pass, and altogether."""

    forward: float = 0.0
    backward: float = 0.0
    total: float = 0.0


class Trace:
    """A recorded forward and backward pass as plain data: stepping it needs neither torch nor the program.

    Parameters
    ----------
    graph : the executed operations.
    backward : VJPs in the order in which the autograd engine ran them.
    roots : (node id, output) pairs from which the gradients were propagated.
    target : what was traced, in the words of the command line.
    sources : text of every user file that the graph refers to, as it was when the program ran.
    notes : what was not recorded, and why; sentences for people.
    observations : what was seen of the program besides its operations: optimizers, late reads of `.grad`, ...
    error : the program's failure, if it failed; the graph then ends at the failing operation.
    """

    def __init__(
        self,
        graph: Graph,
        backward: list[BackwardStep] | None = None,
        *,
        roots: list[tuple[int, int]] | None = None,
        target: str = "",
        values: ValuesMode = "summary",
        sources: dict[str, str] | None = None,
        notes: list[str] | None = None,
        error: str | None = None,
        error_source: tuple[str, int] | None = None,
        timing: Timing | None = None,
        environment: dict[str, str] | None = None,
        step: int | None = None,
        observations: list[Observation] | None = None,
    ) -> None:
        self.graph = graph
        self.backward = backward or []
        self.roots = roots or []
        self.target = target
        self.values = values
        self.sources = sources or {}
        self.notes = notes or []
        self.error = error
        self.error_source = error_source
        self.timing = timing or Timing()
        self.environment = environment or {}
        self.observations = observations or []
        self.step = step
        """Number of the training step that was recorded, counted from 0; None outside a training."""
        self.random_state: Any = None
        """What the random number generators were when the program began, for `engine.capture.replay`; not saved."""
        self._step_of_node: dict[int, BackwardStep] | None = None

    def step_of(self, node_id: int | Node) -> BackwardStep | None:
        """The (last) backward step of a node; None where the backward pass never reached it."""
        if self._step_of_node is None:
            self._step_of_node = {step.node.id: step for step in self.backward}
        return self._step_of_node.get(node_id.__index__())

    def value(self, node_id: int | Node, output: int = 0) -> npt.NDArray[Any] | None:
        """Forward value of an output as an array of its shape, or None if it was not kept."""
        outputs = self.graph.nodes[node_id.__index__()].outputs
        return outputs[output].array if 0 <= output < len(outputs) else None

    def grad_info(self, node_id: int | Node, output: int = 0) -> TensorInfo | None:
        """Form, statistics and (if kept) values of dRoot/dOutput; None where no gradient flows."""
        step = self.step_of(node_id)
        if step is None or not 0 <= output < len(step.grad_outputs):
            return None
        return step.grad_outputs[output]

    def grad(self, node_id: int | Node, output: int = 0) -> npt.NDArray[Any] | None:
        """dRoot/dOutput as an array; None where no gradient flows or the values were not kept."""
        info = self.grad_info(node_id, output)
        return None if info is None else info.array

    def contributions(self, node_id: int | Node, output: int = 0) -> list[tuple[Edge, TensorInfo]]:
        """The gradient that each consumer of an output handed back, in the order of the consumers."""
        found = []
        for edge in self.graph.outgoing(node_id):
            if edge.output_nr != output or edge.grad_index is None:
                continue
            step = self.step_of(edge.target)
            if step is not None and edge.grad_index < len(step.grad_inputs):
                info = step.grad_inputs[edge.grad_index]
                if info is not None:
                    found.append((edge, info))
        return found

    def leaves(self) -> list[Node]:
        """Every leaf, in the order of first use."""
        return [node for node in self.graph.nodes if node.kind == "leaf"]

    @property
    def loss(self) -> float | None:
        """Value of the root if it is a single number that was kept."""
        if len(self.roots) != 1:
            return None
        value = self.value(*self.roots[0])
        return float(value.reshape(-1)[0]) if value is not None and value.size == 1 and np.isrealobj(value) else None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a trace file (safetensors); an existing file is replaced as a whole or not at all."""
        from ..storage.trace_file import save

        save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trace:
        """Read a trace file; raises `engine.errors.TraceFileError` when it is damaged, and never executes anything."""
        from ..storage.trace_file import load

        return load(path)
