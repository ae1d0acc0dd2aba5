"""One node at one position of the training step: what the sections of the inspector are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.graph.model import Edge, Node, TensorInfo
from engine.graph.stepper import Stepper
from engine.graph.trace import BackwardStep, Trace

from ..theme import Theme

NOT_YET = "The forward pass has not run this operation yet."


class Handed(NamedTuple):
    """A gradient along one edge: `info` is None while its step is still to come, or where none flows."""

    edge: Edge
    info: TensorInfo | None


@dataclass(frozen=True)
class Moment:
    """`node` with its output number `output` as the cursor of `stepper` sees it; `edge` is the selected one."""

    trace: Trace
    stepper: Stepper
    node: Node
    output: int
    theme: Theme
    sources: Mapping[str, str]
    edge: Edge | None = None

    @property
    def step(self) -> BackwardStep | None:
        """The node's backward step, taken or still to come."""
        return self.trace.step_of(self.node)

    @property
    def has_run(self) -> bool:
        """Whether the node's own backward step has been taken."""
        return self.step is not None and self.step.index < self.stepper.position

    @property
    def has_gradient(self) -> bool:
        return self.stepper.has_gradient(self.node)

    @property
    def has_value(self) -> bool:
        """Whether the forward pass has come as far as this node."""
        return self.stepper.has_value(self.node)

    @property
    def value(self) -> TensorInfo | None:
        """The output as it is now; before its operation has run its form alone, with a note that says so."""
        info = self.stepper.value(self.node, self.output)
        if info is None or self.has_value:
            return info
        return TensorInfo(
            shape=info.shape, dtype=info.dtype, device=info.device, layout=info.layout, name=info.name, note=NOT_YET
        )

    @property
    def is_updated(self) -> bool:
        """Whether an optimizer has changed the value since the backward pass."""
        return bool(self.stepper.updates(self.node))

    @property
    def gradient(self) -> TensorInfo | None:
        """The gradient of the output, once it is whole; for a node without a step, what its one consumer handed on."""
        if not self.has_gradient:
            return None
        info = self.trace.grad_info(self.node, self.output)
        if info is None and self.step is None:
            arrived = [handed.info for handed in self.arrivals() if handed.info is not None]
            return arrived[0] if len(arrived) == 1 else None
        return info

    @property
    def is_root(self) -> bool:
        return (self.node.id, self.output) in self.trace.roots

    def arrivals(self) -> list[Handed]:
        """What each consumer of the output hands back, in the order in which that happens."""
        found = []
        for edge, info in self.trace.contributions(self.node, self.output):
            step = self.trace.step_of(edge.target)
            if step is not None:
                found.append((step.index, Handed(edge, info if step.index < self.stepper.position else None)))
        return [handed for _, handed in sorted(found, key=_order)]

    def handed_on(self) -> list[Handed]:
        """The gradient along each edge into the node."""
        step, found = self.step, []
        for edge in self.trace.graph.incoming(self.node):
            info = None
            if self.has_run and step is not None and edge.grad_index is not None:
                inputs = step.grad_inputs
                info = inputs[edge.grad_index] if 0 <= edge.grad_index < len(inputs) else None
            found.append(Handed(edge, info))
        return found


def _order(entry: tuple[int, Handed]) -> int:
    return entry[0]
