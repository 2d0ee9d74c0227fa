"""Operators that exchange space, depth and batch, turn things round, and work on diagonals."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    BOOL,
    FLOAT,
    HALF,
    INDEX,
    INT8,
    INT16,
    PLAIN,
    SMALL,
    DTypes,
    Operator,
    Types,
    axis_of,
    constant_ints,
    operands,
    same_type,
    sizes,
)
from liteport.ir.types import DType, Shape, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value


@dataclass(frozen=True)
class SpaceToDepth(Operator):
    """[N,H,W,C] -> [N,H/b,W/b,b*b*C], the position within a block slower than the channel."""

    name: ClassVar[str] = "SPACE_TO_DEPTH"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | INT8 | {DType.UINT8}
    max_rank: ClassVar[int] = 4
    block_size: int = 1

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        b = self.block_size
        if x.rank != 4 or b < 1 or x.shape[1] % b or x.shape[2] % b:
            raise self.fail(f"{x.type} does not fit blocks of {b}")
        n, h, w, c = x.shape
        return (TensorType(x.dtype, (n, h // b, w // b, c * b * b)),)


@dataclass(frozen=True)
class DepthToSpace(Operator):
    """[N,H,W,b*b*C] -> [N,H*b,W*b,C], the position within a block slower than the channel."""

    name: ClassVar[str] = "DEPTH_TO_SPACE"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | INT8 | {DType.UINT8}
    max_rank: ClassVar[int] = 4
    block_size: int = 1

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        b = self.block_size
        if x.rank != 4 or b < 1 or x.shape[3] % (b * b):
            raise self.fail(f"{x.type} does not fit blocks of {b}")
        n, h, w, c = x.shape
        return (TensorType(x.dtype, (n, h * b, w * b, c // (b * b))),)


@dataclass(frozen=True)
class SpaceToBatchNd(Operator):
    """Blocks (input 1) of x's spatial dimensions into the batch, after paddings (input 2, [m, 2]). Rank 3 or 4."""

    name: ClassVar[str] = "SPACE_TO_BATCH_ND"
    dtypes: ClassVar[DTypes] = PLAIN
    max_rank: ClassVar[int] = 4

    def infer(self, *inputs: Value | None) -> Types:
        x, block, paddings = operands(self, inputs, 3)
        blocks, pads = constant_ints(self, block, "the block shape"), constant_ints(self, paddings, "the paddings")
        m = len(blocks)
        if len(pads) != 2 * m or x.rank != m + 2 or min(blocks, default=1) < 1:
            raise self.fail(f"{x.type}, blocks {blocks} and paddings {pads} do not fit")
        padded = [d + pads[2 * i] + pads[2 * i + 1] for i, d in enumerate(x.shape[1:-1])]
        if any(d % b for d, b in zip(padded, blocks, strict=True)):
            raise self.fail(f"{padded} does not divide into blocks of {blocks}")
        spatial = (d // b for d, b in zip(padded, blocks, strict=True))
        return (TensorType(x.dtype, sizes(self, (x.shape[0] * prod(blocks), *spatial, x.shape[-1]))),)


@dataclass(frozen=True)
class BatchToSpaceNd(Operator):
    """The inverse of SpaceToBatchNd: blocks (input 1), then crops (input 2, [m, 2]). Rank 3 or 4."""

    name: ClassVar[str] = "BATCH_TO_SPACE_ND"
    dtypes: ClassVar[DTypes] = PLAIN
    max_rank: ClassVar[int] = 4

    def infer(self, *inputs: Value | None) -> Types:
        x, block, crops = operands(self, inputs, 3)
        blocks, cuts = constant_ints(self, block, "the block shape"), constant_ints(self, crops, "the crops")
        m = len(blocks)
        if len(cuts) != 2 * m or x.rank != m + 2 or min(blocks, default=1) < 1 or x.shape[0] % prod(blocks):
            raise self.fail(f"{x.type}, blocks {blocks} and crops {cuts} do not fit")
        spatial = (d * blocks[i] - cuts[2 * i] - cuts[2 * i + 1] for i, d in enumerate(x.shape[1:-1]))
        return (TensorType(x.dtype, sizes(self, (x.shape[0] // prod(blocks), *spatial, x.shape[-1]))),)


@dataclass(frozen=True)
class ReverseV2(Operator):
    """x turned round along the axes in constant input 1, which must be neighbours."""

    name: ClassVar[str] = "REVERSE_V2"
    dtypes: ClassVar[DTypes] = FLOAT | HALF | INDEX | BOOL | SMALL

    def infer(self, *inputs: Value | None) -> Types:
        x, axes = operands(self, inputs, 2)
        if axes.type.size == 0:  # the kernel reads the first one
            raise self.malformed("has no axes")
        for axis in constant_ints(self, axes, "the axes"):
            axis_of(self, axis, x.rank)
        return (x.type,)


@dataclass(frozen=True)
class ReverseSequence(Operator):
    """The first lengths[b] (input 1) elements along `seq_dim` turned round, for each b along `batch_dim`."""

    name: ClassVar[str] = "REVERSE_SEQUENCE"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | INT16 | {DType.UINT8}
    seq_dim: int = 0
    batch_dim: int = 0

    def infer(self, *inputs: Value | None) -> Types:
        x, lengths = operands(self, inputs, 2)
        batch = axis_of(self, self.batch_dim, x.rank)
        if lengths.shape != (x.shape[batch],) or axis_of(self, self.seq_dim, x.rank) == batch:
            raise self.fail(f"lengths {lengths.type} do not fit {x.type}")
        return (x.type,)


@dataclass(frozen=True)
class MatrixDiag(Operator):
    """x[..., N] on the diagonals of [..., N, N], zeros elsewhere."""

    name: ClassVar[str] = "MATRIX_DIAG"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | SMALL
    fatal: ClassVar[DTypes] = HALF | BOOL | {DType.UINT16}

    def infer(self, *inputs: Value | None) -> Types:
        (x,) = operands(self, inputs, 1)
        if not x.rank:
            raise self.fail("a scalar has no diagonal")
        return (TensorType(x.dtype, (*x.shape, x.shape[-1])),)


@dataclass(frozen=True)
class MatrixSetDiag(Operator):
    """x[..., M, N] with its main diagonals replaced by input 1, [..., min(M, N)]."""

    name: ClassVar[str] = "MATRIX_SET_DIAG"
    dtypes: ClassVar[DTypes] = FLOAT | INDEX | SMALL

    def infer(self, *inputs: Value | None) -> Types:
        x, diagonal = operands(self, inputs, 2)
        if x.rank < 2 or diagonal.shape != _diagonal(x.shape):
            raise self.fail(f"diagonal {diagonal.type} does not fit {x.type}")
        same_type(self, [x, diagonal])
        return (x.type,)


def _diagonal(shape: Shape) -> Shape:
    return (*shape[:-2], min(shape[-2:]))
