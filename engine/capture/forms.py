"""The forms of an autograd node's outputs, as autograd itself knows them."""

from __future__ import annotations

from typing import Any

from ..graph.model import Node, TensorInfo

UNSEEN = "no values: no recorded operation has used this output"


def undescribed(form: Any) -> TensorInfo:
    """An output that no recorded operation has used; autograd itself knows the form."""
    if form is None or not hasattr(form, "dtype"):
        return TensorInfo(shape=(), dtype="unknown", note=UNSEEN)
    shape = tuple(int(size) for size in form.shape)
    dtype, device = (str(part).removeprefix("torch.") for part in (form.dtype, form.device))
    return TensorInfo(shape=shape, dtype=dtype, device=device, requires_grad=True, note=UNSEEN)


def mark_differentiable(node: Node, grad_fn: Any, first: int) -> None:
    """Say of all outputs that have a gradient that they require one, also of those that the program lets go at once.

    `first` is the output that autograd numbers 0: the permutation of an LU decomposition has no gradient, say.
    """
    forms = getattr(grad_fn, "_input_metadata", ())
    if len(forms) <= len(node.outputs):
        for info, form in zip(node.outputs[max(first, 0) :], forms, strict=False):
            if str(form.dtype).removeprefix("torch.") == info.dtype and tuple(form.shape) == info.shape:
                info.requires_grad = True
