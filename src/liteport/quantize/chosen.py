"""Which operations are quantised, and why not the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from liteport.ir import ops
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.types import DType
from liteport.passes.quantised.table import ROWS, Scale
from liteport.passes.weights import WEIGHTED, WEIGHTS

LEAST = 1024
"""Constants of fewer elements stay as they are: they save nothing, as in TensorFlow's converter."""

_MOST = 32 << 20
# What has kernels that take float activations and int8 weights.
_DYNAMIC = (ops.FullyConnected, ops.Conv2D, ops.TransposeConv, ops.BatchMatmul, ops.EmbeddingLookup)
# What ai-edge-quantizer puts on int8 activations.
STATIC = (
    *(ops.Add, ops.AveragePool2D, ops.BatchMatmul, ops.BroadcastTo, ops.Concatenation, ops.Conv2D, ops.DepthwiseConv2D),
    *(ops.Div, ops.DynamicUpdateSlice, ops.Equal, ops.FullyConnected, ops.Gather, ops.GatherNd, ops.Gelu),
    *(ops.HardSwish, ops.Logistic, ops.MaxPool2D, ops.Maximum, ops.Mean, ops.MirrorPad, ops.Mul, ops.NotEqual),
    *(ops.Pack, ops.Pad, ops.PadV2, ops.ReduceMin, ops.Relu, ops.Reshape, ops.ResizeBilinear),
    *(ops.ResizeNearestNeighbor, ops.Rsqrt, ops.Select, ops.SelectV2, ops.Slice, ops.Softmax, ops.SpaceToDepth),
    *(ops.Split, ops.Sqrt, ops.SquaredDifference, ops.StridedSlice, ops.Sub, ops.Sum, ops.Tanh, ops.Transpose),
    *(ops.TransposeConv, ops.Unpack),
)
# What int8 is for: these are quantised wherever they stand.
_KERNELS = (ops.FullyConnected, ops.Conv2D, ops.DepthwiseConv2D, ops.TransposeConv, ops.BatchMatmul)

NO_KERNEL = "there is no int8 form of it"
SLOWER = "it is slower in int8"
TOO_LARGE = "ai-edge-quantizer takes no weights of more than 2 dimensions and 32 MB"
BETWEEN = "it stands beside operators in float"


@dataclass(frozen=True)
class Chosen:
    """Why operations stay float, by their identity; "" for those that do not, of which `weights` take int8 in their
    weights alone. Others are not asked about."""

    why: dict[int, str]
    weights: frozenset[int] = frozenset()

    def is_whole(self, op: Op) -> bool:
        """Whether the operation is to run on int8."""
        return self.why.get(id(op)) == "" and id(op) not in self.weights

    def letter(self, op: Op) -> str:
        """How the names of its results begin (see names.py)."""
        return "w" if id(op) in self.weights else "q" if self.is_whole(op) else "f"

    def asked(self, ops: Iterable[Op]) -> list[tuple[Op, str]]:
        """Those of the operations that are asked about, and why they stay float."""
        return [(op, self.why[id(op)]) for op in ops if id(op) in self.why]


def dynamic(graph: Graph) -> Chosen:
    """Operations whose weights can be int8 beside activations in float."""
    found = {id(op): _keeps_weights(op) for op in graph.ops}
    why = {key: why for key, why in found.items() if why is not None}
    return Chosen(why, frozenset(key for key in why if not why[key]))


def _keeps_weights(op: Op) -> str | None:
    """Why the weights of an operation stay float; "" where they do not, None where it has none."""
    large = [v for v in op.inputs if v is not None and _is_large(v)]
    weighted = type(op.operator) in WEIGHTED or isinstance(op.operator, ops.EmbeddingLookup)
    weights = op.optional(WEIGHTS)
    if _is_too_large(weights):
        return TOO_LARGE
    if weighted and weights is not None and not weights.is_const:
        return "its weights are computed"
    if weighted and not large:
        return f"it has fewer than {LEAST:,} weights"
    if not large:
        return None
    if isinstance(op.operator, ops.DepthwiseConv2D):
        return "its kernel is faster on floats"
    if isinstance(op.operator, ops.While | ops.If):
        return "weights go into it as floats" if any(v.array.any() for v in large) else None  # or zeros to begin with
    if not isinstance(op.operator, _DYNAMIC) or weights not in large:
        return "there is no kernel for it with int8 weights"
    return ""


def _is_too_large(value: Value | None) -> bool:
    """Whether ai-edge-quantizer fails on constant weights: it cuts large ones up as if they had two dimensions."""
    return value is not None and value.is_const and value.rank > 2 and value.type.nbytes > _MOST


def _is_large(value: Value) -> bool:
    return value.is_const and value.dtype is DType.FLOAT32 and not value.has_sizes and value.type.size >= LEAST


def static(graph: Graph, plain: bool = False) -> Chosen:
    """Operations that run on int8 numbers.

    Convolutions and products of matrices do wherever they stand. What surrounds them does where all that it takes is
    int8, and all that takes it: a sum in a block of convolutions, but none of the steps of a norm, which would lose
    what they are about (see docs/quantisation.md). With `plain` whatever can does, for hardware without floats.
    """
    why = {id(op): _stays(op, plain, in_body=graph.signature is None) for op in graph.ops if _is_float(op)}
    while not plain:
        beside = [op for op in graph.ops if why.get(id(op)) == "" and _meets_floats(graph, op, why)]
        if not beside:
            break
        why |= dict.fromkeys(map(id, beside), BETWEEN)
    if not any(why.get(id(op)) == "" and isinstance(op.operator, STATIC) for op in graph.ops):
        why = {key: reason or NO_KERNEL for key, reason in why.items()}
    # What has no int8 form, or stands in a loop, can have its weights in int8 all the same.
    weights = frozenset(id(op) for op in graph.ops if why.get(id(op), "") and not plain and _keeps_weights(op) == "")
    return Chosen(why | dict.fromkeys(weights, ""), weights)


def _is_float(op: Op) -> bool:
    """Whether an operation computes floats from floats."""
    sides = (op.inputs, op.outputs)
    return all(any(v is not None and v.dtype is DType.FLOAT32 for v in side) for side in sides)


def _stays(op: Op, plain: bool, in_body: bool) -> str:
    """Why an operation stays float wherever it stands; "" where it need not."""
    if in_body:
        return "it runs in a loop or a branch"
    if _is_too_large(op.optional(WEIGHTS)):
        return TOO_LARGE
    row = ROWS.get(type(op.operator))
    # Movements that the quantizer lacks are put into int8 by liteport's own pass.
    moves = row is not None and row.result is Scale.SAME and len(op.outputs) == 1
    if not (moves or isinstance(op.operator, STATIC)) or (row is None and not plain):
        return NO_KERNEL
    return SLOWER if row is not None and row.slower and not plain else ""


def _meets_floats(graph: Graph, op: Op, why: dict[int, str]) -> bool:
    """Whether an operation that is no kernel takes floats from one that stays float, or gives them to one."""
    if isinstance(op.operator, _KERNELS):
        return False
    makers = [v.producer for v in op.inputs if v is not None and v.dtype is DType.FLOAT32 and v.producer is not None]
    users = [user for v in op.outputs for user in v.users]
    return any(why.get(id(other)) != "" for other in [*makers, *users])
