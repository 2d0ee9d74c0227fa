"""Operators that move, repeat, cut and join elements without computing on them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    BOOL,
    COPIED,
    FLOAT,
    HALF,
    INDEX,
    INT32,
    PLAIN,
    SMALL,
    Activation,
    DTypes,
    Operator,
    Types,
    axis_of,
    broadcast,
    constant_int,
    constant_ints,
    constant_shape,
    operands,
    same_type,
    sizes,
)
from liteport.ir.sizes import is_fixed, larger, smaller
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class Reshape(Operator):
    """The same elements in row-major order as the shape in input 1 (int32; one -1 is worked out).

    `new_shape` is the form of old files, without input 1.
    """

    name: ClassVar[str] = "RESHAPE"
    new_shape: tuple[int, ...] | None = None

    def infer(self, *inputs: Value | None) -> Types:
        x = operands(self, inputs, 1)[0]
        if len(inputs) > 1:
            target = constant_ints(self, operands(self, inputs, 2)[1], "the shape")
        elif self.new_shape is not None:
            target = list(self.new_shape)
        else:
            raise self.fail("no shape")
        if target.count(-1) == 1 and (rest := -prod(target)) > 0:
            target[target.index(-1)] = x.type.size // rest
        if prod(target) != x.type.size or any(d < 0 for d in target):
            raise self.fail(f"{x.type} does not fit in {target}")
        return (TensorType(x.dtype, tuple(target)),)


@dataclass(frozen=True)
class ExpandDims(Operator):
    """x with a dimension of 1 put in at the axis in constant input 1."""

    name: ClassVar[str] = "EXPAND_DIMS"

    def infer(self, *inputs: Value | None) -> Types:
        x, axis = operands(self, inputs, 2)
        at = axis_of(self, constant_int(self, axis, "the axis"), x.rank + 1)
        return (TensorType(x.dtype, (*x.shape[:at], 1, *x.shape[at:])),)


@dataclass(frozen=True)
class Squeeze(Operator):
    """x without the dimensions of 1 in `squeeze_dims`, or without all of them."""

    name: ClassVar[str] = "SQUEEZE"
    squeeze_dims: tuple[int, ...] = ()

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        gone = {axis_of(self, a, x.rank) for a in self.squeeze_dims} or {i for i, d in enumerate(x.shape) if d == 1}
        if any(x.shape[i] != 1 for i in gone):
            raise self.fail(f"{x.type} is not 1 at {sorted(gone)}")
        return (TensorType(x.dtype, tuple(d for i, d in enumerate(x.shape) if i not in gone)),)


@dataclass(frozen=True)
class Transpose(Operator):
    """Dimension i of the result is dimension perm[i] of x; perm is constant input 1 (int32)."""

    name: ClassVar[str] = "TRANSPOSE"
    dtypes: ClassVar[DTypes] = COPIED

    def infer(self, *inputs: Value | None) -> Types:
        x, order = operands(self, inputs, 2)
        perm = constant_ints(self, order, "the permutation")
        if len(perm) != x.rank or len({axis_of(self, p, x.rank) for p in perm}) != x.rank:
            raise self.fail(f"{perm} is not a permutation of the dimensions of {x.type}")
        return (TensorType(x.dtype, tuple(x.shape[p] for p in perm)),)


@dataclass(frozen=True)
class Slice(Operator):
    """The block of x from begin (input 1), of size (input 2); a size of -1 reaches to the end."""

    name: ClassVar[str] = "SLICE"
    dtypes: ClassVar[DTypes] = COPIED

    def infer(self, *inputs: Value | None) -> Types:
        x, begin, size = operands(self, inputs, 3)
        starts, sizes = constant_ints(self, begin, "begin"), constant_ints(self, size, "size")
        if not len(starts) == len(sizes) == x.rank:
            raise self.fail(f"{starts} and {sizes} do not fit {x.type}")
        shape = tuple(d - b if s == -1 else s for d, b, s in zip(x.shape, starts, sizes, strict=True))
        if any(b < 0 or s < 0 or b + s > d for d, b, s in zip(x.shape, starts, shape, strict=True)):
            raise self.fail(f"{starts} of {shape} is outside {x.type}")
        return (TensorType(x.dtype, shape),)


@dataclass(frozen=True)
class StridedSlice(Operator):
    """x[begin:end:strides] (inputs 1 to 3); bit i of a mask speaks of entry i, as in TensorFlow's strided_slice.

    `offset` makes `end` count from `begin`.
    """

    name: ClassVar[str] = "STRIDED_SLICE"
    dtypes: ClassVar[DTypes] = COPIED
    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, begin, end, strides = operands(self, inputs, 4)
        b = constant_ints(self, begin, "begin")
        e, s = constant_ints(self, end, "end", len(b)), constant_ints(self, strides, "strides", len(b))
        shape: list[int] = []
        left = list(x.shape)
        for i in range(len(b)):
            bit = 1 << i
            if self.ellipsis_mask & bit:
                later = sum(1 for j in range(i + 1, len(b)) if not self.new_axis_mask & (1 << j))
                shape += left[: len(left) - later]
                left = left[len(left) - later :]
            elif self.new_axis_mask & bit:
                shape.append(1)
            elif not left:
                raise self.fail(f"more entries than {x.type} has dimensions")
            elif self.shrink_axis_mask & bit:
                left.pop(0)
            else:
                shape.append(self._length(bit, b[i], e[i], s[i], left.pop(0)))
        return (TensorType(x.dtype, (*shape, *left)),)

    def _length(self, bit: int, begin: int, end: int, stride: int, size: int) -> int:
        """How many of `size` elements the entry takes."""
        if not stride:
            raise self.fail("a stride of 0")
        stop = begin + end if self.offset else end
        first, last = None if self.begin_mask & bit else begin, None if self.end_mask & bit else stop
        if is_fixed((begin, stop, size)):
            return len(range(*slice(first, last, stride).indices(size)))
        if stride < 0:
            raise self.unknown("a negative stride over a size that is not fixed")
        low, high = (_from_front(at, size) for at in (first or 0, size if last is None else last))
        return larger(-(-(high - low) // stride), 0)


def _from_front(at: int, size: int) -> int:
    return larger(at + size, 0) if at < 0 else smaller(at, size)


@dataclass(frozen=True)
class _PadBase(Operator):
    """x with paddings[i] = (before, after) more elements at dimension i; paddings is input 1, [rank, 2]."""

    def infer(self, *inputs: Value | None) -> Types:
        x, paddings = operands(self, inputs, 2)
        amounts = constant_ints(self, paddings, "the paddings")
        if len(amounts) != 2 * x.rank or any(a < 0 for a in amounts):
            raise self.fail(f"paddings {amounts} do not fit {x.type}")
        shape = tuple(d + amounts[2 * i] + amounts[2 * i + 1] for i, d in enumerate(x.shape))
        return (TensorType(x.dtype, shape),)


@dataclass(frozen=True)
class Pad(_PadBase):
    """Zeros around x; a constant PAD runs fused with the convolution after it."""

    name: ClassVar[str] = "PAD"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | BOOL | SMALL
    max_rank: ClassVar[int] = 5


@dataclass(frozen=True)
class PadV2(_PadBase):
    """The scalar input 2 around x."""

    name: ClassVar[str] = "PADV2"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | BOOL | SMALL
    max_rank: ClassVar[int] = 5


@dataclass(frozen=True)
class MirrorPad(_PadBase):
    """x reflected at its ends: `mode` REFLECT leaves the end element out, SYMMETRIC repeats it."""

    name: ClassVar[str] = "MIRROR_PAD"
    dtypes: ClassVar[DTypes] = PLAIN
    mode: str = "REFLECT"


@dataclass(frozen=True)
class Tile(Operator):
    """x repeated multiples[i] times along dimension i; the multiples are input 1."""

    name: ClassVar[str] = "TILE"
    dtypes: ClassVar[DTypes] = COPIED

    def infer(self, *inputs: Value | None) -> Types:
        x, multiples = operands(self, inputs, 2)
        times = sizes(self, constant_ints(self, multiples, "the multiples", x.rank))
        return (TensorType(x.dtype, tuple(d * t for d, t in zip(x.shape, times, strict=True))),)


@dataclass(frozen=True)
class BroadcastTo(Operator):
    """x repeated to the shape in input 1 by NumPy's rules."""

    name: ClassVar[str] = "BROADCAST_TO"

    def infer(self, *inputs: Value | None) -> Types:
        x, shape = operands(self, inputs, 2)
        target = constant_shape(self, shape, "the shape")
        if broadcast(self, [x.shape, target]) != target:
            raise self.fail(f"{x.type} does not fit in {target}")
        return (TensorType(x.dtype, target),)


@dataclass(frozen=True)
class Concatenation(Operator):
    """The inputs one after the other along `axis`. More than 5 inputs leave XNNPACK."""

    name: ClassVar[str] = "CONCATENATION"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | BOOL | INDEX | SMALL | {DType.UINT32}
    max_rank: ClassVar[int] = 6
    axis: int = 0
    activation: Activation = Activation.NONE

    def infer(self, *inputs: Value | None) -> Types:
        values = operands(self, inputs, max(1, len(inputs)))
        at = axis_of(self, self.axis, values[0].rank)
        if len({(v.rank, v.shape[:at], v.shape[at + 1 :]) for v in values}) != 1:
            raise self.fail(f"{', '.join(str(v.type) for v in values)} do not fit along axis {at}")
        first = values[0].shape
        joined = sum(v.shape[at] for v in values)
        return (TensorType(same_type(self, values), (*first[:at], joined, *first[at + 1 :])),)


@dataclass(frozen=True)
class Split(Operator):
    """Input 1 cut into `num_splits` equal parts along the axis in constant input 0."""

    name: ClassVar[str] = "SPLIT"
    main: ClassVar[int] = 1
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | SMALL
    max_rank: ClassVar[int] = 6
    num_splits: int = 1

    def results(self) -> int:
        return self.num_splits

    def infer(self, *inputs: Value | None) -> Types:
        axis, x = operands(self, inputs, 2)
        at = axis_of(self, constant_int(self, axis, "the axis"), x.rank)
        if self.num_splits < 1 or x.shape[at] % self.num_splits:
            raise self.fail(f"{x.type} does not split into {self.num_splits} along axis {at}")
        part = x.shape[at] // self.num_splits
        return (TensorType(x.dtype, (*x.shape[:at], part, *x.shape[at + 1 :])),) * self.num_splits


@dataclass(frozen=True)
class SplitV(Operator):
    """x cut into parts of the sizes in input 1 along the axis in input 2; one size may be -1."""

    name: ClassVar[str] = "SPLIT_V"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | SMALL
    num_splits: int = 1

    def results(self) -> int:
        return self.num_splits

    def infer(self, *inputs: Value | None) -> Types:
        x, lengths, axis = operands(self, inputs, 3)
        at = axis_of(self, constant_int(self, axis, "the axis"), x.rank)
        parts = constant_ints(self, lengths, "the sizes", self.num_splits)
        if parts.count(-1) == 1:
            parts[parts.index(-1)] = x.shape[at] - sum(parts) - 1
        if sum(parts) != x.shape[at] or any(p < 0 for p in parts):
            raise self.fail(f"{x.type} does not split into {parts} along axis {at}")
        return tuple(TensorType(x.dtype, (*x.shape[:at], s, *x.shape[at + 1 :])) for s in parts)


@dataclass(frozen=True)
class Pack(Operator):
    """The `values_count` inputs, all of one type, side by side along a new dimension `axis`."""

    name: ClassVar[str] = "PACK"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | SMALL | {DType.UINT32}
    values_count: int = 1
    axis: int = 0

    def infer(self, *inputs: Value | None) -> Types:
        values = operands(self, inputs, max(1, len(inputs)))
        if len({v.type for v in values}) != 1 or len(values) != self.values_count:
            raise self.fail(f"{', '.join(str(v.type) for v in values)} do not fit together")
        at = axis_of(self, self.axis, values[0].rank + 1)
        shape = values[0].shape
        return (TensorType(values[0].dtype, (*shape[:at], len(values), *shape[at:])),)


@dataclass(frozen=True)
class Unpack(Operator):
    """The `num` slices of x along `axis`, which goes away."""

    name: ClassVar[str] = "UNPACK"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INT32 | BOOL | SMALL
    num: int = 1
    axis: int = 0

    def results(self) -> int:
        return self.num

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        at = axis_of(self, self.axis, x.rank)
        if x.shape[at] != self.num:
            raise self.fail(f"{x.type} has no {self.num} slices along axis {at}")
        return (TensorType(x.dtype, x.shape[:at] + x.shape[at + 1 :]),) * self.num
