"""Small graphs and traces made by hand, in the words of a program, for the tests of stepping, folding and layout."""

from __future__ import annotations

import numpy as np

from engine.graph.model import Edge, Graph, Node, NodeKind, Scope, ScopePath, TensorInfo
from engine.graph.trace import BackwardStep, Trace


class GraphBuilder:
    """Adds tensors and operations one after the other, as a program would run them.

    `scope` is the module call that what is added next belongs to; `enter` and `leave` change it.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.scopes: dict[ScopePath, Scope] = {}
        self.scope: ScopePath = ()
        self._names: dict[str, int] = {}

    def enter(self, name: str, module: str = "Module") -> None:
        self.scope = (*self.scope, name)
        self.scopes.setdefault(self.scope, Scope(path=self.scope, module=module))

    def leave(self) -> None:
        self.scope = self.scope[:-1]

    def tensor(self, kind: NodeKind, name: str | None = None, *, requires_grad: bool | None = None) -> int:
        needs = kind == "leaf" if requires_grad is None else requires_grad
        node = Node(id=len(self.nodes), kind=kind, name=name, scope=self.scope)
        node.grad_fn = "AccumulateGrad" if needs else None
        node.outputs = [TensorInfo(shape=(), dtype="float32", requires_grad=needs)]
        self.nodes.append(node)
        return node.id

    def op(self, op: str, *inputs: int, name: str | None = None) -> int:
        """Append an operation; a gradient flows back along every edge whose source requires one."""
        node = Node(id=len(self.nodes), kind="op", op=f"aten.{op}.default", name=name, scope=self.scope)
        autograd_edges = 0
        for input_nr, source in enumerate(inputs):
            needs = self.nodes[source].outputs[0].requires_grad
            grad_index = autograd_edges if needs else None
            autograd_edges += needs
            self.edges.append(
                Edge(source=source, output_nr=0, target=node.id, input_nr=input_nr, grad_index=grad_index)
            )
        node.outputs = [TensorInfo(shape=(), dtype="float32", requires_grad=autograd_edges > 0)]
        if autograd_edges:
            node.grad_fn = f"{op.capitalize()}Backward0"
            node.sequence_nr = node.id
        self.nodes.append(node)
        return node.id

    def graph(self) -> Graph:
        return Graph(self.nodes, self.edges, self.scopes)

    def trace(self, *roots: int) -> Trace:
        """The graph with the backward pass that reaches what the roots depend on, in reverse order of execution."""
        graph = self.graph()
        reached = set(roots)
        steps: list[BackwardStep] = []
        for node in reversed(self.nodes):
            if node.id not in reached or node.grad_fn is None:
                continue
            flowing = [edge for edge in graph.incoming(node.id) if edge.grad_index is not None]
            reached |= {edge.source for edge in flowing}
            step = BackwardStep(index=len(steps), node=node, grad_outputs=[_gradient()])
            step.grad_inputs = [_gradient() for _ in flowing]
            steps.append(step)
        return Trace(graph, steps, roots=[(root, 0) for root in roots])


def _gradient() -> TensorInfo:
    return TensorInfo(shape=(), dtype="float32", array=np.array(1.0, dtype=np.float32))


def neuron() -> tuple[GraphBuilder, int]:
    """loss = bce(sigmoid(x · w + b), y)"""
    build = GraphBuilder()
    x = build.tensor("input", "x")
    w = build.tensor("leaf", "w")
    product = build.op("mul", x, w)
    b = build.tensor("leaf", "b")
    z = build.op("add", product, b, name="z")
    a = build.op("sigmoid", z, name="a")
    y = build.tensor("input", "y")
    loss = build.op("binary_cross_entropy", a, y, name="L")
    return build, loss
