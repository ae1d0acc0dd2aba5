"""Taking a trace apart into columns, arrays and one document."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec

from ..errors import TraceFileError
from ..graph.model import Edge, Graph, Node, NodeKind, SavedTensor, ScopePath, Source
from ..graph.observation import Observation
from ..graph.trace import Trace
from .columns import Array, Interned, Writer
from .tensor_table import TensorTable
from .values import JsonError, encode

KINDS: tuple[NodeKind, ...] = get_args(NodeKind)


def take_apart(trace: Trace) -> tuple[dict[str, Any], dict[str, Array]]:
    """The document and the tensors of a trace file.

    Raises
    ------
    TraceFileError
        When the trace contradicts itself (ids that are not indices, edges to nowhere), so that it could not be read.
    """
    try:
        return _Parts(trace).all()
    except JsonError as error:
        raise TraceFileError(f"The trace cannot be saved: {error}.") from error


class _Parts:
    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.out = Writer()
        self.strings: Interned[str] = Interned()
        self.paths: Interned[ScopePath] = Interned()
        self.sources: Interned[Source] = Interned()
        self.tensors = TensorTable(self.strings)
        self.params: list[str] = []

    def all(self) -> tuple[dict[str, Any], dict[str, Array]]:
        trace, out = self.trace, self.out
        check_graph(trace.graph, "The trace cannot be saved")
        self._nodes(trace.graph.nodes)
        self._edges(trace.graph.edges)
        self._steps()
        self._scopes()
        arrays = self.tensors.write(out)
        out.lists("paths", [[self.strings(part) for part in path] for path in self.paths.values])
        out.integers("sources.file", [self.strings(source.file) for source in self.sources.values])
        out.integers("sources.line", [source.line for source in self.sources.values])
        out.integers("sources.function", [self.strings(source.function) for source in self.sources.values])
        timing = trace.timing
        document = {
            "target": trace.target,
            "step": trace.step,
            "values": trace.values,
            "error": trace.error,
            "error_source": list(trace.error_source) if trace.error_source is not None else None,
            "roots": [[int(node), output] for node, output in trace.roots],
            "timing": [encode(float(part)) for part in (timing.forward, timing.backward, timing.total)],
            "notes": trace.notes,
            "environment": trace.environment,
            "sources": trace.sources,
            "arrays": arrays,
            "params": [json.loads(params) for params in self.params],
            "strings": self.strings.values,
        }
        if trace.observations:
            document["observations"] = [_observation(seen) for seen in trace.observations]
        return document, out.tensors

    def _nodes(self, nodes: list[Node]) -> None:
        out, strings = self.out, self.strings
        kinds = {kind: place for place, kind in enumerate(KINDS)}
        out.integers("nodes.kind", [kinds[node.kind] for node in nodes])
        for field in ("op", "grad_fn", "name", "call"):
            out.integers(f"nodes.{field}", [strings(getattr(node, field)) for node in nodes])
        out.flags("nodes.sequenced", [node.sequence_nr is not None for node in nodes])
        out.integers("nodes.sequence_nr", [node.sequence_nr for node in nodes if node.sequence_nr is not None])
        out.integers("nodes.scope", [self.paths(tuple(node.scope)) - 1 for node in nodes])
        out.integers("nodes.source", [self.sources(node.source) for node in nodes])
        if any(node.stack for node in nodes):
            stacks: Interned[tuple[Source, ...]] = Interned()
            out.integers("nodes.stack", [stacks(node.stack or None) for node in nodes])
            out.lists("stacks", [[self.sources(source) for source in stack] for stack in stacks.values])
        out.floats("nodes.seconds", [node.seconds for node in nodes])
        if any(node.flops is not None for node in nodes):
            out.integers("nodes.flops", [0 if node.flops is None else node.flops + 1 for node in nodes])
        params: Interned[str] = Interned()
        texts = (json.dumps(encode(node.params), allow_nan=False) if node.params else None for node in nodes)
        out.integers("nodes.params", [params(text) for text in texts])
        self.params = params.values
        rows = (
            [self.tensors(info, f"node.{node.id}.output.{place}") for place, info in enumerate(node.outputs)]
            for node in nodes
        )
        out.lists("nodes.outputs", rows)
        self._saved(nodes)

    def _saved(self, nodes: list[Node]) -> None:
        out, strings = self.out, self.strings
        saved: list[SavedTensor] = [tensor for node in nodes for tensor in node.saved]
        shapes: Interned[tuple[int, ...]] = Interned()
        out.integers("nodes.saved", [len(node.saved) for node in nodes])
        out.integers("saved.name", [strings(tensor.name) for tensor in saved])
        out.integers("saved.dtype", [strings(tensor.dtype) for tensor in saved])
        out.integers("saved.shape", [shapes(tuple(tensor.shape)) - 1 for tensor in saved])
        out.lists("saved.shapes", shapes.values)
        out.integers("saved.version", [tensor.version for tensor in saved])
        out.integers("saved.nbytes", [tensor.nbytes for tensor in saved])
        out.integers("saved.node", [tensor.source[0] + 1 if tensor.source is not None else 0 for tensor in saved])
        out.integers("saved.output", [tensor.source[1] if tensor.source is not None else 0 for tensor in saved])
        if any(tensor.span is not None for tensor in saved):
            spans = [tensor.span or (-1, 0, 0) for tensor in saved]
            out.integers("saved.storage", [storage + 1 for storage, _, _ in spans])
            out.integers("saved.begin", [begin for _, begin, _ in spans])
            out.integers("saved.length", [end - begin for _, begin, end in spans])

    def _edges(self, edges: list[Edge]) -> None:
        out = self.out
        for field in ("source", "output_nr", "target", "input_nr"):
            out.integers(f"edges.{field}", [getattr(edge, field) for edge in edges])
        out.integers("edges.grad_index", [-1 if edge.grad_index is None else edge.grad_index for edge in edges])
        out.integers("edges.arg", [self.strings(edge.arg) for edge in edges])
        out.integers("edges.cut", [self.strings(edge.cut) for edge in edges])

    def _steps(self) -> None:
        out, tensors, steps = self.out, self.tensors, self.trace.backward
        nodes = self.trace.graph.nodes
        for step in steps:
            if not 0 <= step.node.id < len(nodes) or nodes[step.node.id] is not step.node:
                raise TraceFileError(
                    f"The trace cannot be saved: backward step {step.index} belongs to a node that is not in the graph."
                )
        out.integers("steps.index", [step.index for step in steps])
        out.integers("steps.node", [step.node.id for step in steps])
        out.floats("steps.seconds", [step.seconds for step in steps])
        for field in ("grad_outputs", "grad_inputs"):
            rows = (
                [tensors(info, f"step.{row}.{field}.{place}") for place, info in enumerate(getattr(step, field))]
                for row, step in enumerate(steps)
            )
            out.lists(f"steps.{field}", rows)
        for field in ("grad_before", "grad_after"):
            places = [tensors(getattr(step, field), f"step.{row}.{field}") for row, step in enumerate(steps)]
            out.integers(f"steps.{field}", places)

    def _scopes(self) -> None:
        out, scopes = self.out, self.trace.graph.scopes
        out.integers("scopes.key", [self.paths(tuple(path)) - 1 for path in scopes])
        out.integers("scopes.path", [self.paths(tuple(scope.path)) - 1 for scope in scopes.values()])
        out.integers("scopes.module", [self.strings(scope.module) for scope in scopes.values()])
        out.integers("scopes.parameters", [scope.parameters for scope in scopes.values()])


def _observation(seen: Observation) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(seen)
    if seen.amounts:
        found["amounts"] = [encode(amount) for amount in seen.amounts]  # one may be infinite, or no number
    return found


def check_graph(graph: Graph, prefix: str) -> None:
    """Nodes carry their index, edges join nodes that exist, and no data flows in a circle.

    Raises
    ------
    TraceFileError
        `prefix`, then what is wrong and where.
    """
    nodes, edges = graph.nodes, graph.edges
    count = len(nodes)
    for place, node in enumerate(nodes):
        if node.id != place:
            raise TraceFileError(f"{prefix}: node {place} carries the id {node.id}.")
    is_ordered = True
    for place, edge in enumerate(edges):
        if not (0 <= edge.source < count and 0 <= edge.target < count):
            raise TraceFileError(
                f"{prefix}: edge {place} goes from node {edge.source} to node {edge.target}; there are {count} nodes."
            )
        is_ordered = is_ordered and edge.source < edge.target
    if not is_ordered:
        _check_cycles(graph, prefix)


def _check_cycles(graph: Graph, prefix: str) -> None:
    """Take away, one after the other, nodes whose inputs are all taken away; what remains runs in a circle."""
    missing = [0] * len(graph.nodes)
    targets: list[list[int]] = [[] for _ in graph.nodes]
    for edge in graph.edges:
        missing[edge.target] += 1
        targets[edge.source].append(edge.target)
    ready = [place for place, inputs in enumerate(missing) if inputs == 0]
    gone = 0
    while ready:
        gone += 1
        for target in targets[ready.pop()]:
            missing[target] -= 1
            if missing[target] == 0:
                ready.append(target)
    if gone < len(missing):
        first = next(place for place, inputs in enumerate(missing) if inputs > 0)
        raise TraceFileError(f"{prefix}: the edges form a circle, at or above node {first}.")
