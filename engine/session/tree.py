"""Finds and ends the processes of a session: the worker's children, and those that left its family."""

from __future__ import annotations

import os
import time

import psutil

MARK = "RETROGRAD_SESSION"
"""Environment variable whose value names the session; every process that the program starts inherits it."""


def members(token: str) -> list[psutil.Process]:
    """Every running process that carries the session's mark, wherever it now stands in the process tree.

    A program that clears its children's environment as well as leaving the family escapes this; `descendants` of the
    living worker still finds it as long as it has not done both.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == token and process.pid != os.getpid() and _is_running(process):
                found.append(process)
        except (psutil.Error, OSError):  # it ended meanwhile, or is another user's
            continue
    return found


def descendants(pid: int) -> list[psutil.Process]:
    """The process's children, their children, and so on; empty when it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return []


def kill(processes: list[psutil.Process]) -> None:
    """Send SIGKILL to each; those that are gone or not ours are passed over."""
    for process in processes:
        try:
            process.kill()
        except psutil.Error:
            continue


def sweep(token: str, known: list[psutil.Process], *, grace_s: float, kill_s: float = 1.0) -> tuple[str, ...]:
    """End what a program left behind, and say what that was.

    Parameters
    ----------
    known : processes known to belong to the session, whatever their environment says.
    grace_s : helpers that end by themselves (multiprocessing's resource tracker) get this long and are not reported.
    kill_s : how long to wait for killed ones to be gone.

    Returns
    -------
    One text per process: its name and pid, and "still running" if it could not be ended.
    """
    left = _join(known, members(token))
    deadline = time.monotonic() + grace_s
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if _is_running(process)]
    names = {process.pid: _name(process) for process in left}
    kill(left)
    deadline = time.monotonic() + kill_s
    alive = left
    while alive and time.monotonic() < deadline:
        alive = [process for process in alive if _is_running(process)]
        if alive:
            time.sleep(0.01)
    survivors = {process.pid for process in alive}
    return tuple(
        f"{names[process.pid]} (pid {process.pid})" + (", still running" if process.pid in survivors else "")
        for process in left
    )


def _join(first: list[psutil.Process], second: list[psutil.Process]) -> list[psutil.Process]:
    return [process for process in dict.fromkeys([*first, *second]) if _is_running(process)]


def _is_running(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return "a process"
