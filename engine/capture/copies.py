"""Copies of the values of small tensors, as numpy arrays, at a fraction of what `clone` takes."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

CHUNK_BYTES = 1 << 20
_LARGEST_SHARING = 1 << 15
_ALIGNMENT = 64

NUMPY_DTYPES: dict[torch.dtype, np.dtype[Any]] = {
    dtype: np.dtype(str(dtype).removeprefix("torch."))
    for dtype in (
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.uint16, torch.uint32, torch.uint64),
        *(torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128),
    )
}


class Copier:
    """Copies plain tensors in the computer's own memory; many small copies share one piece of memory."""

    def __init__(self) -> None:
        self._chunk: npt.NDArray[np.uint8] = np.empty(0, np.uint8)
        self._address = 0
        self._used = 0
        self._spare: dict[int, list[npt.NDArray[Any]]] = {}
        """Copies that nobody needs any more, by bytes: fresh memory costs more than what is written into it."""

    def reuse(self, array: npt.NDArray[Any]) -> None:
        """A copy that was made here is not looked at again."""
        if array.nbytes > _LARGEST_SHARING:
            self._spare.setdefault(array.nbytes, []).append(array.reshape(-1).view(np.uint8))

    def copy(self, tensor: torch.Tensor) -> npt.NDArray[Any] | None:
        """The values of a detached tensor; None where its elements do not lie in memory as numpy has them."""
        dtype = NUMPY_DTYPES.get(tensor.dtype)
        if dtype is None or not tensor.is_contiguous() or tensor.is_neg() or not tensor.is_cpu:
            return None
        if dtype.kind == "c" and tensor.is_conj():
            return None
        shape = tuple(tensor.shape)
        nbytes = tensor.nbytes
        if nbytes > _LARGEST_SHARING:
            spare = self._spare.get(nbytes)
            array: npt.NDArray[Any] = spare.pop().view(dtype).reshape(shape) if spare else np.empty(shape, dtype)
            ctypes.memmove(_address_of(array), tensor.data_ptr(), nbytes)
            return array
        begin = self._used
        end = begin + nbytes
        if end > len(self._chunk):
            self._chunk = np.empty(CHUNK_BYTES, np.uint8)
            self._address = _address_of(self._chunk)
            begin, end = 0, nbytes
        self._used = end + -end % _ALIGNMENT
        if nbytes:
            ctypes.memmove(self._address + begin, tensor.data_ptr(), nbytes)
        return np.ndarray(shape, dtype, self._chunk, begin)


def _address_of(array: npt.NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
