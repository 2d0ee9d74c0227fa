"""What a lowering is handed: the builder that knows which ONNX node it is writing, and the element types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from math import prod
from typing import Any

from onnx import GraphProto, TensorProto

from liteport.errors import InputError, UnsupportedError
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.ir.inputs import MOST_BITS
from liteport.ir.sizes import Size, Space, example
from liteport.ir.types import Array, DType, TensorType
from liteport.ir.witnesses import Range

# Everything is computed in float32 (or integers): half precision widens exactly, doubles are narrowed, and integers of
# 2 and 4 bits have 8.
DTYPES: Mapping[int, DType] = {
    TensorProto.FLOAT: DType.FLOAT32,
    TensorProto.DOUBLE: DType.FLOAT32,
    TensorProto.FLOAT16: DType.FLOAT32,
    TensorProto.BFLOAT16: DType.FLOAT32,
    TensorProto.INT64: DType.INT64,
    TensorProto.INT32: DType.INT32,
    TensorProto.INT16: DType.INT16,
    TensorProto.INT8: DType.INT8,
    TensorProto.UINT64: DType.UINT64,
    TensorProto.UINT32: DType.UINT32,
    TensorProto.UINT16: DType.UINT16,
    TensorProto.UINT8: DType.UINT8,
    TensorProto.BOOL: DType.BOOL,
    TensorProto.INT4: DType.INT8,
    TensorProto.UINT4: DType.UINT8,
    TensorProto.INT2: DType.INT8,
    TensorProto.UINT2: DType.UINT8,
}

FEW = "bits"
"""What Value.extra has ONNX's element type under, where that is an integer of 2 or 4 bits."""

# A lowering takes the builder, then the node's inputs as Values (None where one is left out), and its attributes as
# keywords. It returns a Value, or as many as the node has results, as a sequence; trailing ones that nobody asks for
# (see OnnxBuilder.wants) may be left out. Its keywords are those of every version from opset 7 on; `b.opset` tells
# versions apart that differ in what they mean.
Lowering = Callable[..., Any]
Table = dict[tuple[str, str], Lowering]
"""By domain and operator."""

Walk = Callable[["OnnxBuilder", GraphProto, Sequence[Value]], list[Value]]
Hint = Callable[[int], TensorType | None]


class Listed(Value):
    """A sequence of tensors, whose number is known while the graph is written: only its elements are in the graph."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Value]) -> None:
        super().__init__(TensorType(DType.FLOAT32, (0,)), "sequence")
        self.items = tuple(items)


class OnnxBuilder(Builder):
    """A builder with what is known of the node at hand.

    `walk` lowers a nested graph, such as a loop's body, with the builder and operands that it is handed. `hint(i)` is
    what ONNX's shape inference says of result number i; None where its rank or a size is not known there.
    """

    def __init__(self, graph: Graph, walk: Walk | None = None, space: Space | None = None) -> None:
        super().__init__(graph)
        self.walk = walk
        self.space = space or Space()
        self.opset = 0
        self.outputs: tuple[str, ...] = ()
        self.hint: Hint = lambda index: None

    def body(self, role: str) -> OnnxBuilder:
        inner = super().body(role)
        inner.walk, inner.space = self.walk, self.space
        inner.opset, inner.outputs, inner.hint = self.opset, self.outputs, self.hint
        return inner

    def wants(self, index: int) -> bool:
        """Whether the node's result number `index` has a name, by which somebody may use it."""
        return index < len(self.outputs) and bool(self.outputs[index])

    def open_size(self, most: int | None = None, least: int = 0) -> Size:
        """A new size that is known when the model runs, from `least` to `most`: how many elements the data choose."""
        name = next(n for i in count() if (n := f"{self.prefix}_count{i or ''}") not in self.space.symbols)
        return self.space.symbol(name, 1, Range(least, most))

    def nested(self, graph: GraphProto, operands: Sequence[Value] = ()) -> list[Value]:
        """What a nested graph gives for these operands, written here; outer values are seen by name."""
        assert self.walk is not None
        return self.walk(self, graph, operands)


def known(value: Value, what: str) -> Array:
    """The numbers of an operand that must be constant, Sizes among them. Raises UnsupportedError."""
    if value.data is None:
        raise UnsupportedError(f"{what} computed when the model runs, where a constant is needed")
    return value.data


def numbers(value: Value | None, attribute: Sequence[int] | None, what: str) -> list[int] | None:
    """Whole numbers that newer opsets have as an operand, and older ones as an attribute; None where there are none."""
    if value is not None:
        found: list[int] = known(value, what).reshape(-1).tolist()
        return found
    return None if attribute is None else list(attribute)


def one_of(given: str, *words: str) -> str:
    """`given`, the value of an attribute that may be one of these words. Raises UnsupportedError."""
    if given not in words:
        raise UnsupportedError(f"{given!r} where one of {', '.join(words)} is due")
    return given


def axis_of(axis: int, rank: int) -> int:
    """`axis` counted from the front; a value without dimensions counts as one with one. Raises InputError."""
    if not -max(rank, 1) <= axis < max(rank, 1):
        raise InputError(f"axis {axis} of a value with {rank} dimensions")
    return axis % max(rank, 1)


def checked(type: TensorType) -> TensorType:
    """The type. Raises InputError for one of more bytes than a tensor may have."""
    if prod(map(example, type.shape)) * type.dtype.bits > MOST_BITS:
        raise InputError(f"a result of {type}, which is more than the 2 GiB that a tensor may have")
    return type
