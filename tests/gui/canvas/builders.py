"""Traces made by hand for the canvas's tests: a neuron with real numbers, and graphs of any size."""

from __future__ import annotations

import math

import numpy as np

from engine.graph.model import Edge, Graph, Node, NodeKind, Scope, ScopePath, Source, TensorInfo
from engine.graph.trace import BackwardStep, Trace


def scalar(value: float) -> TensorInfo:
    return TensorInfo(shape=(), dtype="float32", array=np.array(value, dtype=np.float32))


def tensor(*shape: int, scale: float = 1.0) -> TensorInfo:
    values = np.random.default_rng(len(shape) + sum(shape)).normal(size=shape) * scale
    return TensorInfo(shape=shape, dtype="float32", array=values.astype(np.float32))


def neuron() -> Trace:
    """x, w → mul; + b → z; σ → a; bce(a, y) → L; and its six backward steps, worked out by hand."""
    x, w, b, y = 1.1, 2.2, 0.0, 1.0
    z = x * w + b
    a = 1 / (1 + math.exp(-z))
    grad_a = -1 / a
    grad_z = grad_a * a * (1 - a)
    rows: list[tuple[NodeKind, str | None, str | None, str | None, float]] = [
        ("input", None, None, "x", x),
        ("leaf", None, "AccumulateGrad", "w", w),
        ("op", "aten.mul.Tensor", "MulBackward0", None, x * w),
        ("leaf", None, "AccumulateGrad", "b", b),
        ("op", "aten.add.Tensor", "AddBackward0", "z", z),
        ("op", "aten.sigmoid.default", "SigmoidBackward0", "a", a),
        ("input", None, None, "y", y),
        ("op", "aten.binary_cross_entropy.default", "BinaryCrossEntropyBackward0", "L", -math.log(a)),
    ]
    nodes = [
        Node(id=i, kind=k, op=o, grad_fn=g, name=n, outputs=[scalar(v)], source=Source("neuron.py", 6 + i, "<module>"))
        for i, (k, o, g, n, v) in enumerate(rows)
    ]
    links = [(0, 2, 0, None), (1, 2, 1, 1), (2, 4, 0, 0), (3, 4, 1, 1), (4, 5, 0, 0), (5, 7, 0, 0), (6, 7, 1, None)]
    edges = [
        Edge(source=s, output_nr=0, target=t, input_nr=i, grad_index=g, cut=None if g is not None else "x is no leaf")
        for s, t, i, g in links
    ]
    handed: list[tuple[int, float, list[float | None]]] = [
        (7, 1.0, [grad_a, None]),
        (5, grad_a, [grad_z]),
        (4, grad_z, [grad_z, grad_z]),
        (3, grad_z, []),
        (2, grad_z, [None, grad_z * x]),
        (1, grad_z * x, []),
    ]
    backward = [
        BackwardStep(
            index=index,
            node=nodes[node],
            grad_outputs=[scalar(grad)],
            grad_inputs=[None if value is None else scalar(value) for value in inputs],
            grad_after=scalar(grad) if nodes[node].kind == "leaf" else None,
        )
        for index, (node, grad, inputs) in enumerate(handed)
    ]
    return Trace(Graph(nodes, edges), backward, roots=[(7, 0)], target="demo:neuron")


def blocks(count: int, per_block: int = 6, *, depth: int = 1, error: str | None = None) -> Trace:
    """A chain of `count` module calls of `per_block` operations each, every one with a weight, and a loss."""
    nodes: list[Node] = [Node(id=0, kind="input", name="x", outputs=[tensor(8, 16)])]
    edges: list[Edge] = []
    scopes: dict[ScopePath, Scope] = {}
    steps: list[BackwardStep] = []
    last = 0
    for block in range(count):
        path: ScopePath = tuple([f"stage{level}" for level in range(depth - 1)] + [f"block{block}"])
        scopes[path] = Scope(path=path, module="Block", parameters=1_200_000 * per_block)
        for level in range(1, depth):
            scopes[path[:level]] = Scope(path=path[:level], module="Stage", parameters=10)
        first = last
        for number in range(per_block):
            leaf = Node(
                id=len(nodes),
                kind="leaf",
                name=f"block{block}.fc{number}.weight",
                grad_fn="AccumulateGrad",
                scope=path,
                outputs=[tensor(16, 16)],
            )
            op = Node(
                id=leaf.id + 1,
                kind="op",
                op="aten.mm.default" if number % 2 == 0 else "aten.relu.default",
                grad_fn="MmBackward0",
                scope=path,
                outputs=[tensor(8, 16)],
            )
            nodes += [leaf, op]
            edges.append(_edge(last, op.id, 0, None if last == 0 else 0))
            edges.append(_edge(leaf.id, op.id, 1, 1))
            if number == per_block - 1:
                edges.append(_edge(first, op.id, 2, None if first == 0 else 2))
            last = op.id
    loss = Node(
        id=len(nodes), kind="op", op="aten.mean.default", grad_fn="MeanBackward0", name="loss", outputs=[scalar(0.5)]
    )
    nodes.append(loss)
    edges.append(_edge(last, loss.id, 0, 0))
    for node in reversed(nodes[1:]):
        is_leaf = node.kind == "leaf"
        norm = 10.0 ** (-(len(nodes) - node.id) / len(nodes) * 4)
        grad = scalar(1.0) if node is loss else tensor(*node.outputs[0].shape, scale=norm)
        inputs = [] if is_leaf else [tensor(8, 16, scale=norm), tensor(16, 16, scale=norm), tensor(8, 16, scale=norm)]
        steps.append(
            BackwardStep(
                index=len(steps),
                node=node,
                grad_outputs=[grad],
                grad_inputs=list(inputs),
                grad_after=grad if is_leaf else None,
            )
        )
    graph = Graph(nodes, edges, scopes)
    return Trace(graph, steps, roots=[(loss.id, 0)], target="blocks", error=error)


def calls() -> Trace:
    """A module that calls F.linear and relu, then cross_entropy: six operations, two of the calls ran two each."""
    source = (
        "def forward(x):\n    h = F.linear(x, weight, bias)\n    a = torch.relu(h)\n    return F.cross_entropy(a, y)\n"
    )
    rows: list[tuple[NodeKind, str, str | None, str | None, int, tuple[int, ...]]] = [
        ("input", "", None, "x", 0, ()),
        ("leaf", "", "AccumulateGrad", "net.fc.weight", 0, ()),
        ("leaf", "", "AccumulateGrad", "net.fc.bias", 0, ()),
        ("op", "aten.t.default", "TBackward0", None, 2, (1,)),
        ("op", "aten.addmm.default", "AddmmBackward0", "h", 2, (2, 0, 3)),
        ("op", "aten.relu.default", "ReluBackward0", "a", 3, (4,)),
        ("input", "", None, "y", 0, ()),
        ("op", "aten._log_softmax.default", "LogSoftmaxBackward0", None, 4, (5,)),
        ("op", "aten.nll_loss_forward.default", "NllLossBackward0", "loss", 4, (7, 6)),
    ]
    path: ScopePath = ("net",)
    nodes = [
        Node(
            id=number,
            kind=kind,
            op=op or None,
            grad_fn=grad_fn,
            name=name,
            scope=() if kind == "input" else path,
            source=Source("net.py", line, "forward") if line else None,
            outputs=[tensor(4, 3) if number < len(rows) - 1 else scalar(1.5)],
        )
        for number, (kind, op, grad_fn, name, line, _) in enumerate(rows)
    ]
    edges = [
        _edge(source_id, target, number, number if nodes[source_id].grad_fn else None)
        for target, row in enumerate(rows)
        for number, source_id in enumerate(row[5])
    ]
    backward = [
        BackwardStep(
            index=index,
            node=nodes[node],
            grad_outputs=[tensor(4, 3)],
            grad_inputs=[tensor(4, 3) if nodes[source_id].grad_fn else None for source_id in rows[node][5]],
        )
        for index, node in enumerate((8, 7, 5, 4, 2, 3, 1))
    ]
    graph = Graph(nodes, edges, {path: Scope(path=path, module="Net", parameters=12)})
    return Trace(graph, backward, roots=[(8, 0)], target="calls", sources={"net.py": source})


def _edge(source: int, target: int, number: int, grad: int | None) -> Edge:
    cut = None if grad is not None else "the input requires no grad"
    return Edge(source=source, output_nr=0, target=target, input_nr=number, grad_index=grad, cut=cut)
