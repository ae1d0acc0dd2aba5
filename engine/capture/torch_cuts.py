"""Tells where torch's own code, and not the program, stops a gradient: in an embedding's max_norm, say."""

from __future__ import annotations

import os
from types import CodeType, FrameType

import torch

IN_TORCH = "cut inside torch: "
"""How the reason begins of a cut that torch's own code makes."""

_TORCH_FOLDER = os.path.dirname(os.path.abspath(torch.__file__)) + os.sep
_SWITCHES = {"no_grad", "inference_mode", "set_grad_enabled"}
_known: dict[int, tuple[CodeType, bool]] = {}
"""By identity: the hash of a code object is one of all its instructions, every time."""


def detaching_call(frame: FrameType) -> str | None:
    """The reason of the cut where torch's own code calls detach() at `frame`; None where the program does."""
    if not frame.f_code.co_filename.startswith(_TORCH_FOLDER):
        return None
    return f"{IN_TORCH}{frame.f_code.co_qualname}() detaches it"


def switching_call(frame: FrameType | None, caller: FrameType | None) -> str | None:
    """The reason of the cut where torch's own code has switched gradients off for an operation; else None.

    Parameters
    ----------
    frame : what runs the operation.
    caller : the innermost frame of the program above it.
    """
    called = ""
    while frame is not None and frame is not caller:
        code = frame.f_code
        if code.co_name == "decorate_context":  # of @torch.no_grad(), for the function that it has called
            return f"{IN_TORCH}{called or code.co_qualname}() runs without gradients"
        called = code.co_qualname
        if _is_switching(code):
            return f"{IN_TORCH}{called}() runs without gradients"
        frame = frame.f_back
    return None


def _is_switching(code: CodeType) -> bool:
    known = _known.get(id(code))
    if known is None:
        is_torch = code.co_filename.startswith(_TORCH_FOLDER)
        known = _known[id(code)] = code, is_torch and not _SWITCHES.isdisjoint(code.co_names)
    return known[1]
