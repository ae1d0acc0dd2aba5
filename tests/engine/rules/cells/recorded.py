"""Real traces of single operator calls, one for every rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from engine import Trace, trace
from engine.graph.model import Edge, Graph, Node, TensorInfo
from engine.graph.trace import BackwardStep

from ..cases import Case


def recorded_call(operator: str, arguments: dict[str, Any]) -> Trace:
    """One call of an operator on fresh leaves, back-propagated with other gradients than ones."""
    name, overload = operator.split(".")
    function = getattr(getattr(torch.ops.aten, name), overload)

    def fresh(value: Any) -> Any:
        if isinstance(value, list):
            return [fresh(part) for part in value]
        if isinstance(value, torch.Tensor):
            return value.detach().clone().requires_grad_(value.requires_grad)
        return value

    leaves = {key: fresh(value) for key, value in arguments.items()}

    def program() -> torch.Tensor:
        positional, keywords = [], {}
        for argument in function._schema.arguments:
            value = leaves.get(argument.name, argument.default_value if argument.has_default_value() else None)
            if argument.kwarg_only:
                keywords[argument.name] = value
            else:
                positional.append(value)
        result = function(*positional, **keywords)
        outputs = [result] if isinstance(result, torch.Tensor) else list(result)
        torch.manual_seed(1)
        parts = [(part * torch.randn_like(part)).sum() for part in outputs if part.requires_grad]
        return torch.stack(parts).sum()

    return trace(program, values="all")


def step_of(recorded: Trace, node: str) -> BackwardStep:
    return next(step for step in recorded.backward if step.node.grad_fn == node)


def copy_slices() -> Trace:
    """A write into a part of a tensor."""
    a = torch.randn(4, dtype=torch.float64, requires_grad=True)
    b = torch.randn(2, dtype=torch.float64, requires_grad=True)

    def program() -> torch.Tensor:
        y = a.clone()
        y[1:3] = b * 2
        return (y * torch.arange(1.0, 5.0, dtype=torch.float64)).sum()

    return trace(program, values="all")


def accumulated() -> Trace:
    """A leaf whose `.grad` holds something before the recorded pass."""
    w = torch.randn(3, dtype=torch.float64, requires_grad=True)
    w.grad = torch.randn(3, dtype=torch.float64)
    return trace(lambda: (w * w).sum(), values="all")


def made_by_hand(node: str, like: Case | None) -> Trace:
    """A call of a node that this machine's torch does not make, with the numbers that autograd gives for the same."""
    if node == "LinearBackward0":
        shapes = {"input": (2, 3, 4), "weight": (5, 4), "bias": (5,)}
        operands = {key: torch.randn(*shape, dtype=torch.float64, requires_grad=True) for key, shape in shapes.items()}
        result = operands["input"] @ operands["weight"].T + operands["bias"]
        params: dict[str, Any] = {}
    else:
        assert like is not None
        operands = {key: like[2][key].detach().clone().requires_grad_() for key in ("query", "key", "value")}
        result = torch.nn.functional.scaled_dot_product_attention(operands["query"], operands["key"], operands["value"])
        params = {}
    grad = torch.randn_like(result)
    found = torch.autograd.grad(result, list(operands.values()), grad)

    def info(tensor: torch.Tensor) -> TensorInfo:
        array = np.array(tensor.detach().numpy())
        return TensorInfo(shape=array.shape, dtype="torch.float64", array=array, requires_grad=True)

    nodes = [
        Node(id=k, kind="leaf", grad_fn="AccumulateGrad", name=name, outputs=[info(value)])
        for k, (name, value) in enumerate(operands.items())
    ]
    nodes.append(Node(id=len(nodes), kind="op", op="aten.x", grad_fn=node, outputs=[info(result)], params=params))
    edges = [
        Edge(source=k, output_nr=0, target=len(operands), input_nr=k, arg=name, grad_index=k)
        for k, name in enumerate(operands)
    ]
    steps = [
        BackwardStep(index=0, node=nodes[-1], grad_outputs=[info(grad)], grad_inputs=[info(part) for part in found])
    ]
    steps += [
        BackwardStep(index=k + 1, node=nodes[k], grad_outputs=[info(part)], grad_after=info(part))
        for k, part in enumerate(found)
    ]
    return Trace(Graph(nodes, edges), steps, roots=[(len(operands), 0)])
