"""Two small programs recorded by hand, with numbers computed here in numpy: what the panels' tests show."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.graph.model import Edge, Graph, Node, SavedTensor, Source, TensorInfo
from engine.graph.trace import BackwardStep, Trace

NEURON_FILE = "/home/user/neuron.py"
NEURON_CODE = """import torch

x = torch.tensor(1.1)
w = torch.tensor(2.2, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)
y = torch.tensor(1.0)

z = x * w + b
a = torch.sigmoid(z)  # the activation
L = torch.nn.functional.binary_cross_entropy(a, y)
L.backward()
"""


def tensor(value: Any, *, requires_grad: bool = True) -> TensorInfo:
    array = np.asarray(value, dtype=np.float32)
    return TensorInfo(shape=array.shape, dtype="float32", array=array, requires_grad=requires_grad)


class Neuron:
    """The numbers of one neuron: z = x·w + b, a = σ(z), L = −log a for the target 1."""

    def __init__(self, x: float = 1.1, w: float = 2.2, b: float = 0.0) -> None:
        self.x, self.w, self.b = x, w, b
        self.z = x * w + b
        self.a = 1 / (1 + np.exp(-self.z))
        self.loss = -np.log(self.a)
        self.grad_a = -1 / self.a
        self.grad_z = self.a - 1
        self.grad_w = self.grad_z * x

    def trace(self, *, before: float | None = None) -> Trace:
        """The recorded pass; `before` is what w.grad held already."""

        def at(line: int) -> Source:
            return Source(NEURON_FILE, line, "<module>")

        def op(index: int, name: str | None, op_name: str, grad_fn: str, line: int, value: float) -> Node:
            return Node(
                id=index,
                kind="op",
                op=f"aten.{op_name}.default",
                grad_fn=grad_fn,
                sequence_nr=index,
                name=name,
                source=at(line),
                outputs=[tensor(value)],
            )

        nodes = [
            Node(id=0, kind="input", name="x", outputs=[tensor(self.x, requires_grad=False)]),
            Node(id=1, kind="leaf", grad_fn="AccumulateGrad", name="w", outputs=[tensor(self.w)]),
            op(2, None, "mul", "MulBackward0", 8, self.x * self.w),
            Node(id=3, kind="leaf", grad_fn="AccumulateGrad", name="b", outputs=[tensor(self.b)]),
            op(4, "z", "add", "AddBackward0", 8, self.z),
            op(5, "a", "sigmoid", "SigmoidBackward0", 9, self.a),
            Node(id=6, kind="input", name="y", outputs=[tensor(1.0, requires_grad=False)]),
            op(7, "L", "binary_cross_entropy", "BinaryCrossEntropyBackward0", 10, self.loss),
        ]
        nodes[2].saved = [SavedTensor(name="self", shape=(), dtype="float32", nbytes=4, source=(0, 0))]
        nodes[4].params = {"alpha": 1}
        edges = [
            Edge(source=0, output_nr=0, target=2, input_nr=0, arg="self"),
            Edge(source=1, output_nr=0, target=2, input_nr=1, arg="other", grad_index=1),
            Edge(source=2, output_nr=0, target=4, input_nr=0, arg="self", grad_index=0),
            Edge(source=3, output_nr=0, target=4, input_nr=1, arg="other", grad_index=1),
            Edge(source=4, output_nr=0, target=5, input_nr=0, arg="self", grad_index=0),
            Edge(source=5, output_nr=0, target=7, input_nr=0, arg="self", grad_index=0),
            Edge(source=6, output_nr=0, target=7, input_nr=1, arg="target", cut="the target needs no gradient"),
        ]
        one, ga, gz, gw = tensor(1.0), tensor(self.grad_a), tensor(self.grad_z), tensor(self.grad_w)
        held = None if before is None else tensor(before)
        after = tensor(self.grad_w + (before or 0.0))
        steps = [
            BackwardStep(index=0, node=nodes[7], grad_outputs=[one], grad_inputs=[ga, None]),
            BackwardStep(index=1, node=nodes[5], grad_outputs=[ga], grad_inputs=[gz]),
            BackwardStep(index=2, node=nodes[4], grad_outputs=[gz], grad_inputs=[gz, gz]),
            BackwardStep(index=3, node=nodes[3], grad_outputs=[gz], grad_after=gz),
            BackwardStep(index=4, node=nodes[2], grad_outputs=[gz], grad_inputs=[None, gw]),
            BackwardStep(index=5, node=nodes[1], grad_outputs=[gw], grad_before=held, grad_after=after),
        ]
        sources = {NEURON_FILE: NEURON_CODE}
        return Trace(Graph(nodes, edges), steps, roots=[(7, 0)], target="demo:neuron", sources=sources)


def matrices(rows: int = 3, columns: int = 4, *, bad: bool = False) -> Trace:
    """s = (W * W).sum() for a matrix W: the gradient 2·W arrives at W in two contributions."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(rows, columns)).astype(np.float32)
    if bad:
        weight[0, 1], weight[1, 0] = np.nan, np.inf
    file = "/home/user/square.py"
    nodes = [
        Node(id=0, kind="leaf", grad_fn="AccumulateGrad", name="W", outputs=[tensor(weight)]),
        Node(
            id=1,
            kind="op",
            op="aten.mul.Tensor",
            grad_fn="MulBackward0",
            sequence_nr=1,
            name="square",
            scope=("net", "block.0", "a_rather_long_module_name"),
            source=Source(file, 1, "forward"),
            outputs=[tensor(weight * weight)],
        ),
        Node(
            id=2,
            kind="op",
            op="aten.sum.default",
            grad_fn="SumBackward0",
            sequence_nr=2,
            name="s",
            source=Source(file, 2, "forward"),
            outputs=[tensor(float((weight * weight).sum()))],
        ),
    ]
    edges = [
        Edge(source=0, output_nr=0, target=1, input_nr=0, arg="self", grad_index=0),
        Edge(source=0, output_nr=0, target=1, input_nr=1, arg="other", grad_index=1),
        Edge(source=1, output_nr=0, target=2, input_nr=0, arg="self", grad_index=0),
    ]
    ones = tensor(np.ones_like(weight))
    steps = [
        BackwardStep(index=0, node=nodes[2], grad_outputs=[tensor(1.0)], grad_inputs=[ones]),
        BackwardStep(index=1, node=nodes[1], grad_outputs=[ones], grad_inputs=[tensor(weight), tensor(weight)]),
        BackwardStep(
            index=2, node=nodes[0], grad_outputs=[tensor(2 * weight)], grad_after=tensor(2 * weight), grad_before=None
        ),
    ]
    sources = {file: "square = W * W\ns = square.sum()\n", "/home/user/other.py": "pass\n"}
    return Trace(Graph(nodes, edges), steps, roots=[(2, 0)], target="square.py", sources=sources)
