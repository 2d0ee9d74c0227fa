"""Element types, tensor types and quantisation: what a value is, apart from its place in a graph."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import prod
from typing import Any, NamedTuple

import numpy as np

Dim = int
Shape = tuple[Dim, ...]
Array = np.ndarray[Any, Any]


class DType(Enum):
    """Element types under the names that the .tflite schema gives them (enum TensorType).

    The value is NumPy's dtype string, or None where NumPy has none: constants of such a type are
    kept as the raw bytes of the file, in a uint8 array.
    """

    FLOAT32 = "f4"
    FLOAT16 = "f2"
    FLOAT64 = "f8"
    INT8 = "i1"
    INT16 = "i2"
    INT32 = "i4"
    INT64 = "i8"
    UINT8 = "u1"
    UINT16 = "u2"
    UINT32 = "u4"
    UINT64 = "u8"
    BOOL = "?"
    COMPLEX64 = "c8"
    COMPLEX128 = "c16"
    # Types without a NumPy twin follow; "raw:" keeps the enum's values apart.
    BFLOAT16 = "raw:bfloat16"
    INT4 = "raw:int4"
    UINT4 = "raw:uint4"
    INT2 = "raw:int2"
    STRING = "raw:string"
    RESOURCE = "raw:resource"
    VARIANT = "raw:variant"
    FLOAT8_E4M3FN = "raw:float8_e4m3fn"
    FLOAT8_E5M2 = "raw:float8_e5m2"

    @property
    def numpy(self) -> np.dtype[Any]:
        """NumPy's dtype for arrays of this type; uint8 (raw bytes) where there is none."""
        return np.dtype("u1" if self.is_raw else self.value)

    @property
    def is_raw(self) -> bool:
        return self.value.startswith("raw:")

    @property
    def is_float(self) -> bool:
        return self in (DType.FLOAT32, DType.FLOAT16, DType.FLOAT64, DType.BFLOAT16)

    @property
    def is_int(self) -> bool:
        return not self.is_raw and np.issubdtype(self.numpy, np.integer)

    @property
    def bits(self) -> int:
        """Bits of one element (8 for types of variable size)."""
        raw = {"bfloat16": 16, "int4": 4, "uint4": 4, "int2": 2}
        return raw.get(self.value[4:], 8) if self.is_raw else self.numpy.itemsize * 8

    @staticmethod
    def of(array: Array | np.dtype[Any]) -> DType:
        """The type of a NumPy array or dtype. Raises ValueError for one that TFLite lacks."""
        dtype = array if isinstance(array, np.dtype) else array.dtype
        return DType("?" if dtype.kind == "b" else f"{dtype.kind}{dtype.itemsize}")


class TensorType(NamedTuple):
    """An element type and a shape."""

    dtype: DType
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return (self.size * self.dtype.bits + 7) // 8

    def __str__(self) -> str:
        return f"{self.dtype.name.lower()}[{','.join(map(str, self.shape))}]"


@dataclass(frozen=True)
class Quantization:
    """Affine quantisation, real = scale * (q - zero_point), per tensor or along `axis`.

    Source: QuantizationParameters in the .tflite schema. `details` keeps what a reader found
    beyond that (custom or block-wise quantisation), untouched, for the writer.
    """

    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int = 0
    min: tuple[float, ...] = ()
    max: tuple[float, ...] = ()
    details: Any = None


@dataclass(frozen=True)
class Source:
    """Where a value or an operator came from: the module's path and the user's line."""

    module: str = ""
    place: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.module, self.place and f"({self.place})") if part)
