"""Runs an unchanged program in float64: every floating-point tensor that meets a torch function is widened first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from ..capture.results import drained

_WIDE = {
    **dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), torch.float64),
    **dict.fromkeys((torch.complex64, torch.complex32), torch.complex128),
}

_WIDE_CASTS: dict[Any, Callable[..., Any]] = dict.fromkeys(
    (torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16), torch.Tensor.double
)
"""Casts that say their type by their name."""

_VIEWS = ("T", "mT", "H", "mH", "real", "imag")
"""The properties of a tensor that are operations."""

_QUESTIONS = {
    "dim", "ndimension", "size", "stride", "numel", "nelement", "element_size", "storage_offset", "get_device", "type",
    "is_floating_point", "is_complex", "is_contiguous", "is_signed", "is_conj", "is_neg", "is_inference", "is_pinned",
    "is_same_size", "has_names", "data_ptr", "untyped_storage", "requires_grad_", "register_hook", "retain_grad",
    "__len__", "__hash__", "__repr__", "__format__",
}  # fmt: skip
"""Methods of a tensor that tell about it and compute nothing."""

_LEAF_HOOKS = {"register_hook", "register_post_accumulate_grad_hook"}


class Doubled(TorchFunctionMode):
    """Replaces the tensors of a program by float64 (or complex128) shadows, the same one for the same tensor.

    The program's own tensors are only read: buffers that it updates and tensors that it writes to in place change
    their shadows. `leaves` holds a shadow for each leaf that requires grad, in the order of first use.

    Parameters
    ----------
    planted : shadows for the leaves of the run, in the order in which they are first used with gradients on; see
        `leaves_in_order`. With them a leaf that the program makes anew in each run has one shadow in all of them.
    """

    def __init__(self, planted: Sequence[torch.Tensor | None] = ()) -> None:
        super().__init__()
        self.leaves: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._shadows: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self._own: set[int] = set()
        self._planted = planted
        self._met: dict[int, torch.Tensor] = {}
        self._is_use = True
        self._adopted: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def adopt(self, leaves: dict[int, tuple[torch.Tensor, torch.Tensor]]) -> None:
        """Go on with the shadows that another run made for the leaves."""
        self._adopted = dict(leaves)
        for key, pair in leaves.items():
            self.leaves[key] = self._shadows[key] = pair
            self._own.add(id(pair[1]))

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self._is_use = is_use(func)
        if getattr(func, "__name__", "") in _LEAF_HOOKS and args and args[0].is_leaf:
            return RemovableHandle(OrderedDict())  # what is compared is the gradient before it
        return _WIDE_CASTS.get(func, func)(*self.widen(args), **self.widen(kwargs or {}))

    def widen(self, value: Any) -> Any:
        """A nest of arguments with every floating-point tensor and dtype widened."""
        if isinstance(value, torch.Tensor):
            return self.shadow(value)
        if isinstance(value, torch.dtype):
            return _WIDE.get(value, value)
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self.widen(part) for part in value))
        if isinstance(value, (list, tuple)):
            return type(value)(self.widen(part) for part in value)
        if isinstance(value, Mapping) and type(value) is dict:
            return {key: self.widen(part) for key, part in value.items()}
        return value

    def shadow(self, tensor: torch.Tensor) -> torch.Tensor:
        """The wide stand-in of a tensor; leaves keep requiring grad."""
        if id(tensor) in self._own:
            return tensor
        with torch._C.DisableTorchFunction():
            is_leaf = tensor.is_leaf and tensor.requires_grad
            if not is_leaf and tensor.dtype not in _WIDE:
                return tensor
            planted = self._meet(tensor) if is_leaf else None
            known = self._shadows.get(id(tensor))
            if planted is None and known is not None and known[0] is tensor:
                return known[1]
            if not is_leaf and tensor.requires_grad:
                return tensor.to(_WIDE[tensor.dtype])
            made = _widened(tensor).requires_grad_(is_leaf) if planted is None else planted
            self._shadows[id(tensor)] = (tensor, made)
            self._own.add(id(made))
            if is_leaf:
                self.leaves[id(tensor)] = (tensor, made)
            return made

    def _meet(self, leaf: torch.Tensor) -> torch.Tensor | None:
        """The shadow that was planted for a leaf; None where there is none, or where it has got its shadow before."""
        if not self._is_use or not torch.is_grad_enabled() or self._met.get(id(leaf)) is leaf:
            return None
        place = len(self._met)
        self._met[id(leaf)] = leaf
        adopted = self._adopted.get(id(leaf))
        planted = self._planted[place] if place < len(self._planted) else None
        if planted is None or planted.shape != leaf.shape or (adopted is not None and adopted[0] is leaf):
            return None
        return planted


class _Meeting(TorchFunctionMode):
    """Notes the leaves that a program uses with gradients on, in the order of first use, and their values then."""

    def __init__(self) -> None:
        super().__init__()
        self.values: list[torch.Tensor] = []
        self._met: dict[int, torch.Tensor] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if is_use(func):
            self.widen((args, kwargs))
        return func(*args, **(kwargs or {}))

    def widen(self, value: Any) -> Any:
        """The nest as it is, looked through for leaves."""
        if isinstance(value, torch.Tensor):
            with torch._C.DisableTorchFunction():
                if value.is_leaf and value.requires_grad and torch.is_grad_enabled() and id(value) not in self._met:
                    self._met[id(value)] = value
                    self.values.append(_widened(value))
        elif isinstance(value, (list, tuple)):
            for part in value:
                self.widen(part)
        elif type(value) is dict:
            self.widen(list(value.values()))
        return value


def is_use(func: Callable[..., Any]) -> bool:
    """Whether a torch function computes with its arguments, and does not just look at them or initialise them."""
    name = getattr(func, "__name__", "")
    if name in ("__set__", "__delete__"):
        return False
    if name == "__get__":  # of a property
        return getattr(getattr(func, "__self__", None), "__name__", "") in _VIEWS
    return name not in _QUESTIONS and getattr(func, "__module__", None) != "torch.nn.init"


def leaves_in_order(
    program: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[torch.Tensor | None]:
    """Run a program as it is; wide copies of its leaves, in the order in which it first uses them."""
    meeting = _Meeting()
    meeting.widen((args, kwargs))
    with meeting, _functions_through(meeting):
        drained(program(*args, **kwargs))
    return [value.requires_grad_() for value in meeting.values]


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    wide = tensor.detach().to(_WIDE.get(tensor.dtype, tensor.dtype))
    # `to` and `clone` keep a transposed leaf's order in memory, in which its elements could not be moved one by one.
    return wide.clone(memory_format=torch.contiguous_format) if wide.layout == torch.strided else wide.clone()


@contextmanager
def _functions_through(mode: Doubled | _Meeting) -> Iterator[None]:
    """Hand the arguments of custom Functions to a mode too: `apply` is no torch function."""
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        return original.__func__(cls, *mode.widen(args), **mode.widen(kwargs))

    torch.autograd.Function.apply = classmethod(apply)  # type: ignore[method-assign,assignment]  # put back below
    try:
        yield
    finally:
        torch.autograd.Function.apply = original  # type: ignore[method-assign]


@contextmanager
def running_in_float64(mode: Doubled) -> Iterator[None]:
    """Inside, functions work on float64, and tensors are created as float64 unless the program says otherwise."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with mode, _functions_through(mode):
            yield
    finally:
        torch.set_default_dtype(before)
