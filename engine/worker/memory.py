"""How this process takes memory from the system: a program that runs again and again keeps what it has freed."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_MOST_KEPT = 2**31 - 1


def keep_freed_memory() -> None:
    """Let the next run use the memory of the last one, instead of new pages that the system fills with zeros first.

    With hundreds of megabytes of parameters and gradients in each run, that took a third of its time. Only where the
    C library is GNU's; elsewhere nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_MMAP_MAX, 0)
        set_option(_TRIM_THRESHOLD, _MOST_KEPT)
