"""Every operator in a .keras file gives what it gives in LiteRT.

All cases share one graph, which is written, read and run once in each: starting TensorFlow and tracing take far longer
than the operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from liteport.backends.keras.ops import EMITTERS
from liteport.backends.keras.writer import model_of, save
from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT
from liteport.errors import UnsupportedError
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Module, Value
from liteport.ir.ops import Activation, Padding
from liteport.ir.types import DType, TensorType

PLAIN = TensorType(DType.FLOAT32, (2, 3, 4))
SAME, VALID = Padding.SAME, Padding.VALID
RNG = np.random.default_rng(0)
# Relative to the largest magnitude (and 1): the order in which a sum is taken.
TOLERANCE = 1e-6

Build = Callable[..., Value | Sequence[Value]]


@dataclass(frozen=True)
class Case:
    """What `build` makes of the inputs, on a builder; operators are of the class in front of the id's colon."""

    id: str
    build: Build
    inputs: tuple[TensorType, ...]
    feeds: Mapping[int, Any] | None = None
    tolerance: float = TOLERANCE


def f32(*shape: int) -> TensorType:
    return TensorType(DType.FLOAT32, shape)


def i32(*shape: int) -> TensorType:
    return TensorType(DType.INT32, shape)


def boolean(*shape: int) -> TensorType:
    return TensorType(DType.BOOL, shape)


def weights(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


def one(operator: ops.Operator, *constants: Any) -> Build:
    """The operator on the inputs, followed by these constants."""
    return lambda b, *inputs: b.emit_many(operator, *inputs, *(_const(b, c) for c in constants))


def on(operator: ops.Operator, *before: Any) -> Build:
    """The operator on these constants, followed by the inputs."""
    return lambda b, *inputs: b.emit_many(operator, *(_const(b, c) for c in before), *inputs)


def _const(b: Builder, value: Any) -> Value | None:
    return None if value is None else b.const(value)


def unary(operator: ops.Operator, type: TensorType = PLAIN, feed: Any = None) -> Case:
    return Case(type_name(operator), one(operator), (type,), None if feed is None else {0: feed})


def binary(operator: ops.Operator, type: TensorType = PLAIN, id: str = "") -> Case:
    return Case(f"{type_name(operator)}:{id}" if id else type_name(operator), one(operator), (type, type))


def type_name(operator: ops.Operator) -> str:
    return type(operator).__name__


def tied(b: Builder, ids: Value) -> Value:
    """Rows of a table, and their products with all of its rows."""
    table = b.const(weights(7, 3))
    linear = ops.FullyConnected(keep_num_dims=True, activation=Activation.RELU)
    return b.emit(linear, b.emit(ops.Gather(), table, ids), table, b.const(weights(7)))


POSITIVE = abs(weights(2, 3, 4)) + 0.1
IMAGE = f32(2, 6, 7, 4)

CASES = [
    # Activations.
    *map(unary, (ops.Relu(), ops.Relu6(), ops.ReluN1To1(), ops.Relu0To1(), ops.Elu(), ops.HardSwish())),
    *map(unary, (ops.Logistic(), ops.Tanh(), ops.LogSoftmax(), ops.Gelu(), ops.L2Normalization(), ops.LeakyRelu())),
    Case("Gelu:tanh", one(ops.Gelu(approximate=True)), (f32(2, 3),)),
    Case("Bitcast", one(ops.Bitcast(to=DType.INT32)), (f32(2, 3),)),
    Case("LeakyRelu:negative", one(ops.LeakyRelu(alpha=-0.5)), (f32(2, 3),)),
    Case("Softmax", one(ops.Softmax()), (f32(2, 3, 5),)),
    Case("Softmax:beta", one(ops.Softmax(beta=0.5)), (f32(2, 5),)),
    Case("Prelu:channels", one(ops.Prelu(), weights(4)), (IMAGE,)),
    Case("Prelu:places", one(ops.Prelu(), weights(6, 1, 4)), (IMAGE,)),
    Case("Prelu:computed", one(ops.Prelu()), (IMAGE, f32(4))),
    Case("LocalResponseNormalization", one(ops.LocalResponseNormalization(radius=1, alpha=0.2, beta=0.75)), (IMAGE,)),
    # Arithmetic.
    *map(binary, (ops.Add(), ops.Sub(), ops.Mul(), ops.Maximum(), ops.Minimum(), ops.SquaredDifference(), ops.Atan2())),
    binary(ops.Add(activation=Activation.RELU6), id="relu6"),
    binary(ops.Sub(activation=Activation.RELU_N1_TO_1), id="clipped"),
    Case("Add:scalar", one(ops.Add(), np.float32(0.3)), (f32(2, 3),)),
    Case("Mul:weights", one(ops.Mul(), weights(3)), (f32(2, 3),)),
    Case("Sub:weights first", on(ops.Sub(), weights(2, 1)), (f32(2, 3),)),
    Case("Div", one(ops.Div()), (f32(2, 3, 4), f32(2, 3, 4)), {1: POSITIVE}),
    Case("Div:integers", one(ops.Div()), (i32(6), i32(6)), {0: [7, -7, 7, -7, 6, 0], 1: [2, 2, -2, -2, 3, 5]}),
    Case("FloorDiv", one(ops.FloorDiv()), (i32(4), i32(4)), {0: [7, -7, 7, -7], 1: [2, 2, -2, -2]}),
    Case("FloorMod", one(ops.FloorMod()), (i32(4), i32(4)), {0: [7, -7, 7, -7], 1: [2, 2, -2, -2]}),
    Case("FloorMod:floats", one(ops.FloorMod()), (f32(4), f32(4)), {0: [7.5, -7, 7, -7], 1: [2, 2, -2, -2]}),
    Case("Pow", one(ops.Pow()), (f32(2, 3, 4), f32(2, 3, 4)), {0: POSITIVE}),
    Case("AddN", one(ops.AddN()), (f32(2, 3), f32(2, 3), f32(2, 3))),
    Case("BitwiseXor", one(ops.BitwiseXor()), (i32(3, 4), i32(3, 4))),
    Case("RightShift", one(ops.RightShift()), (i32(3), i32(3)), {0: [-9, 9, 100], 1: [1, 2, 3]}),
    *map(unary, (ops.Abs(), ops.Neg(), ops.Sign(), ops.Ceil(), ops.Floor(), ops.Exp(), ops.Square(), ops.Sin(), ops.Cos())),
    *(unary(operator, feed=POSITIVE) for operator in (ops.Log(), ops.Sqrt(), ops.Rsqrt())),
    unary(ops.Round(), f32(6), [0.5, 1.5, -0.5, 2.4, -2.6, 3.5]),
    Case("Cast", one(ops.Cast(to=DType.INT32)), (f32(4),), {0: [1.9, -1.9, 0.5, 7]}),
    Case("Cast:bool", one(ops.Cast(to=DType.FLOAT32)), (boolean(4),)),
    # Comparisons.
    *map(binary, (ops.Less(), ops.LessEqual(), ops.Greater(), ops.GreaterEqual())),
    *(binary(operator, i32(3, 4)) for operator in (ops.Equal(), ops.NotEqual())),
    *(binary(operator, boolean(3, 4)) for operator in (ops.LogicalAnd(), ops.LogicalOr())),
    unary(ops.LogicalNot(), boolean(3, 4)),
    Case("Select", one(ops.Select()), (boolean(2), f32(2, 3), f32(2, 3))),
    Case("SelectV2", one(ops.SelectV2()), (boolean(2, 3), f32(2, 3), f32(3))),
    # Convolutions and linear layers.
    Case("Conv2D", one(ops.Conv2D(padding=SAME, stride=(2, 2)), weights(5, 3, 3, 4), weights(5)), (IMAGE,)),
    Case("Conv2D:relu", one(ops.Conv2D(activation=Activation.RELU), weights(5, 2, 3, 4), np.zeros(5, np.float32)), (IMAGE,)),
    Case("Conv2D:groups", one(ops.Conv2D(padding=SAME), weights(6, 3, 3, 2), weights(6)), (IMAGE,)),
    Case("Conv2D:dilated", one(ops.Conv2D(padding=SAME, dilation=(2, 2)), weights(3, 3, 3, 4), weights(3)), (IMAGE,)),
    Case("Conv2D:strided and dilated", one(ops.Conv2D(SAME, (2, 1), (2, 2)), weights(3, 3, 3, 4), weights(3)), (IMAGE,)),
    Case("Conv2D:computed", one(ops.Conv2D(padding=SAME, activation=Activation.RELU6)), (IMAGE, f32(5, 3, 3, 4), f32(5))),
    Case("Conv2D:computed groups", one(ops.Conv2D(padding=SAME)), (IMAGE, f32(6, 3, 3, 2), f32(6))),
    Case("DepthwiseConv2D", one(ops.DepthwiseConv2D(padding=SAME, stride=(2, 2)), weights(1, 3, 3, 4), weights(4)), (IMAGE,)),
    Case("DepthwiseConv2D:multiplier", one(ops.DepthwiseConv2D(depth_multiplier=2), weights(1, 3, 3, 8), weights(8)), (IMAGE,)),
    Case("DepthwiseConv2D:uneven", one(ops.DepthwiseConv2D(padding=SAME, stride=(1, 2)), weights(1, 3, 3, 4), weights(4)), (IMAGE,)),
    Case("Conv3D", one(ops.Conv3D(padding=SAME), weights(2, 3, 3, 4, 5), weights(5)), (f32(1, 3, 4, 5, 4),)),
    *(
        Case(f"TransposeConv:{padding.value}-{target}", lambda b, x, padding=padding, target=target, k=kernel: b.emit(ops.TransposeConv(padding, (2, 2)), b.const([2, *target, 5]), b.const(weights(5, k, k, 4)), x, b.const(weights(5))), (f32(2, 3, 4, 4),))
        for padding, kernel, target in ((SAME, 3, (6, 8)), (SAME, 3, (5, 7)), (VALID, 3, (7, 9)), (VALID, 3, (8, 10)), (VALID, 2, (6, 8)))
    ),
    Case("Conv3DTranspose", lambda b, x: b.emit(ops.Conv3DTranspose(SAME, (2, 2, 2)), b.const([1, 4, 6, 8, 3]), b.const(weights(3, 3, 3, 3, 2)), x, b.const(weights(3))), (f32(1, 2, 3, 4, 2),)),
    Case("FullyConnected", one(ops.FullyConnected(), weights(5, 12), weights(5)), (f32(2, 3, 4),)),
    Case("FullyConnected:rows", one(ops.FullyConnected(keep_num_dims=True, activation=Activation.RELU), weights(5, 4), None), (f32(2, 3, 4),)),
    Case("FullyConnected:computed", one(ops.FullyConnected(activation=Activation.RELU)), (f32(2, 4), f32(3, 4), f32(3))),
    Case("BatchMatmul", one(ops.BatchMatmul()), (f32(2, 3, 4), f32(2, 4, 5))),
    Case("BatchMatmul:turned", one(ops.BatchMatmul(adj_x=True, adj_y=True)), (f32(2, 4, 3), f32(5, 4))),
    Case("BatchMatmul:weights", one(ops.BatchMatmul(adj_y=True), weights(5, 4)), (f32(2, 3, 4),)),
    Case("BatchMatmul:many weights", one(ops.BatchMatmul(), weights(2, 4, 5)), (f32(2, 3, 4),)),
    # Windows.
    *(
        Case(f"{kind.__name__}:{padding.value}", one(kind(padding, (2, 1), (3, 2), Activation.RELU)), (IMAGE,))
        for kind in (ops.AveragePool2D, ops.MaxPool2D, ops.L2Pool2D)
        for padding in (SAME, VALID)
    ),
    *(
        Case(f"{kind.__name__}:{size}-{corners}{half}", one(kind(align_corners=corners, half_pixel_centers=half), list(size)), (IMAGE,))
        for kind in (ops.ResizeBilinear, ops.ResizeNearestNeighbor)
        for size in ((12, 14), (9, 5))
        for corners, half in ((False, False), (True, False), (False, True))
    ),
    Case("Dilate", one(ops.Dilate(), [2, 3], np.float32(0.5)), (f32(3, 4),)),
    # Reductions.
    *(
        Case(f"{kind.__name__}:{keep}", one(kind(keep_dims=keep), [1, -1]), (f32(2, 3, 4),))
        for kind in (ops.Sum, ops.Mean, ops.ReduceMax, ops.ReduceMin, ops.ReduceProd)
        for keep in (False, True)
    ),
    Case("Mean:maps", one(ops.Mean(keep_dims=True), [1, 2]), (IMAGE,)),
    Case("Sum:integers", one(ops.Sum(), [0]), (i32(3, 4),)),
    *(Case(kind.__name__, one(kind(), [1]), (boolean(3, 4),)) for kind in (ops.ReduceAll, ops.ReduceAny)),
    *(Case(kind.__name__, one(kind(output_type=to), [-1]), (f32(3, 4),)) for kind, to in ((ops.ArgMax, DType.INT64), (ops.ArgMin, DType.INT32))),
    Case("TopkV2", one(ops.TopkV2(), np.int32(3)), (f32(2, 6),)),
    *(Case(f"Cumsum:{out}{back}", one(ops.Cumsum(out, back), np.int32(1)), (f32(2, 4, 3),)) for out in (False, True) for back in (False, True)),
    # Shapes.
    Case("Reshape", one(ops.Reshape(), [2, 12]), (f32(2, 3, 4),)),
    Case("Reshape:all", one(ops.Reshape(), [4, 6]), (f32(2, 3, 4),)),
    Case("ExpandDims", one(ops.ExpandDims(), [0]), (f32(2, 3),)),
    Case("Squeeze", one(ops.Squeeze((1,))), (f32(2, 1, 3),)),
    Case("Transpose", one(ops.Transpose(), [0, 2, 1]), (f32(2, 3, 4),)),
    Case("Transpose:batch", one(ops.Transpose(), [2, 0, 1]), (f32(2, 3, 4),)),
    Case("Slice", one(ops.Slice(), [0, 1, 1], [2, -1, 2]), (f32(2, 3, 4),)),
    Case("Slice:computed", lambda b, x, at: b.emit_many(ops.Slice(), x, at, b.const([1, 2]), types=(f32(1, 2),)), (f32(3, 4), i32(2)), {1: [1, 2]}),
    Case("StridedSlice", one(ops.StridedSlice(begin_mask=1, end_mask=2), [0, 3], [2, 0], [1, -2]), (f32(3, 4),)),
    Case("StridedSlice:shrunk", one(ops.StridedSlice(shrink_axis_mask=1, new_axis_mask=2, ellipsis_mask=4), [1, 0, 0], [2, 0, 0], [1, 1, 1]), (f32(3, 4),)),
    Case("Pad", one(ops.Pad(), [[0, 0], [1, 2], [0, 3], [0, 0]]), (IMAGE,)),
    Case("Pad:all", one(ops.Pad(), [[1, 0], [0, 2]]), (f32(2, 3),)),
    Case("PadV2", one(ops.PadV2(), [[1, 0], [0, 2]], np.float32(-7)), (f32(2, 3),)),
    *(Case(f"MirrorPad:{mode}", one(ops.MirrorPad(mode=mode), [[0, 0], [1, 2]]), (f32(2, 4),)) for mode in ("REFLECT", "SYMMETRIC")),
    Case("Tile", one(ops.Tile(), [2, 1, 3]), (f32(1, 2, 3),)),
    Case("BroadcastTo", one(ops.BroadcastTo(), [2, 3, 4]), (f32(3, 1),)),
    Case("Concatenation", one(ops.Concatenation(axis=-1)), (f32(2, 3), f32(2, 1))),
    Case("Concatenation:batch", one(ops.Concatenation(axis=0), weights(1, 3)), (f32(2, 3),)),
    Case("Split", on(ops.Split(num_splits=2), np.int32(1)), (f32(2, 4),)),
    Case("SplitV", one(ops.SplitV(num_splits=3), [1, 2, 1], np.int32(-1)), (f32(2, 4),)),
    Case("Pack", one(ops.Pack(values_count=2, axis=-1)), (f32(2, 3), f32(2, 3))),
    Case("Unpack", one(ops.Unpack(num=3, axis=1)), (f32(2, 3),)),
    # Blocks.
    Case("SpaceToDepth", one(ops.SpaceToDepth(2)), (f32(1, 4, 6, 3),)),
    Case("DepthToSpace", one(ops.DepthToSpace(2)), (f32(1, 2, 3, 8),)),
    Case("SpaceToBatchNd", one(ops.SpaceToBatchNd(), [2, 3], [[1, 0], [0, 2]]), (f32(2, 3, 4, 2),)),
    Case("BatchToSpaceNd", one(ops.BatchToSpaceNd(), [2, 3], [[1, 0], [0, 2]]), (f32(12, 2, 2, 2),)),
    Case("ReverseV2", one(ops.ReverseV2(), [1]), (f32(2, 3),)),
    Case("ReverseSequence", one(ops.ReverseSequence(seq_dim=1, batch_dim=0)), (f32(3, 4, 2), i32(3)), {1: [1, 4, 2]}),
    Case("MatrixDiag", one(ops.MatrixDiag()), (f32(2, 3),)),
    Case("MatrixSetDiag", one(ops.MatrixSetDiag()), (f32(2, 3, 4), f32(2, 3))),
    Case("MatrixSetDiag:tall", one(ops.MatrixSetDiag()), (f32(4, 3), f32(3))),
    # Indices.
    Case("Gather", one(ops.Gather(axis=1), [2, 0, 0]), (f32(2, 3, 4),)),
    Case("Gather:weights", on(ops.Gather(), weights(7, 2, 3)), (i32(2, 2),), {0: [[0, 6], [3, 3]]}),
    Case("Gather:integers", on(ops.Gather(), [5, 6, 7]), (i32(2),), {0: [2, 0]}),
    Case("Gather:batches", one(ops.Gather(axis=2, batch_dims=1)), (f32(2, 3, 4, 2), i32(2, 3)), {1: [[0, 3, 1], [2, 2, 0]]}),
    Case("GatherNd", one(ops.GatherNd()), (f32(3, 4, 2), i32(2, 2)), {1: [[0, 3], [2, 1]]}),
    Case("ScatterNd", lambda b, at, x: b.emit(ops.ScatterNd(), at, x, b.const([4, 3])), (i32(3, 1), f32(3, 3)), {0: [[0], [2], [0]]}),
    Case("DynamicUpdateSlice", one(ops.DynamicUpdateSlice()), (f32(3, 4), f32(2, 2), i32(2)), {2: [2, 1]}),
    Case("OneHot", lambda b, x: b.emit(ops.OneHot(axis=1), x, b.const(np.int32(4)), b.const(np.float32(2)), b.const(np.float32(-1))), (i32(2, 3),), {0: [[0, 1, 3], [2, 5, 0]]}),
    Case("Gather:tied", lambda b, ids: tied(b, ids), (i32(2, 2),), {0: [[0, 6], [3, 3]]}),
    Case("EmbeddingLookup", one(ops.EmbeddingLookup(), weights(5, 3)), (i32(3),), {0: [4, 0, 1]}),
    Case("Bucketize", one(ops.Bucketize((0.0, 1.0, 2.5))), (f32(5),), {0: [-1, 0, 0.5, 1, 9]}),
    Case("SegmentSum", one(ops.SegmentSum(), [0, 0, 1]), (f32(3, 2),)),
    *(
        Case(kind.__name__, one(kind(), np.int32(3)), (f32(4, 2), i32(4)), {1: [2, 0, 2, 0]})
        for kind in (ops.UnsortedSegmentSum, ops.UnsortedSegmentProd, ops.UnsortedSegmentMax, ops.UnsortedSegmentMin)
    ),
    Case("SparseToDense", lambda b, at, x: b.emit(ops.SparseToDense(), at, b.const([5]), x, b.const(np.float32(9))), (i32(2), f32(2)), {0: [1, 3]}),
    # Out of nothing.
    Case("Fill", lambda b, x: b.emit(ops.Fill(), b.const([2, 3]), x), (f32(),)),
    Case("ZerosLike", one(ops.ZerosLike()), (f32(2, 3),)),
]  # fmt: skip

# In no case above: written on to others, or for what no file of LiteRT's has.
ELSEWHERE = {
    "Dequantize",
    "Rank",
    "Shape",
    "StablehloAdd",
    "StablehloMaximum",
    "StablehloMinimum",
    "StablehloMultiply",
    "StablehloShiftLeft",
}


def graph_of(cases: Sequence[Case]) -> Graph:
    """All cases side by side; inputs are called after their case and number, outputs too."""
    graph = Graph(signature="serving_default")
    b = Builder(graph)
    for number, case in enumerate(cases):
        inputs = [b.input(type, f"x{number}_{i}") for i, type in enumerate(case.inputs)]
        b.prefix = f"case{number}"
        results = case.build(b, *inputs)
        for i, value in enumerate([results] if isinstance(results, Value) else results):
            graph.outputs.append(value)
            graph.output_names.append(f"y{number}_{i}")
    return graph


def feeds_of(cases: Sequence[Case]) -> dict[str, Any]:
    """Random inputs, or those that the cases give."""
    rng = np.random.default_rng(1)
    feeds = {}
    for number, case in enumerate(cases):
        for i, (dtype, shape) in enumerate(case.inputs):
            given = (case.feeds or {}).get(i)
            drawn = (
                rng.normal(size=shape) if dtype.is_float else rng.integers(0, 2 if dtype is DType.BOOL else 5, shape)
            )
            feeds[f"x{number}_{i}"] = np.asarray(drawn if given is None else given).astype(dtype.numpy)
    return feeds


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """The outputs of all cases in LiteRT and in Keras."""
    graph, feeds = graph_of(CASES), feeds_of(CASES)
    path = Path(tmp_path_factory.mktemp("keras"), "operators.keras")
    save(Module([graph]), path)
    outputs = keras.saving.load_model(path)(feeds)
    return LiteRT(to_bytes(Module([graph]))).run(feeds), {name: np.asarray(value) for name, value in outputs.items()}


@pytest.mark.parametrize(("number", "case"), [pytest.param(n, c, id=c.id) for n, c in enumerate(CASES)])
def test_an_operator_gives_what_it_gives_in_litert(number: int, case: Case, results: Any) -> None:
    expected, actual = results
    names = [name for name in expected if name.startswith(f"y{number}_")]
    assert names
    for name in names:
        want, have = expected[name], actual[name]
        assert (have.shape, have.dtype) == (want.shape, want.dtype)
        if want.dtype.kind == "f":
            scale = max(1.0, float(np.abs(want).max()))
            np.testing.assert_allclose(have, want, rtol=0, atol=case.tolerance * scale)
        else:
            np.testing.assert_array_equal(have, want)


def test_every_operator_has_a_case() -> None:
    assert {operator.__name__ for operator in EMITTERS} - ELSEWHERE == {case.id.partition(":")[0] for case in CASES}


def test_ids_are_different() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_transposed_convolutions_with_computed_weights_are_refused() -> None:
    graph = Graph(signature="serving_default")
    b = Builder(graph)
    x, w = b.input(f32(2, 3, 4, 4), "x"), b.input(f32(5, 3, 3, 4), "w")
    graph.outputs, graph.output_names = [b.emit(ops.TransposeConv(SAME, (2, 2)), b.const([2, 6, 8, 5]), w, x)], ["y"]
    with pytest.raises(UnsupportedError, match="TRANSPOSE_CONV has computed weights"):
        model_of(graph)
