"""What a failing program is told about: one sentence, its own traceback without ours, and the line that failed."""

from __future__ import annotations

import os
import traceback
from typing import NamedTuple

from ..capture.recorder import describe_error, text_of, user_place

_MESSAGE_CHARACTERS = 2000
_LOST_DEVICE = ("CUDA error:", "HIP error:", "CUBLAS_STATUS_", "CUDNN_STATUS_EXECUTION_FAILED")
_ENGINE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_DEMO_FOLDER = os.path.join(_ENGINE_FOLDER, "demos") + os.sep


class Failure(NamedTuple):
    """A program's exception in words."""

    message: str
    traceback: str
    source: tuple[str, int] | None


def explain(error: BaseException) -> Failure:
    """Turn an exception of the program into what the user needs to know."""
    text = text_of(error)
    message = describe_error(error)[:_MESSAGE_CHARACTERS] + _advice(error, text)
    return Failure(message, _own_traceback(error), user_place(error))


def spoils_process(message: str) -> bool:
    """Whether a failure leaves a GPU that this process cannot use again; whoever runs next needs another process."""
    return any(words in message for words in _LOST_DEVICE)


def _advice(error: BaseException, text: str) -> str:
    name = type(error).__name__
    if spoils_process(text) and "out of memory" not in text:
        return (
            ". The GPU reports an error late, so the line may be a later one: CUDA_LAUNCH_BLOCKING=1 makes it report "
            "at once. The next run begins in a new process."
        )
    if isinstance(error, MemoryError) or name == "OutOfMemoryError" or "can't allocate memory" in text:
        return ". The memory ran out: try a smaller batch or model."
    if isinstance(error, EOFError) and "reading a line" in text:
        return ". A program that runs here cannot ask for input: give it arguments (File > Run with arguments…)."
    if isinstance(error, ModuleNotFoundError):
        return ". It must be installed in the Python that runs this program."
    return ""


def _own_traceback(error: BaseException) -> str:
    rendered = traceback.TracebackException.from_exception(error, compact=True)
    pending = [rendered]
    while pending:
        current = pending.pop()
        current.stack = traceback.StackSummary.from_list([frame for frame in current.stack if not _is_ours(frame)])
        pending.extend(part for part in (current.__cause__, current.__context__) if part is not None)
        pending.extend(current.exceptions or ())
    return "".join(rendered.format())


def _is_ours(frame: traceback.FrameSummary) -> bool:
    path = os.path.abspath(frame.filename)
    return path.startswith(_ENGINE_FOLDER) and not path.startswith(_DEMO_FOLDER)
