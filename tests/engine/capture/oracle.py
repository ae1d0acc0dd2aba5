"""An independent record of the same program: PyTorch's own hooks and its own dispatch, without the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


@dataclass
class OracleStep:
    """What one autograd node received and handed on."""

    name: str
    grad_outputs: list[torch.Tensor | None]
    grad_inputs: list[torch.Tensor | None]


@dataclass
class Oracle:
    ops: list[str] = field(default_factory=list)
    nodes: list[str] = field(default_factory=list)
    steps: list[OracleStep] = field(default_factory=list)


class _Log(TorchDispatchMode):
    def __init__(self, ops: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch is not annotated here
        self._ops = ops

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self._ops.append(str(func))
        return func(*args, **(kwargs or {}))


def _copies(gradients: Any) -> list[torch.Tensor | None]:
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return [None if g is None else g.detach().to_dense().clone() for g in gradients]


def short_name(grad_fn: Any) -> str:
    return str(grad_fn.name()).removeprefix("torch::autograd::")


def run_with_hooks(program: Callable[[], torch.Tensor]) -> Oracle:
    """Run a program whose result is a single tensor, forward and backward."""
    oracle = Oracle()
    with _Log(oracle.ops):
        root = program()
    start = torch.autograd.graph.get_gradient_edge(root).node
    pending, seen, handles = [start], {start}, []
    while pending:
        grad_fn = pending.pop()
        oracle.nodes.append(short_name(grad_fn))

        def hook(grad_inputs: Any, grad_outputs: Any, name: str = short_name(grad_fn)) -> None:
            oracle.steps.append(OracleStep(name, _copies(grad_outputs), _copies(grad_inputs)))

        handles.append(grad_fn.register_hook(hook))
        for following, _ in grad_fn.next_functions:
            if following is not None and following not in seen:
                seen.add(following)
                pending.append(following)
    root.backward(None if root.dim() == 0 else torch.ones_like(root))
    for handle in handles:
        handle.remove()
    return oracle
