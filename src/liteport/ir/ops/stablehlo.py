"""The STABLEHLO_* operators that LiteRT's CPU runtime runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from liteport.ir.ops.base import (
    FLOAT,
    HALF,
    INDEX,
    INT8,
    INT16,
    Binary,
    DTypes,
    Operator,
    Types,
    operands,
)
from liteport.ir.types import DType, TensorType

if TYPE_CHECKING:
    from liteport.ir.graph import Value

_NUMBERS = FLOAT | HALF | INDEX | INT8 | INT16


@dataclass(frozen=True)
class _Plain(Binary):
    """Elementwise, without broadcasting."""

    dtypes: ClassVar[DTypes] = _NUMBERS

    def infer(self, *inputs: Value | None) -> Types:
        left, right = operands(self, inputs, 2)
        if left.shape != right.shape:
            raise self.fail(f"shapes {left.shape} and {right.shape} differ, and it does not broadcast")
        return super().infer(left, right)


@dataclass(frozen=True)
class StablehloAdd(_Plain):
    """x + y."""

    name: ClassVar[str] = "STABLEHLO_ADD"


@dataclass(frozen=True)
class StablehloMultiply(_Plain):
    """x * y."""

    name: ClassVar[str] = "STABLEHLO_MULTIPLY"


@dataclass(frozen=True)
class StablehloMaximum(_Plain):
    """max(x, y)."""

    name: ClassVar[str] = "STABLEHLO_MAXIMUM"


@dataclass(frozen=True)
class StablehloMinimum(_Plain):
    """min(x, y)."""

    name: ClassVar[str] = "STABLEHLO_MINIMUM"


@dataclass(frozen=True)
class StablehloShiftLeft(_Plain):
    """x << y."""

    name: ClassVar[str] = "STABLEHLO_SHIFT_LEFT"
    dtypes: ClassVar[DTypes] = (_NUMBERS - FLOAT - HALF) - {DType.INT64}


@dataclass(frozen=True)
class StablehloPad(Operator):
    """x with elements of the scalar input 1 at the low and high edges (negative: cut off) and between the others."""

    name: ClassVar[str] = "STABLEHLO_PAD"
    edge_padding_low: tuple[int, ...] = ()
    edge_padding_high: tuple[int, ...] = ()
    interior_padding: tuple[int, ...] = ()

    def infer(self, *inputs: Value | None) -> Types:
        x, _ = operands(self, inputs, 2)
        if not len(self.edge_padding_low) == len(self.edge_padding_high) == len(self.interior_padding) == x.rank:
            raise self.fail(f"the padding does not fit {x.type}")
        edges = zip(x.shape, self.edge_padding_low, self.edge_padding_high, self.interior_padding, strict=True)
        shape = tuple(max(0, low + high + d + max(0, d - 1) * gap) for d, low, high, gap in edges)
        return (TensorType(x.dtype, shape),)


@dataclass(frozen=True)
class StablehloGather(Operator):
    """Blocks of `slice_sizes` of x at the start indices in input 1. Source: StableHLO specification, gather."""

    name: ClassVar[str] = "STABLEHLO_GATHER"
    dtypes: ClassVar[DTypes] = _NUMBERS
    offset_dims: tuple[int, ...] = ()
    collapsed_slice_dims: tuple[int, ...] = ()
    start_index_map: tuple[int, ...] = ()
    index_vector_dim: int = 0
    slice_sizes: tuple[int, ...] = ()
    indices_are_sorted: bool = False

    def infer(self, *inputs: Value | None) -> Types:
        x, indices = operands(self, inputs, 2)
        batch = [d for i, d in enumerate(indices.shape) if i != self.index_vector_dim]
        block = [s for i, s in enumerate(self.slice_sizes) if i not in self.collapsed_slice_dims]
        if len(block) != len(self.offset_dims) or self.index_vector_dim < 0:
            raise self.malformed(f"slices of {self.slice_sizes} at {self.offset_dims}, by {self.index_vector_dim}")
        if len(self.slice_sizes) != x.rank or max(self.offset_dims, default=-1) >= len(batch) + len(block):
            raise self.fail(f"slices of {self.slice_sizes} do not fit {x.type}")
        shape = tuple((block if i in self.offset_dims else batch).pop(0) for i in range(len(batch) + len(block)))
        return (TensorType(x.dtype, shape),)


@dataclass(frozen=True)
class StablehloScatter(Operator):
    """x with the updates (input 2) combined in at the indices (input 1) by the graph `update_computation_subgraph`.

    LiteRT knows that graph by its one operator: none (update), ADD, MUL, MAXIMUM or MINIMUM.
    Source: StableHLO specification, scatter.
    """

    name: ClassVar[str] = "STABLEHLO_SCATTER"
    dtypes: ClassVar[DTypes] = _NUMBERS
    indices_are_sorted: bool = False
    update_window_dims: tuple[int, ...] = ()
    inserted_window_dims: tuple[int, ...] = ()
    scatter_dims_to_operand_dims: tuple[int, ...] = ()
    index_vector_dim: int = 0
    unique_indices: bool = False
    update_computation_subgraph: str = ""

    def infer(self, *inputs: Value | None) -> Types:
        x, indices, _ = operands(self, inputs, 3)
        if not 0 <= self.index_vector_dim < indices.rank:
            raise self.malformed(f"indices {indices.type} along dimension {self.index_vector_dim}")
        return (x.type,)


@dataclass(frozen=True)
class StablehloReduceWindow(Operator):
    """x reduced over windows by the graph `body_subgraph`; the initial value is input 1.

    Source: StableHLO specification, reduce_window; `padding` is (low, high) for each dimension, flat.
    """

    name: ClassVar[str] = "STABLEHLO_REDUCE_WINDOW"
    dtypes: ClassVar[DTypes] = _NUMBERS
    max_rank: ClassVar[int] = 6
    window_dimensions: tuple[int, ...] = ()
    window_strides: tuple[int, ...] = ()
    base_dilations: tuple[int, ...] = ()
    window_dilations: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    body_subgraph: str = ""

    def infer(self, *inputs: Value | None) -> Types:
        x, _ = operands(self, inputs, 2)
        ones = (1,) * x.rank
        pads = self.padding or (0,) * (2 * x.rank)
        if len(self.window_dimensions) != x.rank or len(pads) != 2 * x.rank:
            raise self.fail(f"windows of {self.window_dimensions} do not fit {x.type}")
        shape = []
        for i, (d, w) in enumerate(zip(x.shape, self.window_dimensions, strict=True)):
            padded = (d - 1) * (self.base_dilations or ones)[i] + 1 + pads[2 * i] + pads[2 * i + 1]
            reach = (w - 1) * (self.window_dilations or ones)[i] + 1
            shape.append((padded - reach) // (self.window_strides or ones)[i] + 1)
        return (TensorType(x.dtype, tuple(shape)),)


@dataclass(frozen=True)
class StablehloCase(Operator):
    """The graph that the int32 scalar in input 0 chooses among `branch_subgraphs`. Give the results' types."""

    name: ClassVar[str] = "STABLEHLO_CASE"
    stateful: ClassVar[bool] = True
    branch_subgraphs: tuple[str, ...] = ()

    def infer(self, *inputs: Value | None) -> Types:
        operands(self, inputs, max(1, len(inputs)))
        raise self.unknown("the results' types are those of its graphs' outputs")


@dataclass(frozen=True)
class StablehloComposite(Operator):
    """The graph `decomposition_subgraph` as one operator, which a delegate may know by its `composite_name`.

    `composite_attributes` is a FlexBuffer map; LiteRT wants one, even if it is empty.
    """

    name: ClassVar[str] = "STABLEHLO_COMPOSITE"
    stateful: ClassVar[bool] = True
    composite_name: str = ""
    decomposition_subgraph: str = ""
    composite_attributes: bytes = b"\x00\x00\x01\x24\x01"
    version: int = 0

    def infer(self, *inputs: Value | None) -> Types:
        operands(self, inputs, len(inputs))
        raise self.unknown("the results' types are those of its graph's outputs")
