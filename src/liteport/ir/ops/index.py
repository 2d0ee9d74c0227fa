"""Looking up, writing into and searching tensors by index; segments and embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    BOOL,
    FLOAT,
    HALF,
    INDEX,
    INT8,
    INT32,
    PLAIN,
    SMALL,
    STRING,
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
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class Gather(Operator):
    """x at the indices in input 1 along `axis`, the first `batch_dims` dimensions of both going together.

    Negative indices are refused at run time.
    """

    name: ClassVar[str] = "GATHER"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | BOOL | INDEX | SMALL | STRING
    axis: int = 0
    batch_dims: int = 0

    def infer(self, *inputs: Value | None) -> Types:
        x, indices = operands(self, inputs, 2)
        at = axis_of(self, self.axis, x.rank)
        batch = self.batch_dims + indices.rank if self.batch_dims < 0 else self.batch_dims
        if not 0 <= batch <= min(at, indices.rank) or x.shape[:batch] != indices.shape[:batch]:
            raise self.fail(f"{x.type} at {indices.type} with {batch} batch dimensions, axis {at}")
        return (TensorType(x.dtype, (*x.shape[:at], *indices.shape[batch:], *x.shape[at + 1 :])),)


@dataclass(frozen=True)
class GatherNd(Operator):
    """x[tuple(i)] for each row i along the last dimension of the indices (input 1)."""

    name: ClassVar[str] = "GATHER_ND"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | BOOL | INDEX | SMALL | STRING

    def infer(self, *inputs: Value | None) -> Types:
        x, indices = operands(self, inputs, 2)
        if not indices.rank or indices.shape[-1] > x.rank:
            raise self.fail(f"indices {indices.type} do not fit {x.type}")
        return (TensorType(x.dtype, (*indices.shape[:-1], *x.shape[indices.shape[-1] :])),)


@dataclass(frozen=True)
class ScatterNd(Operator):
    """Zeros of the shape in input 2 (int32), with the updates (input 1) added at the indices (input 0, int32)."""

    name: ClassVar[str] = "SCATTER_ND"
    main: ClassVar[int] = 1
    dtypes: ClassVar[DTypes] = FLOAT | BOOL | INDEX | INT8 | {DType.UINT8}

    def infer(self, *inputs: Value | None) -> Types:
        indices, updates, shape = operands(self, inputs, 3)
        target = constant_shape(self, shape, "the shape")
        depth = indices.shape[-1] if indices.rank else 0
        if not indices.rank or updates.shape != (*indices.shape[:-1], *target[depth:]):
            raise self.fail(f"indices {indices.type}, updates {updates.type} and shape {target} do not fit")
        return (TensorType(updates.dtype, target),)


@dataclass(frozen=True)
class DynamicUpdateSlice(Operator):
    """x with the block at the start indices (input 2, rank 1) replaced by the update (input 1)."""

    name: ClassVar[str] = "DYNAMIC_UPDATE_SLICE"
    dtypes: ClassVar[DTypes] = PLAIN

    def infer(self, *inputs: Value | None) -> Types:
        x, update, start = operands(self, inputs, 3)
        fits = x.rank == update.rank and all(u <= d for u, d in zip(update.shape, x.shape, strict=True))
        if not fits or start.shape != (x.rank,):
            raise self.fail(f"update {update.type} at {start.type} does not fit {x.type}")
        same_type(self, [x, update])
        return (x.type,)


@dataclass(frozen=True)
class OneHot(Operator):
    """For each index (input 0): a row of `depth` (input 1), on_value at the index, off_value elsewhere, at `axis`."""

    name: ClassVar[str] = "ONE_HOT"
    dtypes: ClassVar[DTypes] = INDEX
    axis: int = -1

    def infer(self, *inputs: Value | None) -> Types:
        indices, depth, on, off = operands(self, inputs, 4)
        at = axis_of(self, self.axis, indices.rank + 1)
        (count,) = sizes(self, constant_ints(self, depth, "the depth", 1))
        return (TensorType(same_type(self, [on, off]), (*indices.shape[:at], count, *indices.shape[at:])),)


@dataclass(frozen=True)
class Where(Operator):
    """The int64 indices of the true (or not zero) elements, [count, rank]; the count depends on the data."""

    name: ClassVar[str] = "WHERE"
    dtypes: ClassVar[DTypes] = FLOAT | BOOL | INDEX | INT8 | {DType.UINT8, DType.UINT32}

    def infer(self, *inputs: Value | None) -> Types:
        raise self.unknown("the result's shape depends on the data")


@dataclass(frozen=True)
class Unique(Operator):
    """The distinct elements of a vector and the place of each element among them; their count depends on the data."""

    name: ClassVar[str] = "UNIQUE"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | SMALL
    max_rank: ClassVar[int] = 1
    idx_out_type: DType = DType.INT32

    def infer(self, *inputs: Value | None) -> Types:
        raise self.unknown("the results' shapes depend on the data")


@dataclass(frozen=True)
class EmbeddingLookup(Operator):
    """Rows of the table (input 1) at the ids (input 0, int32, rank 1)."""

    name: ClassVar[str] = "EMBEDDING_LOOKUP"
    main: ClassVar[int] = 1
    dtypes: ClassVar[DTypes] = PLAIN

    def infer(self, *inputs: Value | None) -> Types:
        ids, table = operands(self, inputs, 2)
        if ids.dtype is not DType.INT32 or ids.rank != 1 or table.rank < 2:
            raise self.fail(f"ids {ids.type} and table {table.type} do not fit")
        return (TensorType(table.dtype, (*ids.shape, *table.shape[1:])),)


@dataclass(frozen=True)
class Bucketize(Operator):
    """How many of the rising `boundaries` are not above each element, int32."""

    name: ClassVar[str] = "BUCKETIZE"
    dtypes: ClassVar[DTypes] = FLOAT | {DType.FLOAT64} | INDEX
    boundaries: tuple[float, ...] = ()

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        return (TensorType(DType.INT32, x.shape),)


@dataclass(frozen=True)
class SegmentSum(Operator):
    """Sums of the rows of x that share one of the rising ids (input 1, constant: its last gives the count)."""

    name: ClassVar[str] = "SEGMENT_SUM"
    dtypes: ClassVar[DTypes] = FLOAT | INT32

    def infer(self, *inputs: Value | None) -> Types:
        x, ids = operands(self, inputs, 2)
        numbers = constant_ints(self, ids, "the segment ids")
        if not x.rank or len(numbers) != x.shape[0]:
            raise self.fail(f"{len(numbers)} ids for {x.type}")
        return (TensorType(x.dtype, sizes(self, (max(numbers, default=-1) + 1, *x.shape[1:]))),)


@dataclass(frozen=True)
class _UnsortedSegment(Operator):
    """The rows of x that share an id (input 1) combined; the number of segments is input 2."""

    dtypes: ClassVar[DTypes] = FLOAT | INT32

    def infer(self, *inputs: Value | None) -> Types:
        x, ids, count = operands(self, inputs, 3)
        if x.shape[: ids.rank] != ids.shape:
            raise self.fail(f"ids {ids.type} do not fit {x.type}")
        segments = constant_int(self, count, "the number of segments")
        return (TensorType(x.dtype, sizes(self, (segments, *x.shape[ids.rank :]))),)


@dataclass(frozen=True)
class UnsortedSegmentSum(_UnsortedSegment):
    """Their sum; 0 for an empty segment."""

    name: ClassVar[str] = "UNSORTED_SEGMENT_SUM"


@dataclass(frozen=True)
class UnsortedSegmentProd(_UnsortedSegment):
    """Their product; 1 for an empty segment."""

    name: ClassVar[str] = "UNSORTED_SEGMENT_PROD"


@dataclass(frozen=True)
class UnsortedSegmentMax(_UnsortedSegment):
    """The largest; the type's lowest for an empty segment."""

    name: ClassVar[str] = "UNSORTED_SEGMENT_MAX"


@dataclass(frozen=True)
class UnsortedSegmentMin(_UnsortedSegment):
    """The smallest; the type's highest for an empty segment."""

    name: ClassVar[str] = "UNSORTED_SEGMENT_MIN"


@dataclass(frozen=True)
class SparseToDense(Operator):
    """The default (input 3) in the shape of input 1, with the values (input 2) at the indices (input 0)."""

    name: ClassVar[str] = "SPARSE_TO_DENSE"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | INT8 | {DType.UINT8}
    max_rank: ClassVar[int] = 4
    validate_indices: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        _, shape, values, default = operands(self, inputs, 4)
        target = constant_shape(self, shape, "the shape")
        return (TensorType(same_type(self, [values, default]), target),)


@dataclass(frozen=True)
class _NonMaxSuppression(Operator):
    """Boxes [n, 4] as (y1, x1, y2, x2), scores [n], then scalars: the most results (constant, int32), the IoU
    threshold, the score threshold. Results: int32 indices [most], int32 count [] of those that are meant."""

    dtypes: ClassVar[DTypes] = FLOAT
    max_rank: ClassVar[int] = 2

    def _most(self, inputs: tuple[Value | None, ...], count: int) -> int:
        boxes, scores, most = operands(self, inputs, count)[:3]
        if boxes.rank != 2 or boxes.shape[1] != 4 or scores.shape != boxes.shape[:1]:
            raise self.fail(f"boxes {boxes.type} and scores {scores.type} do not fit")
        return sizes(self, constant_ints(self, most, "the most results", 1))[0]


@dataclass(frozen=True)
class NonMaxSuppressionV4(_NonMaxSuppression):
    """Indices of the boxes that stay, best first, and their count."""

    name: ClassVar[str] = "NON_MAX_SUPPRESSION_V4"

    def infer(self, *inputs: Value | None) -> Types:
        most = self._most(inputs, 5)
        return (TensorType(DType.INT32, (most,)), TensorType(DType.INT32, ()))


@dataclass(frozen=True)
class NonMaxSuppressionV5(_NonMaxSuppression):
    """Soft suppression (sigma is input 5): indices, their scores and their count."""

    name: ClassVar[str] = "NON_MAX_SUPPRESSION_V5"

    def infer(self, *inputs: Value | None) -> Types:
        most = self._most(inputs, 6)
        scores = operands(self, inputs, 2)[1]
        return (
            TensorType(DType.INT32, (most,)),
            TensorType(scores.dtype, (most,)),
            TensorType(DType.INT32, ()),
        )


@dataclass(frozen=True)
class BroadcastArgs(Operator):
    """The shape that two shapes (rank 1, constant or not) broadcast to, as a vector."""

    name: ClassVar[str] = "BROADCAST_ARGS"
    dtypes: ClassVar[DTypes] = INDEX
    max_rank: ClassVar[int] = 1

    def infer(self, *inputs: Value | None) -> Types:
        left, right = operands(self, inputs, 2)
        if left.rank != 1 or right.rank != 1:
            raise self.fail(f"{left.type} and {right.type} are not shapes")
        for side in (left, right):
            if side.is_const and any(d < 0 for d in side.array.tolist()):
                raise self.malformed(f"a shape of {side.array.tolist()}")
        if left.is_const and right.is_const:
            broadcast(self, [tuple(left.array.tolist()), tuple(right.array.tolist())])
        return (TensorType(same_type(self, [left, right]), (max(left.shape[0], right.shape[0]),)),)
