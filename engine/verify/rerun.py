"""Runs a whole recorded graph again in float64, operator by operator, without its program."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..graph.model import Node
from ..graph.trace import Trace
from .by_rule import coarsest_epsilon, root_gradients
from .operators import FAILURES, is_random, operator_of, run_operator, widened

Place = tuple[int, int]
_UNINITIALISED = ("aten.empty", "aten.new_empty", "aten.empty_like", "aten.empty_strided")
_WITH_WORKSPACE = {"aten.mkldnn_rnn_layer.default"}
"""Their last result is memory for the backward pass only."""
_VIEWS = ("aten.view.default", "aten._unsafe_view.default", "aten._reshape_alias.default")
_LARGEST_TOLERANCE = 0.1


class CannotRerunError(Exception):
    """The graph cannot be run again; the message says which node, and why."""


class Rerun:
    """The operations between the leaves and the roots of a trace, ready to be run again and again.

    Random numbers are not drawn anew: the recorded ones are used. The first run is compared with the recorded values,
    so that what is differentiated is what the program computed.

    Parameters
    ----------
    trace : recorded with `values="all"`.

    Raises
    ------
    CannotRerunError
        A value was not kept, an operator is not known or does not run, or gives another result than it did.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._nodes = _needed(trace)
        self._weights = [torch.from_numpy(np.array(gradient)) for gradient in root_gradients(trace)]
        self._has_writes = any(_writes(node) for node in self._nodes)
        self._allowed = min(_LARGEST_TOLERANCE, 1e4 * max(coarsest_epsilon(trace), 2.0**-52))
        self._cuts = _cuts(trace)
        self._values: dict[Place, torch.Tensor] = {}
        for node in self._nodes:
            if node.kind != "op":
                self._values[node.id, 0] = self._given(node)
        self.leaves = {node.id: self._values[node.id, 0] for node in self._nodes if node.kind == "leaf"}
        """Values of the leaves in float64, by node id: to be moved in place, and put back."""
        self._computed: dict[Place, torch.Tensor] = {}
        with torch.no_grad():
            for node in self._nodes:
                if node.kind == "op":
                    self._store(self._computed, node, self._run(node, self._computed))
                    self._compare(node)

    def value(self, moved: int | None = None) -> float:
        """The roots' sum, weighted with the gradients that the backward pass began with.

        Parameters
        ----------
        moved : the only leaf whose values differ from the recorded ones; what does not depend on it is not run again.
        """
        computed: dict[Place, torch.Tensor] = {}
        affected = None if moved is None or self._has_writes else self._downstream(moved)
        with torch.no_grad():
            for node in self._nodes:
                if node.kind != "op" or (affected is not None and node.id not in affected):
                    continue
                if node.id in self._cuts:  # for the gradient, what was detached is a constant
                    constants = [self._computed[node.id, k].clone() for k in range(len(node.outputs))]
                    self._store(computed, node, constants)
                else:
                    self._store(computed, node, self._run(node, computed))
            total = 0.0
            for place, weight in zip(self._trace.roots, self._weights, strict=True):
                total += float((self._at(place, computed) * weight).sum())
        return total

    def restore(self, leaf: int) -> None:
        """Give a leaf exactly its recorded values again."""
        self.leaves[leaf].copy_(self._given(self._trace.graph.nodes[leaf]))

    def _given(self, node: Node) -> torch.Tensor:
        array = self._trace.value(node)
        if array is None:
            raise CannotRerunError(f"the values of {_called(node)} were not kept")
        return widened(array)

    def _downstream(self, leaf: int) -> set[int]:
        found, pending = {leaf}, [leaf]
        while pending:
            for edge in self._trace.graph.outgoing(pending.pop()):
                if edge.target not in found:
                    found.add(edge.target)
                    pending.append(edge.target)
        return found

    def _at(self, place: Place, computed: dict[Place, torch.Tensor]) -> torch.Tensor:
        if place in computed:
            return computed[place]
        found = self._values.get(place)
        if found is not None and self._has_writes:  # a write must not reach the values that the next run starts from
            found = computed[place] = found.clone()
        if found is None:
            found = self._computed.get(place)
        if found is None:
            raise CannotRerunError(f"{_called(self._trace.graph.nodes[place[0]])} has no output {place[1]}")
        return found

    def _run(self, node: Node, computed: dict[Place, torch.Tensor]) -> list[torch.Tensor]:
        edges = [edge for edge in self._trace.graph.incoming(node) if edge.arg is not None]
        operands = [(edge.arg or "", self._at((edge.source, edge.output_nr), computed)) for edge in edges]
        if node.op is None:
            if [name for name, _ in operands] == ["result"]:  # a custom Function: its body was recorded before it
                return [operands[0][1]]
            raise CannotRerunError(f"no operator was recorded for {_called(node)}")
        operator = operator_of(node.op)
        if operator is None:
            raise CannotRerunError(f"{node.op} is no operator that this torch can run")
        if is_random(operator, node):
            return self._recorded_draw(node, operands)
        try:
            results = run_operator(operator, node, operands)
        except FAILURES as error:
            if node.op in _VIEWS and not self._has_writes:
                # A trace does not keep strides: what was a view of a transposed input may need a copy here.
                return [operands[0][1].reshape(node.outputs[0].shape)]
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise CannotRerunError(f"{_called(node)} does not run again in float64: {reason}") from error
        while len(results) < len(node.outputs):
            results.append(self._further_output(node, operands, len(results)))
        return results

    def _recorded_draw(self, node: Node, operands: list[tuple[str, torch.Tensor]]) -> list[torch.Tensor]:
        """The result of a random operator, with the numbers that it drew."""
        arrays = [info.array for info in node.outputs]
        if node.op == "aten.native_dropout.default" and len(arrays) == 2 and arrays[1] is not None:
            p, mask = float(node.params.get("p", 0.5)), torch.from_numpy(np.array(arrays[1]))
            return [operands[0][1] * mask * (0.0 if p == 1 else 1 / (1 - p)), mask]
        if node.grad_fn is not None or any(array is None for array in arrays):
            raise CannotRerunError(f"{_called(node)} draws random numbers inside a differentiable operation")
        results = [widened(array) for array in arrays]
        if _writes(node) and operands and results:
            operands[0][1].copy_(results[0])
            results[0] = operands[0][1]
        return results

    def _further_output(self, node: Node, operands: list[tuple[str, torch.Tensor]], output: int) -> torch.Tensor:
        """What an operator wrote without returning it, recorded as a further output: a view's base, running statistics.

        Of several that have the form of the output it is the one whose values are nearest.
        """
        info = node.outputs[output]
        if (node.op or "") in _WITH_WORKSPACE:
            return torch.empty(0)
        written = [
            tensor
            for name, operand in operands
            for tensor in ((operand._base,) if name in ("self", "input", "out") else (operand,))
            if tensor is not None and tuple(tensor.shape) == info.shape
        ]
        if not written:
            raise CannotRerunError(f"the tensor that {_called(node)} writes into is not known")
        if info.array is None or len(written) == 1:
            return written[0]
        return min(written, key=lambda tensor: _distance(tensor, info.array))

    @staticmethod
    def _store(computed: dict[Place, torch.Tensor], node: Node, results: list[torch.Tensor]) -> None:
        for number, result in enumerate(results):
            computed[node.id, number] = result

    def _compare(self, node: Node) -> None:
        if (node.op or "").rpartition(".")[0] in _UNINITIALISED:
            return
        for number, info in enumerate(node.outputs):
            result, array = self._computed.get((node.id, number)), info.array
            if result is None or array is None or array.dtype.kind != "f" or array.size == 0:
                continue
            found = result.numpy()
            if found.shape != array.shape:
                raise CannotRerunError(f"{_called(node)} gives another shape when it is run again")
            finite = np.isfinite(array) & np.isfinite(found)
            size = float(np.abs(array[finite]).max(initial=0.0))
            allowed = self._allowed * max(size, self._allowed)
            if float(np.abs(found[finite] - array[finite]).max(initial=0.0)) > allowed:
                raise CannotRerunError(f"{_called(node)} gives another result when it is run again")


def _needed(trace: Trace) -> list[Node]:
    """The nodes that the roots depend on, in the order in which they ran."""
    found = {node_id for node_id, _ in trace.roots}
    pending = list(found)
    while pending:
        for edge in trace.graph.incoming(pending.pop()):
            if edge.source >= edge.target:
                raise CannotRerunError(f"{_called(trace.graph.nodes[edge.target])} reads what was recorded after it")
            if edge.source not in found:
                found.add(edge.source)
                pending.append(edge.source)
    # What is written in place is read by later operations, though no edge of theirs may say so.
    for node in trace.graph.nodes:
        if node.id not in found and _writes(node) and any(edge.source in found for edge in trace.graph.incoming(node)):
            found.add(node.id)
    return [trace.graph.nodes[node_id] for node_id in sorted(found)]


def _cuts(trace: Trace) -> set[int]:
    """Operations at which the program itself stops the gradient: detach, no_grad, what has no derivative."""
    nodes = trace.graph.nodes
    inside: set[int] = set()  # the bodies of custom Functions run without gradients, and have them all the same
    pending = [edge.source for edge in trace.graph.edges if edge.arg == "result" and nodes[edge.target].op is None]
    while pending:
        node_id = pending.pop()
        if node_id not in inside and nodes[node_id].kind == "op" and nodes[node_id].grad_fn is None:
            inside.add(node_id)
            pending.extend(edge.source for edge in trace.graph.incoming(node_id))
    return {
        edge.target
        for edge in trace.graph.edges
        if (edge.cut or "").startswith("cut")
        and nodes[edge.target].kind == "op"
        and nodes[edge.target].grad_fn is None
        and edge.target not in inside
        and not _writes(nodes[edge.target])
    }


def _distance(tensor: torch.Tensor, array: npt.NDArray[Any] | None) -> float:
    difference = np.nan_to_num(tensor.numpy()) - np.nan_to_num(np.asarray(array))
    return float(np.abs(difference).max(initial=0.0))


def _writes(node: Node) -> bool:
    parts = (node.op or "").split(".")
    if len(parts) > 1 and parts[1] == "native_batch_norm" and len(node.outputs) > 3:
        return True  # its running statistics are read later on
    return len(parts) > 1 and parts[1].endswith("_") and not parts[1].endswith("__")


def _called(node: Node) -> str:
    where = f" at line {node.source.line}" if node.source else ""
    return f"{node.name or node.label}{where}"
