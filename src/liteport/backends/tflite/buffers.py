"""The constants of a file: shared where their bytes are equal, and streamed without a copy of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np

from liteport.ir.types import Array

CHUNK = 1 << 20
_SAMPLE = 1 << 10

_Memory = tuple[int, tuple[int, ...], tuple[int, ...], str]


class BufferPool:
    """The distinct buffers of a file, in order of first use. Number 0 is the empty one.

    Arrays over the same memory are known at once. Of the others, those of equal size are compared
    by a few bytes first, and by a digest of the whole only where these agree.
    """

    def __init__(self) -> None:
        self.arrays: list[Array] = [np.zeros(0, np.uint8)]
        self._by_memory: dict[_Memory, int] = {}
        self._alike: dict[tuple[int, bytes], list[int]] = {}
        self._digests: dict[int, bytes] = {}

    def add(self, array: Array) -> int:
        """The number of the buffer with the bytes of `array`, in row-major order.

        Arrays of no elements have a buffer too, of no bytes: with buffer 0 they would not be
        constants to LiteRT, and XNNPACK would leave a RESHAPE to a scalar alone.
        """
        key = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        if key not in self._by_memory:
            self._by_memory[key] = self._by_content(array)
        return self._by_memory[key]

    def _by_content(self, array: Array) -> int:
        alike = self._alike.setdefault((array.nbytes, _sample(array)), [])
        number = len(self.arrays)
        self.arrays.append(array)
        for other in alike:
            if self._digest(other) == self._digest(number):
                self.arrays.pop()
                del self._digests[number]
                return other
        alike.append(number)
        return number

    def _digest(self, number: int) -> bytes:
        if number not in self._digests:
            digest = blake2b(digest_size=16)
            for chunk in chunks(self.arrays[number]):
                digest.update(chunk)
            self._digests[number] = digest.digest()
        return self._digests[number]


def _sample(array: Array) -> bytes:
    """The first elements, without a copy of the rest."""
    return array.flat[:_SAMPLE].astype(_stored(array.dtype), copy=False).tobytes()


def _stored(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    return dtype.newbyteorder("<")


def chunks(array: Array, limit: int = CHUNK) -> Iterator[memoryview]:
    """The bytes of `array` in row-major order, little-endian.

    What is contiguous comes as it lies; other arrays are copied at most `limit` bytes at a time
    (or one element).
    """
    straight = array.flags.c_contiguous and array.dtype == _stored(array.dtype)
    if straight or array.nbytes <= limit or array.size <= 1:
        plain = np.ascontiguousarray(array, _stored(array.dtype))
        yield plain.reshape(-1).view(np.uint8).data
        return
    rows = max(1, limit // (array.nbytes // array.shape[0]))
    for start in range(0, array.shape[0], rows):
        part = array[start : start + rows]
        yield from chunks(part[0] if len(part) == 1 else part, limit)
