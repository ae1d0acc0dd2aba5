"""From the way in which a worker ended to one sentence for people."""

from __future__ import annotations

import os
import signal
from typing import Literal

import msgspec

OutcomeKind = Literal["finished", "stopped", "failed", "crashed", "killed", "lost", "start_failed"]

LOST_EXIT_CODE = 76
"""A worker's own exit code when it finds its channel broken (EX_PROTOCOL of sysexits.h)."""
_FATAL_MARK = "Fatal Python error:"
_ENGINE_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SIGNAL_WORDS = {
    "SIGSEGV": "it read or wrote memory that is not its own (segmentation fault)",
    "SIGABRT": "a library gave up (abort)",
    "SIGBUS": "it read or wrote memory that does not exist (bus error)",
    "SIGFPE": "it divided integers by zero or the like (floating-point exception)",
    "SIGILL": "it met an instruction that this processor does not know",
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended.

    Attributes
    ----------
    kind : "finished" (to its end, or by its own exit), "stopped" (by the user), "failed" (an exception), "crashed" (a
        fatal signal), "killed" (by something else), "lost" (the channel broke), "start_failed" (no worker could start).
    message : a sentence that says what happened and what to do.
    exit_code : the process's exit code, None when a signal ended it or the worker lives on.
    signal : the signal's name, such as "SIGSEGV".
    stack : the Python stack at the crash, from faulthandler; "" where there is none.
    left_behind : processes that the program had started and left; each was ended unless its text says otherwise.
    log : path of the whole output, None where it was not kept.
    journal : path of the recorded losses, None where none was kept.
    """

    kind: OutcomeKind
    message: str
    exit_code: int | None = None
    signal: str | None = None
    stack: str = ""
    left_behind: tuple[str, ...] = ()
    log: str | None = None
    journal: str | None = None


def describe(
    returncode: int | None,
    *,
    was_stopped: bool = False,
    is_ready: bool = True,
    finished: str | None = None,
    failure: str | None = None,
    channel_error: str | None = None,
    stderr: str = "",
) -> Outcome:
    """Turn the end of a worker into an outcome.

    Parameters
    ----------
    returncode : as `subprocess.Popen.returncode`: negative for a signal; None if the worker lives on.
    was_stopped : the user asked for it.
    is_ready : the worker had got as far as importing torch.
    finished : message of the worker's `Finished`, None if none came.
    failure : message of the worker's `Failed`, None if none came.
    channel_error : why the channel broke, None if it did not.
    stderr : the end of what the worker wrote to its standard error.
    """
    if was_stopped:
        return Outcome(kind="stopped", message="The program was stopped.", exit_code=_code(returncode))
    if finished is not None and failure is not None:
        return Outcome(kind="failed", message=failure, exit_code=_code(returncode))
    if finished is not None:
        message = finished or "The program ran to its end."
        if returncode is not None and returncode < 0:
            message += f" Its process then ended with {_signal_name(-returncode)} while it was leaving."
        return Outcome(kind="finished", message=message, exit_code=_code(returncode))
    if channel_error is not None or returncode == LOST_EXIT_CODE:
        return Outcome(
            kind="lost",
            message="The connection to the program was lost, so it was stopped. "
            + (f"{channel_error} " if channel_error else "")
            + "A program that writes to or closes file descriptors which it did not open does this.",
            exit_code=_code(returncode),
        )
    if not is_ready:
        last = _last_line(stderr)
        return Outcome(
            kind="start_failed",
            message="No program can be run, because PyTorch could not be started"
            + (f": {last}" if last else ".")
            + " Check the installation with: python -c 'import torch'",
            exit_code=_code(returncode),
            stack=stderr,
        )
    if returncode is not None and returncode < 0:
        return _by_signal(-returncode, stderr)
    if returncode:
        return Outcome(
            kind="finished",
            message=f"The program ended its process at once, with exit code {returncode} (os._exit or the like).",
            exit_code=returncode,
        )
    return Outcome(
        kind="finished",
        message="The program ended its process at once, with exit code 0 (os._exit or the like).",
        exit_code=returncode,
    )


def stack_in(stderr: str) -> str:
    """The part of a standard error stream that faulthandler wrote at a crash; "" if there is none."""
    start = stderr.rfind(_FATAL_MARK)
    if start < 0:
        return ""
    fatal, *lines = stderr[start:].splitlines()
    kept: list[str] = []
    is_current = False
    for line in lines:  # the program's own frames of the thread that crashed: the others wait in ours
        if line.startswith(("Thread ", "Current thread ")):
            is_current = line.startswith("Current")
        if is_current and _ENGINE_FOLDER not in line:
            kept.append(line)
        if is_current and not line.strip():
            break
    return "\n".join([fatal, *kept]).rstrip()


def _by_signal(number: int, stderr: str) -> Outcome:
    name = _signal_name(number)
    if name == "SIGKILL":
        return Outcome(
            kind="killed",
            message="The program was killed, probably because the memory ran out. What was recorded is kept. "
            "Try a smaller batch or model.",
            signal=name,
        )
    if name in _SIGNAL_WORDS:
        return Outcome(
            kind="crashed",
            message=f"The program crashed with {name}: {_SIGNAL_WORDS[name]}. What was recorded is kept; "
            "the stack at the crash tells which call it was. You can run it again.",
            signal=name,
            stack=stack_in(stderr),
        )
    return Outcome(
        kind="killed",
        message=f"The program was ended from outside by {name}. What was recorded is kept.",
        signal=name,
        stack=stack_in(stderr),
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _code(returncode: int | None) -> int | None:
    return returncode if returncode is not None and returncode >= 0 else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
