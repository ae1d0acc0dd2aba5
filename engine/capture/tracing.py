"""`trace`: run a program once, forward and backward, and give back all that PyTorch did."""

from __future__ import annotations

import inspect
import threading
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, Literal

import torch
from torch import nn

from ..errors import TraceError
from ..graph.trace import Trace, ValuesMode
from ..training.hooks import AutogradHooks, BackwardCall, own_backward
from .frames import is_engine_file, is_user_code
from .recorder import Recorder, describe_error, unwrap, user_place
from .results import drained, named_tensors
from .sightings import Sighting
from .teardown import free_parked

MOST_TRACEBACK_CHARACTERS = 1 << 20

_LAYOUTS = (torch.strided, torch.jagged)
"""Forms of results for which torch can make a gradient of ones."""


def trace(
    program: nn.Module | Callable[..., Any],
    *args: Any,
    values: ValuesMode = "summary",
    backward: bool = True,
    **kwargs: Any,
) -> Trace:
    """Run `program(*args, **kwargs)` and its backward pass, and record both.

    The result is the root. A scalar is back-propagated as it is; any other nest of tensors is back-propagated from all
    its floating-point tensors that require grad, with `grad_outputs` of ones. Like a plain run, this adds to the
    leaves' `.grad` and updates buffers; nothing stays installed afterwards.

    Parameters
    ----------
    program : an nn.Module or any callable.
    values : "none" (structure only), "summary" (statistics of every tensor, whole values under a budget) or "all".
    backward : False stops after the forward pass.

    Raises
    ------
    engine.errors.TraceError
        The program raised, or its result cannot be back-propagated. `.trace` holds what was recorded.
    """
    return record(program, args, kwargs, values=values, backward=backward)


def record(
    program: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: dict[str, Any] | None = None,
    *,
    values: ValuesMode = "summary",
    backward: bool = True,
    target: str = "",
    keep: Literal["all", "step"] = "all",
    make_recorder: Callable[..., Recorder] = Recorder,
) -> Trace:
    """`trace` for callers inside the engine, which also say what the target is called and how much to keep."""
    try:
        return _record(program, args, kwargs or {}, values, backward, target, keep, make_recorder)
    finally:
        free_parked()  # the results of the program are gone by now


def _record(
    program: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    values: ValuesMode,
    backward: bool,
    target: str,
    keep: Literal["all", "step"],
    make_recorder: Callable[..., Recorder],
) -> Trace:
    if values not in ("none", "summary", "all"):
        raise ValueError(f"values must be 'none', 'summary' or 'all', not {values!r}")
    notes = []
    if unwrap(program) is not program:
        program = unwrap(program)
        notes.append("The module is compiled by torch.compile; it was run eagerly, so that every operation is seen.")
    root_module = program if isinstance(program, nn.Module) else None
    recorder = make_recorder(values=values, target=target or _name_of(program), keep=keep, root_module=root_module)
    for name, tensor in _named_inputs(program, args, kwargs):
        recorder.announce(tensor, name)
    passes = _OwnPasses(recorder)
    recorder.start()
    try:
        with AutogradHooks(passes.on_backward) if backward else nullcontext():
            result = drained(program(*args, **kwargs))
    except Exception as error:
        raise _failure(recorder, error, notes) from error
    finally:
        recorder.stop()
    found = [tensor for _, tensor in named_tensors(result, "")]
    if not backward:
        recorder.set_roots(found)
        return recorder.finish(notes=notes)
    roots = [t for t in found if t.requires_grad and t.dtype.is_floating_point and t.layout in _LAYOUTS]
    if recorder.has_run(roots):
        recorder.use_own_pass()
        return recorder.finish(notes=[*notes, passes.shown()])
    if passes.count:
        notes.append(passes.left_out())
    if not roots:
        recorder.set_roots(found)
        reason = _why_no_gradient(result, found)
        raise TraceError(reason, trace=recorder.finish(notes=[*notes, reason]))
    try:
        recorder.run_backward(roots, lambda: _back_propagate(roots))
    except Exception as error:
        raise _failure(recorder, error, notes) from error
    return recorder.finish(notes=notes)


@own_backward()
def _back_propagate(roots: list[torch.Tensor]) -> None:
    """`torch.autograd.backward` with gradients of ones."""
    run = getattr(torch.autograd.graph, "_engine_run_backward", None)
    if all(root.dim() == 0 for root in roots) or run is None or any(type(root) is not torch.Tensor for root in roots):
        torch.autograd.backward(roots, [None if root.dim() == 0 else torch.ones_like(root) for root in roots])
        return
    # What stands before this in torch compares shapes in symbols, and imports sympy for it: a third of a second.
    gradients = tuple(torch.ones_like(root) for root in roots)
    run(tuple(roots), gradients, False, False, (), allow_unreachable=True, accumulate_grad=True)


def _failure(recorder: Recorder, error: Exception, notes: list[str]) -> TraceError:
    recorder.fail(error)
    return TraceError(
        describe_error(error),
        trace=recorder.finish(notes=notes),
        user_traceback=user_traceback(error),
        source=user_place(error),
    )


class _OwnPasses:
    """The backward passes that the program runs itself, before it returns."""

    def __init__(self, recorder: Recorder) -> None:
        self.count = 0
        self._recorder = recorder
        self._thread = threading.get_ident()

    def on_backward(self, call: BackwardCall) -> None:
        if threading.get_ident() != self._thread and not any(map(self._recorder.knows, call.tensors)):
            call.run()  # of a thread beside the program's
            return
        self.count += 1
        if call.keeps_graph and self.count == 1:
            self._recorder.note(Sighting("graph-retained"))
        self._recorder.run_own_pass(call.tensors, call.run)

    def shown(self) -> str:
        if self.count == 1:
            return "The program runs its backward pass itself; it was recorded, and none was added."
        return f"The program runs {self.count} backward passes itself. The first one is shown, and none was added."

    def left_out(self) -> str:
        times = "a backward pass" if self.count == 1 else f"{self.count} backward passes"
        return f"The program runs {times} of its own before it returns. Shown is the one of its result."


def user_traceback(error: BaseException) -> str:
    """The traceback as the program's author would see it: it starts at the program's own first frame."""
    frames = list(traceback.walk_tb(error.__traceback__))
    first = next((index for index, (frame, _) in enumerate(frames) if is_user_code(frame.f_code)), len(frames))
    tb = error.__traceback__
    for _ in range(first):
        tb = None if tb is None else tb.tb_next
    report = traceback.TracebackException(type(error), error, tb, compact=True)
    pending = [report]
    while pending:  # what caused it came through our own frames too
        part = pending.pop()
        part.stack = traceback.StackSummary.from_list([f for f in part.stack if not is_engine_file(f.filename)])
        pending += [
            found for found in (part.__cause__, part.__context__, *(part.exceptions or ())) if found is not None
        ]
    return "".join(report.format())[:MOST_TRACEBACK_CHARACTERS]


def _name_of(program: Any) -> str:
    if isinstance(program, nn.Module):
        return type(program).__name__
    return str(getattr(program, "__qualname__", type(program).__name__))


def _named_inputs(
    program: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> list[tuple[str, torch.Tensor]]:
    function = program.forward if isinstance(program, nn.Module) else program
    try:
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        bound = {f"argument {index}": value for index, value in enumerate(args)} | kwargs
    found: list[tuple[str, torch.Tensor]] = []
    for name, value in bound.items():
        if isinstance(value, nn.Module):
            continue
        found.extend(named_tensors(value, name))
    return found


def _why_no_gradient(result: Any, found: list[torch.Tensor]) -> str:
    if not found:
        return (
            f"The program returned no tensor (but {type(result).__name__}), so there is nothing to back-propagate. "
            "Return the loss, or any tensors that depend on parameters."
        )
    if not torch.is_grad_enabled():
        return "No gradient was recorded, because gradients are switched off (torch.no_grad or set_grad_enabled)."
    if not any(tensor.dtype.is_floating_point for tensor in found):
        kinds = ", ".join(sorted({str(tensor.dtype).removeprefix("torch.") for tensor in found}))
        hint = " (of a complex result: its abs() or real part, say)" if any(t.is_complex() for t in found) else ""
        return (
            f"The result has no floating-point tensor (only {kinds}); only those have gradients. Return a loss{hint}."
        )
    if not any(tensor.layout in _LAYOUTS for tensor in found):
        layouts = ", ".join(sorted({str(tensor.layout).removeprefix("torch.").strip("_") for tensor in found}))
        return (
            f"The result is stored in the layout {layouts} (a sparse tensor has one, for example), for which there is "
            "no gradient of ones. Return a loss, its sum for example."
        )
    return (
        "No gradient was recorded, because the result does not depend on any tensor that requires grad. "
        "Give a leaf requires_grad=True, or look for detach() and no_grad() on the way."
    )
