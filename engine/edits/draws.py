"""Large random draws that come again in every run: what a generator in one state makes is copied, not drawn again."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode

LEAST = 1 << 16
"""Elements of a draw that is worth remembering."""
MOST_BYTES = 2 << 30
"""Of remembered draws."""

_IN_PLACE = frozenset(
    f"aten::{name}_" for name in ("normal", "uniform", "random", "exponential", "log_normal", "cauchy", "bernoulli")
)
_MAKING = frozenset(f"aten::{name}" for name in ("randn", "rand", "randint", "randperm"))


class _Draw(NamedTuple):
    values: torch.Tensor
    state: torch.Tensor
    """Of the generator afterwards."""


class KnownDraws(TorchDispatchMode):
    """A mode for one operation: where it is a draw that is known, its result is copied.

    What a draw makes depends on the operation, its numbers, the form of the result and the state of the generator, and
    on nothing else: the copy is the same bit by bit. Models are initialised like this, a hundred million numbers and
    more, again for every run. Only on the CPU, where the states of generators are at hand.
    """

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # as in the recorder's mode

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch is not annotated here
        self._room = most_bytes
        self._draws: dict[tuple[Any, ...], _Draw] = {}
        self.copied = 0
        """How many draws were copied instead of drawn."""

    def may_know(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether an operation is a draw of many numbers."""
        name = function._schema.name if isinstance(function, torch._ops.OpOverload) else ""
        if name in _IN_PLACE:
            return _is_plain(args[0]) and args[0].numel() >= LEAST and not _has_tensors(args[1:], kwargs)
        if name not in _MAKING:
            return False
        device = kwargs.get("device")
        return (device is None or torch.device(device).type == "cpu") and not _has_tensors(args, kwargs)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not self.may_know(func, args, kwargs):
            return func(*args, **kwargs)
        is_in_place = func._schema.name in _IN_PLACE
        generator = kwargs.get("generator") or torch.default_generator
        numbers = tuple((name, value) for name, value in sorted(kwargs.items()) if name != "generator")
        form: tuple[Any, ...] = torch.get_default_dtype(), *(repr(value) for value in args)
        if is_in_place:
            form = args[0].shape, args[0].stride(), args[0].dtype, *(repr(value) for value in args[1:])
        before = generator.get_state().numpy().tobytes()
        key = str(func), form, repr(numbers), before
        known = self._draws.get(key)
        if known is None:
            result = func(*args, **kwargs)
            self._remember(key, result, generator)
            return result
        self.copied += 1
        result = args[0] if is_in_place else torch.empty_like(known.values)
        result.copy_(known.values)
        generator.set_state(known.state)
        return result

    def _remember(self, key: tuple[Any, ...], result: Any, generator: torch.Generator) -> None:
        if not _is_plain(result) or result.numel() < LEAST:
            return
        nbytes = result.numel() * result.element_size()
        if nbytes <= self._room:
            self._room -= nbytes
            self._draws[key] = _Draw(result.detach().clone(), generator.get_state())


def _is_plain(tensor: Any) -> bool:
    return (
        type(tensor) in (torch.Tensor, torch.nn.Parameter)
        and tensor.device.type == "cpu"
        and tensor.layout == torch.strided
        and tensor.is_contiguous()
    )


def _has_tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return any(isinstance(value, torch.Tensor) for value in (*args, *kwargs.values()))
