"""The recorded graph as plain data: nodes, edges, tensors, scopes. No torch, no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from .summary import Summary, summarize

if TYPE_CHECKING:
    import networkx as nx

NodeKind = Literal["op", "leaf", "input", "buffer", "constant"]
ScopePath = tuple[str, ...]


class Source(NamedTuple):
    """Where in the user's program something happened."""

    file: str
    line: int
    function: str


class TensorInfo(msgspec.Struct, eq=False, kw_only=True, gc=False):
    """What is known about one tensor at one moment: its form, its statistics, and its values where they were kept.

    `array` is None when the values were not kept; `note` then says why. `version` is the tensor's version counter at
    that moment (it grows with every in-place operation).
    """

    shape: tuple[int, ...]
    dtype: str
    device: str = "cpu"
    layout: str = "strided"
    requires_grad: bool = False
    version: int = 0
    array: npt.NDArray[Any] | None = None
    note: str | None = None
    name: str | None = None
    recorded_summary: Summary | None = None

    @property
    def summary(self) -> Summary | None:
        """Statistics of the values; computed here from `array` unless they were taken while recording."""
        if self.recorded_summary is None and self.array is not None:
            self.recorded_summary = summarize(self.array)
        return self.recorded_summary

    @property
    def numel(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if self.array is None:
            raise ValueError(self.note or "the values of this tensor were not kept")
        return np.array(self.array, dtype=dtype, copy=True if copy is None else copy)


class SavedTensor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A tensor that an autograd node keeps for its VJP. `source` is the node and output that made it, if known.

    `nbytes` is the size of its elements, side by side. `span` says which memory it keeps alive: the number of the
    storage, and the first byte in it and the one after the last; None where that is not known.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    version: int = 0
    nbytes: int = 0
    source: tuple[int, int] | None = None
    span: tuple[int, int, int] | None = None


def saved_bytes(saved: Iterable[SavedTensor]) -> int:
    """Bytes of memory that saved tensors keep alive together; what several of them share is counted once."""
    total = 0
    spans: list[tuple[int, int, int]] = []
    seen: set[tuple[int, int]] = set()
    for tensor in saved:
        if tensor.span is not None:
            spans.append(tensor.span)
        elif tensor.source is None or tensor.source not in seen:
            total += tensor.nbytes
            if tensor.source is not None:
                seen.add(tensor.source)
    storage, covered = -1, 0
    for number, begin, end in sorted(spans):
        if number != storage:
            storage, covered = number, begin
        total += max(end - max(begin, covered), 0)
        covered = max(covered, end)
    return total


class Node(msgspec.Struct, eq=False, kw_only=True, gc=False):
    """One executed operation together with its autograd node, or a tensor that enters the graph from outside.

    A node may stand wherever its id may: `nodes[node]`, `trace.value(node)`, and it equals and hashes like its id.

    Attributes
    ----------
    id : index of this node in `Graph.nodes`.
    kind : "op", or how the tensor enters: "leaf" (requires grad, has an AccumulateGrad), "input", "buffer", "constant".
    op : the dispatched operator, such as "aten.addmm.default"; None for tensors and for autograd-only nodes.
    grad_fn : the autograd node's name, such as "AddmmBackward0" or "AccumulateGrad"; None if there is none.
    sequence_nr : autograd's sequence number, or None without an autograd node.
    scope : path of the nn.Module calls around the operation, outermost first; () at the top.
    source : file, line and function of the user's frame.
    stack : the program's calls around the operation, the innermost first, which is `source`; up to eight of them, and
        none of torch or of the standard library. () where they are not known.
    name : the variable's name in the user's code.
    params : the operator's non-tensor arguments by their schema name (numbers, strings, lists, or a text).
    seconds : how long the operation took to run; on an accelerator, to be handed to it.
    flops : floating-point operations of the forward pass as torch.utils.flop_counter counts them: those of matrix
        products, convolutions and attention. None for every other operation.
    """

    id: int
    kind: NodeKind
    op: str | None = None
    grad_fn: str | None = None
    sequence_nr: int | None = None
    scope: ScopePath = ()
    source: Source | None = None
    name: str | None = None
    outputs: list[TensorInfo] = msgspec.field(default_factory=list)
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    saved: list[SavedTensor] = msgspec.field(default_factory=list)
    seconds: float = 0.0
    call: str | None = None
    flops: int | None = None
    stack: tuple[Source, ...] = ()

    def put_at(self, stack: tuple[Source, ...]) -> None:
        """Say which calls of the program this node comes from; `source` is the innermost."""
        self.stack = stack
        self.source = stack[0] if stack else None

    @property
    def saved_bytes(self) -> int:
        """Bytes that this node keeps alive for its VJP; memory that it holds twice is counted once."""
        return saved_bytes(self.saved) if self.saved else 0

    @property
    def label(self) -> str:
        """The operation in short words: "addmm" for aten.addmm.default; the kind for tensors."""
        if self.op is not None and self.kind == "op":
            parts = self.op.split(".")
            return _plain_words(parts[1]) if parts[0] == "aten" and len(parts) > 1 else parts[-1]
        if self.kind == "op" and self.grad_fn is not None:
            return self.grad_fn
        return self.kind

    def __index__(self) -> int:
        return self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Node):
            return self is other
        if isinstance(other, int):
            return self.id == other
        return NotImplemented


@lru_cache(4096)
def _plain_words(operator: str) -> str:
    """An aten operator's name without the marks of its implementation: "log_softmax" for "_log_softmax"."""
    if operator.startswith("_scaled_dot_product"):
        return "scaled_dot_product_attention"
    name = operator.lstrip("_").removeprefix("native_").removeprefix("thnn_")
    return name.removesuffix("_forward").removesuffix("_with_indices") or operator


class Edge(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Data flowing from output `output_nr` of node `source` into input `input_nr` of node `target`.

    `arg` is the operator's name of that input ("self", "weight", "mat1"). `grad_index` is the position in the target's
    `grad_inputs` at which the gradient along this edge is found; None when no gradient flows, and then `cut` says why.
    """

    source: int
    output_nr: int
    target: int
    input_nr: int
    arg: str | None = None
    grad_index: int | None = None
    cut: str | None = None


class Scope(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call of an nn.Module: its path of calls, its class, and how many parameters it holds (its children's too)."""

    path: ScopePath
    module: str
    parameters: int = 0


class Graph:
    """Nodes in the order in which they were executed, the edges between them, and the module calls around them."""

    def __init__(self, nodes: list[Node], edges: list[Edge], scopes: dict[ScopePath, Scope] | None = None) -> None:
        self.nodes = nodes
        self.edges = edges
        self.scopes = scopes or {}
        self._incoming: list[list[Edge]] | None = None
        self._outgoing: list[list[Edge]] | None = None

    def incoming(self, node: int | Node) -> Sequence[Edge]:
        """Edges into `node`, in the order of its inputs."""
        if self._incoming is None:
            self._incoming = [[] for _ in self.nodes]
            for edge in self.edges:
                self._incoming[edge.target].append(edge)
        return self._incoming[node.__index__()]

    def outgoing(self, node: int | Node) -> Sequence[Edge]:
        """Edges out of `node`, in the order in which its consumers ran."""
        if self._outgoing is None:
            self._outgoing = [[] for _ in self.nodes]
            for edge in self.edges:
                self._outgoing[edge.source].append(edge)
        return self._outgoing[node.__index__()]

    def to_networkx(self) -> nx.MultiDiGraph[int]:
        """The graph as a `networkx.MultiDiGraph`: node ids as keys, every field as an attribute."""
        import networkx as nx

        result: nx.MultiDiGraph[int] = nx.MultiDiGraph()
        for node in self.nodes:
            attributes = {field: getattr(node, field) for field in node.__struct_fields__ if field != "id"}
            result.add_node(node.id, id=node.id, label=node.label, **attributes)
        for edge in self.edges:
            result.add_edge(
                edge.source,
                edge.target,
                output_nr=edge.output_nr,
                input_nr=edge.input_nr,
                arg=edge.arg,
                grad_index=edge.grad_index,
                cut=edge.cut,
            )
        return result
