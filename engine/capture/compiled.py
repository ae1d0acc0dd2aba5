"""Makes torch.compile step aside while a program is recorded, so that every operation is seen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

import torch

from ..training.replaced import Replaced

_NOTE = "{} is compiled by torch.compile; it was run eagerly, so that every operation is seen."

_CONTROL_NOTE = (
    "Control flow of torch (torch.cond, while_loop) was run eagerly: what the branches that were taken do is seen."
)


class CompilerOff:
    """While started, compiled modules and functions run eagerly.

    torch's compiler is never imported for this: a program that compiles nothing has not loaded it.
    """

    def __init__(self, notes: set[str]) -> None:
        self._notes = notes
        self._stance: Any = None
        self._optimized: Any = None
        self._original_call: Any = None
        self._replaced: Replaced | None = None
        self._seen: set[int] = set()
        """Codes by identity: the hash of one is that of all its instructions, every time."""

    def start(self) -> None:
        self._replaced = Replaced(torch, "compile", self._wrap)
        if "torch._dynamo" in sys.modules:
            self._switch_off()

    def stop(self) -> None:
        """Put everything back; harmless when nothing is off."""
        if self._replaced is not None:
            self._replaced.give_back()
            self._replaced = None
        if self._optimized is not None:
            self._optimized.__call__ = self._original_call
            self._optimized = self._original_call = None
        if self._stance is not None:
            self._stance.__exit__(None, None, None)
            self._stance = None

    def look(self, frame: FrameType | None) -> None:
        """Say so if `frame`, the program's, runs inside a function that torch.compile has wrapped."""
        if self._stance is None or frame is None or id(frame.f_code) in self._seen:
            return
        self._seen.add(id(frame.f_code))
        above = frame.f_back
        while above is not None:
            if above.f_code.co_name == "compile_wrapper" and above.f_globals.get("__name__", "").startswith("torch."):
                self._notes.add(_NOTE.format(f"The function {frame.f_code.co_qualname}"))
                return
            above = above.f_back

    def _switch_off(self) -> None:
        from torch._dynamo.eval_frame import OptimizedModule

        self._stance = torch.compiler.set_stance("force_eager")
        self._optimized, self._original_call = OptimizedModule, OptimizedModule.__dict__["__call__"]

        def run_eagerly(module: Any, *args: Any, **kwargs: Any) -> Any:
            self._notes.add(_NOTE.format(f"A module {type(module._orig_mod).__name__}"))
            return module._orig_mod(*args, **kwargs)

        OptimizedModule.__call__ = run_eagerly  # type: ignore[method-assign,assignment]  # put back by stop

    def _wrap(self, original: Any) -> Any:
        def compile_for_later(*args: Any, **kwargs: Any) -> Any:
            control = None if self._replaced is None or not args else _eager_control(args[0])
            if control is not None:
                self._notes.add(_CONTROL_NOTE)
                return control
            result = original(*args, **kwargs)
            if self._replaced is not None and self._stance is None and "torch._dynamo" in sys.modules:
                self._switch_off()
            return result

        return compile_for_later


def _eager_control(function: Any) -> Callable[..., Any] | None:
    """What control flow does that torch hands to its compiler: the branch that is taken, the body as often as it runs.

    Without the compiler torch would run it too, but lose the gradients of whatever the branches close over.
    """
    name = getattr(function, "__qualname__", "")
    if name == "cond.<locals>._cond_op_wrapper":
        return _cond
    if name == "while_loop.<locals>._while_loop_op_wrapper":
        return _while_loop
    return None


def _cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any]) -> Any:
    return (true_fn if pred else false_fn)(*operands)


def _while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried: Sequence[Any], additional: Sequence[Any] = ()
) -> Any:
    while cond_fn(*carried, *additional):
        carried = body_fn(*carried, *additional)
        carried = carried if isinstance(carried, (tuple, list)) else (carried,)
    return tuple(carried)
