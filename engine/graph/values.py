"""`Values`: an array as it travels between processes and into files."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """An array as it travels: its shape, NumPy's name of its type, and its bytes in C order."""

    shape: tuple[int, ...]
    dtype: str
    data: bytes

    @classmethod
    def of(cls, array: npt.ArrayLike) -> Values:
        """Raises ValueError for what is no array of numbers."""
        found = np.ascontiguousarray(array).reshape(np.shape(array))
        if found.dtype.kind not in "biufc":
            raise ValueError(f"values must be numbers, not {found.dtype}")
        found = found.astype(found.dtype.newbyteorder("<"), copy=False)
        return cls(shape=found.shape, dtype=found.dtype.str, data=found.tobytes())

    @property
    def array(self) -> npt.NDArray[Any]:
        """A writable array. Raises ValueError where shape, type and bytes do not belong together."""
        kind = np.dtype(self.dtype)
        if kind.kind not in "biufc":
            raise ValueError(f"values must be numbers, not {kind}")
        return np.frombuffer(bytearray(self.data), kind).reshape(self.shape)
