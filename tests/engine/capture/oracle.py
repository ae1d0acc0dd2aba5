"""An independent record of the same program: PyTorch's own hooks and its own dispatch, without the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass
class OracleStep:
    """What one autograd node received and handed on, and the nodes that it hands on to."""

    name: str
    grad_outputs: list[torch.Tensor | None]
    grad_inputs: list[torch.Tensor | None]
    next: list[Any]


@dataclass
class Oracle:
    ops: list[str] = field(default_factory=list)
    outputs: list[list[torch.Tensor]] = field(default_factory=list)
    """What each operation gave, as it was then."""
    nodes: list[str] = field(default_factory=list)
    steps: list[OracleStep] = field(default_factory=list)
    place: dict[Any, int] = field(default_factory=dict)
    """For each autograd node that ran: the number of its step."""
    leaf_gradients: list[torch.Tensor] = field(default_factory=list)
    """`.grad` of each leaf afterwards, in the order in which they were accumulated."""


class _Log(TorchDispatchMode):
    def __init__(self, oracle: Oracle) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch is not annotated here
        self._oracle = oracle

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._oracle.ops.append(str(func))
        result = func(*args, **(kwargs or {}))
        self._oracle.outputs.append([_copy(tensor) for tensor in _tensors(result)])
        return result


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    return [tensor for part in value for tensor in _tensors(part)] if isinstance(value, (list, tuple)) else []


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    with torch._C._DisableTorchDispatch(), torch.no_grad():
        return tensor.detach().to_dense().clone()


def _copies(gradients: Any) -> list[torch.Tensor | None]:
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return [None if g is None else _copy(g) for g in gradients]


def short_name(grad_fn: Any) -> str:
    return str(grad_fn.name()).rpartition("::")[2]


def _nodes_below(root: torch.Tensor) -> list[Any]:
    start = torch.autograd.graph.get_gradient_edge(root).node
    pending, seen = [start], [start]
    known = {start}
    while pending:
        for following, _ in pending.pop().next_functions:
            if following is not None and following not in known:
                known.add(following)
                seen.append(following)
                pending.append(following)
    return seen


def leaves_below(root: torch.Tensor) -> list[torch.Tensor]:
    """The leaves that a root depends on."""
    return [node.variable for node in _nodes_below(root) if short_name(node) == "AccumulateGrad"]


def run_with_hooks(program: Callable[[], torch.Tensor]) -> Oracle:
    """Run a program whose result is a single tensor, forward and backward."""
    oracle = Oracle()
    with _Log(oracle):
        root = program()
    handles = []
    for grad_fn in _nodes_below(root):
        oracle.nodes.append(short_name(grad_fn))

        def hook(grad_inputs: Any, grad_outputs: Any, node: Any = grad_fn) -> None:
            oracle.place[node] = len(oracle.steps)
            following = [edge for edge, _ in node.next_functions]
            oracle.steps.append(OracleStep(short_name(node), _copies(grad_outputs), _copies(grad_inputs), following))

        handles.append(grad_fn.register_hook(hook))
    root.backward(None if root.dim() == 0 else torch.ones_like(root))
    for handle in handles:
        handle.remove()
    for node, _ in sorted(oracle.place.items(), key=lambda item: item[1]):
        if short_name(node) == "AccumulateGrad":
            oracle.leaf_gradients.append(_copy(node.variable.grad))
    return oracle
