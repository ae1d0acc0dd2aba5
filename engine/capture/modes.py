"""Pushes and pops a dispatch mode outside a `with` statement, even when the program has entered modes in between."""

from __future__ import annotations

from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack


def enter_mode(mode: TorchDispatchMode) -> None:
    mode.__enter__()


def leave_mode(mode: TorchDispatchMode) -> None:
    """Take `mode` off the stack; modes that were entered after it stay, in their order."""
    above: list[TorchDispatchMode] = []
    stack = _get_current_dispatch_mode_stack()
    if not any(entered is mode for entered in stack):
        return
    for entered in reversed(stack):
        entered.__exit__(None, None, None)
        if entered is mode:
            break
        above.append(entered)
    for entered in reversed(above):
        entered.__enter__()
