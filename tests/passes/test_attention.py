"""What attention's projections and products become: merged cuts, adjoint operands, folded scales, and why not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering.basic import broadcast_to, concat, narrow, pad, reshape, transpose
from liteport.lowering.joining import tile
from liteport.passes.dead import DropDead
from liteport.passes.fuse_factor import FuseFactor
from liteport.passes.fuse_gelu import FuseGelu
from liteport.passes.fuse_repeat import FuseRepeat
from liteport.passes.fuse_sign import FuseSign
from liteport.passes.join_slices import JoinSlices
from liteport.passes.merge_cut import MergeCut
from liteport.passes.row_shape import RowShape
from liteport.passes.simplify import Simplify
from liteport.passes.sink import SinkReshape
from tests.passes.support import GraphCase, check, conv, make, weights

X = [(2, 5, 12)]


def linear(b: Builder, x: Value, outputs: int, seed: int = 0) -> Value:
    w, bias = weights(outputs, x.shape[-1], seed=seed), weights(outputs, seed=seed + 1)
    return b.emit(ops.FullyConnected(keep_num_dims=True), x, b.const(w), b.const(bias))


def split(b: Builder, x: Value, count: int, axis: int) -> Sequence[Value]:
    return b.emit_many(ops.Split(num_splits=count), b.const(axis), x)


def times(b: Builder, x: Value, number: float) -> Value:
    return b.emit(ops.Mul(), x, b.const(number))


def heads(b: Builder, x: Value) -> Value:
    """[2,5,12] as [2,3,5,4]."""
    return transpose(b, reshape(b, x, (2, 5, 3, 4)), [0, 2, 1, 3])


def product(b: Builder, x: Value, y: Value) -> Value:
    return b.emit(ops.BatchMatmul(adj_y=True), x, y)


def parts(b: Builder, xs: list[Value], order: Sequence[int], axis: int) -> list[Value]:
    """A projection's parts, cut out of [2,5,3,2,2] transposed by `order`."""
    x = transpose(b, reshape(b, linear(b, xs[0], 12), (2, 5, 3, 2, 2)), order)
    return [b.emit(ops.Abs(), part) for part in split(b, x, 3, axis)]


def picked(b: Builder, x: Value) -> Sequence[Value]:
    """Thirds of the last dimension of [2,5,12] as nn.MultiheadAttention has them: in front, then one by one."""
    front = transpose(b, reshape(b, x, (1, 2, 5, 3, 4)), [3, 1, 2, 0, 4])
    return split(b, reshape(b, front, (3, 2, 5, 4)), 3, 0)


def in_heads(b: Builder, x: Value, batch: int = 5) -> Value:
    """[2,5,4], or a slice of one of that, as two heads for each of the batch [10,2,2]."""
    return transpose(b, reshape(b, x, (2, 2 * batch, 2)), [1, 0, 2])


def moved(b: Builder, parts: Sequence[Value]) -> list[Value]:
    """Parts [2,5,4] in heads [5,2,2,2]."""
    return [b.emit(ops.Abs(), reshape(b, in_heads(b, part), (5, 2, 2, 2))) for part in parts]


def batched(b: Builder, parts: Sequence[Value]) -> list[Value]:
    """Parts [2,5,4] in heads and batches side by side [10,2,2]."""
    return [b.emit(ops.Abs(), in_heads(b, part)) for part in parts]


def unlike(b: Builder, parts: Sequence[Value]) -> list[Value]:
    """The last of the parts [2,5,4] is not in heads."""
    return [*moved(b, parts[:-1]), b.emit(ops.Abs(), reshape(b, parts[-1], (2, 5, 4)))]


def scores(b: Builder, parts: Sequence[Value]) -> list[Value]:
    """Parts [2,5,4] as queries in heads [5,2,2,2] times keys in columns, which are turned without the batch, and values."""
    keys = reshape(b, transpose(b, reshape(b, parts[1], (2, 10, 2)), [1, 2, 0]), (5, 2, 2, 2))
    queries, values = moved(b, [parts[0], parts[2]])
    return [b.emit(ops.BatchMatmul(), queries, keys), values]


CUT = [
    GraphCase("one by one", lambda b, xs: [b.emit(ops.Abs(), p) for p in picked(b, linear(b, xs[0], 12))], X, ["FULLY_CONNECTED", "SPLIT", *["RESHAPE"] * 3, *["ABS"] * 3]),
    GraphCase("one by one, then moved alike", lambda b, xs: moved(b, picked(b, linear(b, xs[0], 12))), X, ["FULLY_CONNECTED", "RESHAPE", "TRANSPOSE", "SPLIT", *["ABS"] * 3]),
    GraphCase("one by one, then not all alike", lambda b, xs: unlike(b, picked(b, linear(b, xs[0], 12))), X, ["FULLY_CONNECTED", "SPLIT", *["RESHAPE", "TRANSPOSE", "RESHAPE", "ABS"] * 2, "ABS"]),
    GraphCase("one by one, the keys in columns", lambda b, xs: scores(b, picked(b, linear(b, xs[0], 12))), X, ["FULLY_CONNECTED", "RESHAPE", "TRANSPOSE", "SPLIT", *["ABS"] * 2, "BATCH_MATMUL"]),
    GraphCase("one by one, then in the middle of a dimension", lambda b, xs: batched(b, picked(b, linear(b, xs[0], 12))), X, ["FULLY_CONNECTED", "RESHAPE", "TRANSPOSE", "SPLIT", *["RESHAPE"] * 3, *["ABS"] * 3]),
    GraphCase("longer, moved alike", lambda b, xs: moved(b, split(b, xs[0], 3, 2)), X, ["RESHAPE", "TRANSPOSE", "SPLIT", *["ABS"] * 3]),
    GraphCase("longer, along the rows, moved alike", lambda b, xs: [transpose(b, p, [1, 0, 2]) for p in split(b, xs[0], 2, 1)], [(2, 6, 4)], ["TRANSPOSE", "SPLIT"]),
    GraphCase("longer, not all moved alike: stays", lambda b, xs: unlike(b, split(b, xs[0], 3, 2)), X, ["SPLIT", *["RESHAPE", "TRANSPOSE", "RESHAPE", "ABS"] * 2, "ABS"]),
    GraphCase("longer, one with other users: stays", lambda b, xs: [*moved(b, ps := split(b, xs[0], 3, 2)), ps[0]], X, ["SPLIT", *["RESHAPE", "TRANSPOSE", "RESHAPE", "ABS"] * 3]),
    GraphCase("in front", lambda b, xs: parts(b, xs, [2, 0, 3, 1, 4], 0), X, ["FULLY_CONNECTED", "RESHAPE", "TRANSPOSE", "SPLIT", *["RESHAPE"] * 3, *["ABS"] * 3]),
    GraphCase("where it is", lambda b, xs: parts(b, xs, [0, 1, 2, 3, 4], 2), X, ["FULLY_CONNECTED", "RESHAPE", "SPLIT", *["RESHAPE"] * 3, *["ABS"] * 3]),
    GraphCase("an input, nothing moved: stays", lambda b, xs: split(b, xs[0], 5, 1), X, ["SPLIT"]),
    GraphCase("one part without a use", lambda b, xs: [transpose(b, p, [0, 2, 1]) for p in split(b, transpose(b, xs[0], [0, 2, 1]), 3, 2)[1:]], [(2, 3, 5)], ["RESHAPE", "SPLIT"]),
    GraphCase("longer parts stay", lambda b, xs: split(b, transpose(b, reshape(b, xs[0], (2, 5, 6, 2)), [2, 0, 1, 3]), 3, 0), X, ["RESHAPE", "TRANSPOSE", "SPLIT"]),
    GraphCase("the last dimension stays", lambda b, xs: split(b, reshape(b, xs[0], (2, 5, 4, 3)), 3, 3), X, ["RESHAPE", "SPLIT"]),
]  # fmt: skip


@pytest.mark.parametrize("case", CUT, ids=lambda c: c.id)
def test_merge_cut(case: GraphCase) -> None:
    check(case, Simplify(), DropDead(), MergeCut(), Simplify(), DropDead())


CUT_REASONS: list[tuple[Callable[[Builder, list[Value]], Sequence[Value]], str]] = [
    (lambda b, xs: split(b, reshape(b, xs[0], (2, 5, 4, 3)), 3, 3), "no dimension follows the one that is cut"),
    (lambda b, xs: split(b, transpose(b, xs[0], [2, 0, 1]), 3, 0), "its parts are not all moved alike"),
    (lambda b, xs: split(b, reshape(b, transpose(b, xs[0], [2, 1, 0]), (8, 15)), 8, 0), "what makes its operand is not one movement"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "why"), CUT_REASONS)
def test_merge_cut_says_why_not(build: Callable[[Builder, list[Value]], Sequence[Value]], why: str) -> None:
    merge = MergeCut()
    assert not merge.run(make(build, X))
    assert [reason for _, reason in merge.declined] == [why]


ADJOINT = [
    GraphCase("columns become rows", lambda b, xs: b.emit(ops.BatchMatmul(), xs[0], transpose(b, xs[1], [0, 2, 1])), [(2, 5, 4), (2, 3, 4)], ["BATCH_MATMUL"]),
    GraphCase("the batch stays moved", lambda b, xs: b.emit(ops.BatchMatmul(), xs[0], transpose(b, xs[1], [1, 2, 0])), [(2, 5, 4), (3, 2, 4)], ["TRANSPOSE", "BATCH_MATMUL"]),
    GraphCase("one head's columns become rows", lambda b, xs: b.emit(ops.BatchMatmul(), xs[0], reshape(b, transpose(b, xs[1], [0, 2, 1]), (2, 1, 4, 3))), [(2, 1, 5, 4), (2, 3, 4)], ["RESHAPE", "BATCH_MATMUL"]),
    GraphCase("columns that are cut stay", lambda b, xs: b.emit(ops.BatchMatmul(), xs[0], reshape(b, transpose(b, xs[1], [1, 2, 0]), (2, 4, 6))), [(2, 5, 4), (3, 4, 4)], ["TRANSPOSE", "RESHAPE", "BATCH_MATMUL"]),
    GraphCase("columns that others take stay", lambda b, xs: [b.emit(ops.BatchMatmul(), xs[0], y := reshape(b, transpose(b, xs[1], [0, 2, 1]), (2, 1, 4, 3))), y], [(2, 1, 5, 4), (2, 3, 4)], ["TRANSPOSE", "RESHAPE", "BATCH_MATMUL"]),
    GraphCase("a constant matrix is a linear layer", lambda b, xs: b.emit(ops.BatchMatmul(), xs[0], b.const(weights(1, 4, 3))), [(2, 5, 4)], ["FULLY_CONNECTED"]),
    GraphCase("and one by rows", lambda b, xs: product(b, xs[0], b.const(weights(3, 4))), [(2, 5, 4)], ["FULLY_CONNECTED"]),
    GraphCase("a matrix for each of the batch stays", lambda b, xs: b.emit(ops.BatchMatmul(), xs[0], b.const(weights(2, 4, 3))), [(2, 5, 4)], ["BATCH_MATMUL"]),
    GraphCase("rows stay", lambda b, xs: b.emit(ops.BatchMatmul(), xs[0], transpose(b, xs[1], [1, 0, 2])), [(2, 5, 4), (4, 2, 3)], ["TRANSPOSE", "BATCH_MATMUL"]),
]  # fmt: skip


@pytest.mark.parametrize("case", ADJOINT, ids=lambda c: c.id)
def test_adjoint(case: GraphCase) -> None:
    check(case, Simplify(), DropDead())


def attended(b: Builder, xs: list[Value], number: float = 0.3) -> Value:
    """Scores of one projection's two parts, the first of them scaled."""
    x = transpose(b, reshape(b, linear(b, xs[0], 24), (2, 5, 6, 4)), [0, 2, 1, 3])
    q, k = split(b, x, 2, 1)
    return product(b, times(b, q, number), k)


def rotated(b: Builder, x: Value) -> Value:
    """x * cos + neg(x) * sin, with tables."""
    turned = b.emit(ops.Mul(), b.emit(ops.Neg(), x), b.const(weights(5, 12, seed=8)))
    return b.emit(ops.Add(), b.emit(ops.Mul(), x, b.const(weights(5, 12, seed=7))), turned)


def term(b: Builder, x: Value, operator: ops.Add | ops.Sub, factor: float = 0.3) -> Value:
    """A product that is a term of a sum, the other of which is a linear layer, before another one."""
    total = b.emit(operator, times(b, b.emit(ops.Exp(), x), factor), linear(b, x, x.shape[-1]))
    return linear(b, reshape(b, total, (10, x.shape[-1])), 5)


FACTOR = [
    GraphCase("heads", lambda b, xs: times(b, heads(b, linear(b, xs[0], 12)), 0.3), X, ["FULLY_CONNECTED", "RESHAPE", "TRANSPOSE"]),
    GraphCase("a part of a split", attended, X, ["FULLY_CONNECTED", "RESHAPE", "TRANSPOSE", "SPLIT", "BATCH_MATMUL"]),
    GraphCase("a product's first operand", lambda b, xs: times(b, product(b, linear(b, xs[0], 6), linear(b, xs[0], 6, 3)), 0.3), X, ["FULLY_CONNECTED", "FULLY_CONNECTED", "BATCH_MATMUL"]),
    GraphCase("a product's second operand", lambda b, xs: times(b, product(b, xs[0], linear(b, xs[0], 12)), 0.3), X, ["FULLY_CONNECTED", "BATCH_MATMUL"]),
    GraphCase("division", lambda b, xs: b.emit(ops.Div(), linear(b, xs[0], 12), b.const(3.0)), X, ["FULLY_CONNECTED"]),
    GraphCase("a rotation's tables", lambda b, xs: times(b, rotated(b, xs[0]), 0.3), X, ["NEG", "MUL", "MUL", "ADD"]),
    GraphCase("a sum of two", lambda b, xs: times(b, b.emit(ops.Sub(), linear(b, xs[0], 6), linear(b, xs[0], 6, 3)), 0.3), X, ["FULLY_CONNECTED", "FULLY_CONNECTED", "SUB"]),
    GraphCase("an operand that fails halfway", lambda b, xs: times(b, b.emit(ops.Mul(), linear(b, xs[0], 12), b.emit(ops.Add(), linear(b, xs[0], 12, 3), xs[0])), 0.3), X, ["FULLY_CONNECTED", "FULLY_CONNECTED", "ADD", "MUL"]),
    GraphCase("padding and a concatenation", lambda b, xs: times(b, concat(b, [pad(b, linear(b, xs[0], 4), [(0, 0), (1, 0), (0, 0)]), pad(b, linear(b, xs[0], 3), [(0, 0), (0, 1), (0, 0)])], 2), 0.3), X, ["FULLY_CONNECTED", "PAD", "FULLY_CONNECTED", "PAD", "CONCATENATION"]),
    GraphCase("down past a sum", lambda b, xs: term(b, xs[0], ops.Add()), X, ["EXP", "FULLY_CONNECTED", "ADD", "RESHAPE", "FULLY_CONNECTED"]),
    GraphCase("down past a difference", lambda b, xs: term(b, xs[0], ops.Sub()), X, ["EXP", "FULLY_CONNECTED", "SUB", "RESHAPE", "FULLY_CONNECTED"]),
    GraphCase("down past a product", lambda b, xs: linear(b, b.emit(ops.Mul(), xs[0], times(b, b.emit(ops.Exp(), xs[0]), 0.3)), 5), X, ["EXP", "MUL", "FULLY_CONNECTED"]),
    GraphCase("a slice", lambda b, xs: times(b, narrow(b, linear(b, xs[0], 12), 1, 0, 1), 0.3), X, ["FULLY_CONNECTED", "SLICE"]),
    GraphCase("a convolution", lambda b, xs: times(b, conv(b, xs[0], 4), 0.3), [(1, 3, 3, 2)], ["CONV_2D"]),
]  # fmt: skip


@pytest.mark.parametrize("case", FACTOR, ids=lambda c: c.id)
def test_factor(case: GraphCase) -> None:
    check(case, FuseFactor(), DropDead())


def shared(b: Builder, xs: list[Value]) -> list[Value]:
    x = linear(b, xs[0], 12)
    return [times(b, x, 0.3), x]


def squared(b: Builder, x: Value) -> Value:
    return b.emit(ops.Mul(), x, x)


def across_parts(b: Builder, xs: list[Value]) -> Value:
    """The scaled part's channels are mixed with others before they reach the weights."""
    x = reshape(b, linear(b, xs[0], 12), (2, 60))
    return times(b, split(b, x, 2, 1)[0], 0.3)


REASONS = [
    (shared, "the result of FULLY_CONNECTED has 2 uses"),
    (lambda b, xs: times(b, squared(b, linear(b, xs[0], 12)), 0.3), "the result of FULLY_CONNECTED has 2 uses"),
    (lambda b, xs: times(b, b.emit(ops.Exp(), xs[0]), 0.3), "EXP does not let a number pass"),
    (lambda b, xs: times(b, xs[0], 0.3), "a value that no operation makes"),
    (lambda b, xs: term(b, xs[0], ops.Add(), 1e-6), "EXP does not let a number pass"),
    (lambda b, xs: linear(b, b.emit(ops.Add(), times(b, b.emit(ops.Exp(), xs[0]), 0.3), xs[0]), 5), "EXP does not let a number pass"),
    (lambda b, xs: b.emit(ops.Add(), times(b, b.emit(ops.Exp(), xs[0]), 0.3), linear(b, xs[0], 12)), "EXP does not let a number pass"),
    (across_parts, "the parts do not survive a reshape"),
    (lambda b, xs: times(b, b.emit(ops.Add(), split(b, xs[0], 2, 2)[0], b.const(1.0)), 0.3), "a value that no operation makes"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "why"), REASONS)
def test_factor_says_why_not(build: Callable[[Builder, list[Value]], Value | Sequence[Value]], why: str) -> None:
    fuse = FuseFactor()
    assert not fuse.run(make(build, X))
    assert any(why in reason for _, reason in fuse.declined)


def turned(b: Builder, x: Value, table: Value | None = None) -> Value:
    """Halves swapped, the second negated, times a table: half of a rotary embedding."""
    half = x.shape[-1] // 2
    swapped = concat(b, [b.emit(ops.Neg(), narrow(b, x, -1, half, half)), narrow(b, x, -1, 0, half)], -1)
    return b.emit(ops.Mul(), swapped, b.const(weights(5, x.shape[-1])) if table is None else table)


def all_negated(b: Builder, xs: list[Value]) -> Value:
    joined = concat(b, [b.emit(ops.Neg(), xs[0]), b.emit(ops.Neg(), xs[0])], 1)
    return b.emit(ops.Mul(), b.const(weights(1, 12)), joined)


SIGN = [
    GraphCase("a rotation", lambda b, xs: turned(b, xs[0]), X, ["SLICE", "SLICE", "CONCATENATION", "MUL"]),
    GraphCase("every part, a small table", all_negated, X, ["CONCATENATION", "MUL"]),
    GraphCase("a number", lambda b, xs: turned(b, xs[0], b.const(0.5)), X, ["SLICE", "SLICE", "CONCATENATION", "MUL"]),
    GraphCase("a table from outside: stays", lambda b, xs: turned(b, xs[0], xs[1]), [*X, (5, 12)], ["SLICE", "NEG", "SLICE", "CONCATENATION", "MUL"]),
]  # fmt: skip


@pytest.mark.parametrize("case", SIGN, ids=lambda c: c.id)
def test_sign(case: GraphCase) -> None:
    check(case, FuseSign(), DropDead())


def gelu(b: Builder, x: Value, *, cube: float = 0.044715, one: float = 1.0, inside: bool = False) -> Value:
    """GELU by tanh: the 0.5 `inside` on x or, written otherwise, on the right."""

    def mul(left: Value, right: Value) -> Value:
        return b.emit(ops.Mul(), left, right)

    root = b.const(float(np.sqrt(2 / np.pi)))
    if inside:
        cubic = mul(x, b.emit(ops.Add(), b.const(1.0), mul(b.const(cube), mul(x, x))))
        tanh = b.emit(ops.Tanh(), mul(root, cubic))
        return mul(b.emit(ops.Add(), b.const(one), tanh), mul(x, b.const(0.5)))
    cubic = b.emit(ops.Add(), x, mul(mul(mul(x, x), x), b.const(cube)))
    tanh = b.emit(ops.Tanh(), mul(cubic, root))
    return mul(mul(b.const(0.5), x), b.emit(ops.Add(), tanh, b.const(one)))


GELU = [
    GraphCase("as in BERT and GPT-2", lambda b, xs: gelu(b, xs[0]), X, ["GELU"]),
    GraphCase("factored out", lambda b, xs: gelu(b, xs[0], inside=True), X, ["GELU"]),
    GraphCase("of a sum", lambda b, xs: gelu(b, b.emit(ops.Add(), xs[0], b.const(1.0))), X, ["ADD", "GELU"]),
    GraphCase("another polynomial: stays", lambda b, xs: gelu(b, xs[0], cube=0.05), X, ["MUL", "MUL", "MUL", "ADD", "MUL", "TANH", "MUL", "ADD", "MUL"]),
    GraphCase("another shift: stays", lambda b, xs: gelu(b, xs[0], one=0.5), X, ["MUL", "MUL", "MUL", "ADD", "MUL", "TANH", "MUL", "ADD", "MUL"]),
]  # fmt: skip


@pytest.mark.parametrize("case", GELU, ids=lambda c: c.id)
def test_gelu(case: GraphCase) -> None:
    check(case, FuseGelu(), DropDead())


def slices(b: Builder, x: Value, axis: int, *starts: int, size: int) -> list[Value]:
    return [b.emit(ops.Abs(), narrow(b, x, axis, start, size)) for start in starts]


THREE = [(2, 3, 4)]
JOINED = [
    GraphCase("thirds", lambda b, xs: slices(b, xs[0], 1, 0, 1, 2, size=1), THREE, ["SPLIT", "ABS", "ABS", "ABS"]),
    GraphCase("out of order", lambda b, xs: slices(b, xs[0], 0, 1, 0, size=1), THREE, ["SPLIT", "ABS", "ABS"]),
    GraphCase("a part left out: stays", lambda b, xs: slices(b, xs[0], 1, 0, 2, size=1), THREE, ["SLICE", "ABS", "SLICE", "ABS"]),
    GraphCase("too many for XNNPACK: stays", lambda b, xs: slices(b, xs[0], 1, 0, 1, 2, 3, 4, size=1), X, ["SLICE", "ABS"] * 5),
    GraphCase("longer parts stay", lambda b, xs: slices(b, xs[0], 2, 0, 2, size=2), THREE, ["SLICE", "ABS", "SLICE", "ABS"]),
]  # fmt: skip


@pytest.mark.parametrize("case", JOINED, ids=lambda c: c.id)
def test_join_slices(case: GraphCase) -> None:
    check(case, JoinSlices())


def repeated(b: Builder, x: Value, *, count: int = 2, outside: bool = False) -> Value:
    """Heads [2,3,4,5] as [2,3*count,4,5]: each so many times in a row, or all of them one time after the other."""
    batch, shared, *matrix = x.shape
    apart = (batch, 1, shared, *matrix) if outside else (batch, shared, 1, *matrix)
    full = (batch, count, shared, *matrix) if outside else (batch, shared, count, *matrix)
    return reshape(b, broadcast_to(b, reshape(b, x, apart), full), (batch, shared * count, *matrix))


def tiled(b: Builder, x: Value, count: int) -> Value:
    return reshape(b, tile(b, reshape(b, x, (2, 3, 1, 4, 5)), [1, 1, count, 1, 1]), (2, 3 * count, 4, 5))


def twice(b: Builder, xs: list[Value]) -> list[Value]:
    keys = repeated(b, xs[1])
    return [product(b, xs[0], keys), keys]


def masked(b: Builder, xs: list[Value]) -> Value:
    """Attention whose keys are exported transposed, in one dimension with the batch."""
    keys = transpose(b, reshape(b, repeated(b, xs[1]), (12, 4, 5)), [0, 2, 1])
    scores = b.emit(ops.BatchMatmul(), xs[0], reshape(b, keys, (2, 6, 5, 4)))
    scores = b.emit(ops.Add(), scores, b.const(weights(7, 4)))
    return b.emit(ops.BatchMatmul(), b.emit(ops.Softmax(), scores), repeated(b, xs[1]))


SHARED = [(2, 6, 7, 5), (2, 3, 4, 5)]
ONE = ["RESHAPE", "BATCH_MATMUL", "RESHAPE"]
REPEATED = [
    GraphCase("two queries to a key", lambda b, xs: product(b, xs[0], repeated(b, xs[1])), SHARED, ONE),
    GraphCase("three, by tiling", lambda b, xs: product(b, xs[0], tiled(b, xs[1], 3)), [(2, 9, 7, 5), SHARED[1]], ONE),
    GraphCase("one head for all", lambda b, xs: product(b, xs[0], broadcast_to(b, xs[1], (2, 6, 4, 5))), [SHARED[0], (2, 1, 4, 5)], ONE),
    GraphCase("attention", masked, SHARED, ["RESHAPE", "BATCH_MATMUL", "ADD", "SOFTMAX", "BATCH_MATMUL", "RESHAPE"]),
    GraphCase("all heads, and again: stays", lambda b, xs: product(b, xs[0], repeated(b, xs[1], outside=True)), SHARED, ["RESHAPE", "BROADCAST_TO", "RESHAPE", "BATCH_MATMUL"]),
    GraphCase("repeated rows stay", lambda b, xs: product(b, xs[0], broadcast_to(b, xs[1], (2, 6, 4, 5))), [SHARED[0], (2, 6, 1, 5)], ["BROADCAST_TO", "BATCH_MATMUL"]),
    GraphCase("keys that others take stay", twice, SHARED, ["RESHAPE", "BROADCAST_TO", "RESHAPE", "BATCH_MATMUL"]),
]  # fmt: skip


@pytest.mark.parametrize("case", REPEATED, ids=lambda c: c.id)
def test_repeat(case: GraphCase) -> None:
    check(case, FuseRepeat(), SinkReshape(), Simplify(), RowShape(), Simplify(), DropDead())


def test_repeat_says_why_not() -> None:
    fuse = FuseRepeat()
    assert not fuse.run(make(lambda b, xs: b.emit(ops.BatchMatmul(adj_x=True, adj_y=True), transpose(b, xs[0], [0, 1, 3, 2]), repeated(b, xs[1])), SHARED))  # fmt: skip
    assert [why for _, why in fuse.declined] == ["the rows of its first operand are columns"]
