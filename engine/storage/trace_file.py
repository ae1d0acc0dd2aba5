"""Trace files: saving a trace and loading it again, exactly; the format, in one place.

A trace file is a safetensors file. Its tensors are

- the arrays that were kept, under names such as "node.3.output.0" or "step.7.grad_inputs.1"; complex ones have one more
  axis of length 2 for their real and imaginary parts;
- the columns of the tables "nodes", "edges", "steps", "tensors", "summaries", "saved", "scopes", "sources" and "paths".
  A list of lists is stored as "NAME.length" and "NAME". A text is its place in `strings`, counted from 1 (0: none);
  references that may be absent are counted from 1 as well.

Everything else is one JSON document in the metadata under "retrograd": the format's version, a SHA-256 digest over the
whole file (with zeros in its own place), what was traced, the program's files, the table of texts, the operators'
arguments, and the list of kept arrays.
"""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..errors import TraceFileError
from ..graph.trace import Trace
from .atomic import write_atomically
from .container import pack, unpack
from .trace_reader import put_together
from .trace_writer import take_apart


def save(trace: Trace, path: str | os.PathLike[str], before_replacing: Callable[[], None] | None = None) -> None:
    """Write `trace` to the file `path`; a file that is there is replaced as a whole or not at all.

    Parameters
    ----------
    before_replacing : as in `write_atomically`.

    Raises
    ------
    SaveError
        When the file cannot be written: disk full, no permission, no such folder.
    TraceFileError
        When the trace contradicts itself or holds what the format cannot (object arrays, numbers above 64 bits).
    """
    write_atomically(path, pack(*take_apart(trace)), before_replacing)


def dumps(trace: Trace) -> bytes:
    """The content of the trace file as bytes; raises like `save`."""
    return b"".join(pack(*take_apart(trace)))


def load(path: str | os.PathLike[str]) -> Trace:
    """Read a trace file. Nothing in it is executed, and nothing is allocated because the file claims a size.

    Raises
    ------
    TraceFileError
        When there is no such file, or it is not a complete, undamaged trace file of a known version.
    """
    name = os.fspath(path)
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # before it is opened: a pipe would wait for a writer
            raise TraceFileError(f"{name!r} is not a regular file. Open a .retrograd file.")
        with open(path, "rb") as file:
            buffer = np.fromfile(file, dtype=np.uint8)
    except MemoryError as error:
        raise TraceFileError(f"{name!r} is larger than the free memory. Close other traces, or record less.") from error
    except FileNotFoundError as error:
        raise TraceFileError(f"There is no file {name!r}. Check the name and the folder.") from error
    except IsADirectoryError as error:
        raise TraceFileError(f"{name!r} is a folder, not a trace file. Open a .retrograd file.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TraceFileError(f"{name!r} cannot be read: {reason}. Check the file and its permissions.") from error
    return _read(buffer, name)


def loads(data: bytes | bytearray | memoryview, name: str = "trace") -> Trace:
    """Read a trace from the content of a trace file; `name` is what error messages call it. Raises like `load`."""
    return _read(np.frombuffer(data, dtype=np.uint8).copy(), name)  # a copy: the arrays shall be writable


def _read(buffer: npt.NDArray[np.uint8], name: str) -> Trace:
    was_enabled = gc.isenabled()
    gc.disable()  # a hundred thousand new objects would be searched for garbage again and again: half of the time
    try:
        return put_together(unpack(buffer, name), name)
    except MemoryError as error:
        raise TraceFileError(f"{name!r} needs more memory than is free. Close other traces, or record less.") from error
    except RecursionError as error:
        raise TraceFileError(f"{name!r} is damaged: its metadata are nested too deeply. Record it again.") from error
    finally:
        if was_enabled:
            gc.enable()
