"""One row or more for every operator class: what infer says is compared with what LiteRT allocates."""

from __future__ import annotations

from typing import Any

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph
from liteport.ir.ops import Activation, Padding
from liteport.ir.types import DType, TensorType
from tests.ir.ops.one_op import C, Case, State, T

I32, I64, F32, BOOL = DType.INT32, DType.INT64, DType.FLOAT32, DType.BOOL
X = T((2, 3, 4))
IMAGE = T((1, 6, 8, 4))


def i32(*numbers: Any) -> Any:
    return np.array(numbers, np.int32)


def scalar(number: Any, dtype: Any = np.int32) -> Any:
    return np.array(number, dtype)


def f32(*shape: int) -> Any:
    return np.random.default_rng(0).integers(-2, 3, shape).astype(np.float32)


def body(name: str, arguments: list[TensorType], make: Any) -> Graph:
    """A graph without a signature, for control flow to call."""
    graph = Graph(name)
    b = Builder(graph)
    values = [b.input(type, f"{name}_{i}") for i, type in enumerate(arguments)]
    graph.outputs = make(b, *values)
    return graph


UNARY = [
    ops.Abs,
    ops.Neg,
    ops.Sign,
    ops.Ceil,
    ops.Floor,
    ops.Round,
    ops.Exp,
    ops.Log,
    ops.Sqrt,
    ops.Rsqrt,
    ops.Square,
    ops.Sin,
    ops.Cos,
    ops.Relu,
    ops.Relu6,
    ops.ReluN1To1,
    ops.Relu0To1,
    ops.Elu,
    ops.Gelu,
    ops.HardSwish,
    ops.Logistic,
    ops.Tanh,
    ops.Softmax,
    ops.LogSoftmax,
    ops.L2Normalization,
    ops.LogicalNot,
    ops.ZerosLike,
]
BINARY = [
    ops.Add,
    ops.Sub,
    ops.Mul,
    ops.Div,
    ops.FloorDiv,
    ops.FloorMod,
    ops.Pow,
    ops.SquaredDifference,
    ops.Maximum,
    ops.Minimum,
    ops.BitwiseXor,
    ops.RightShift,
    ops.Less,
    ops.LessEqual,
    ops.Greater,
    ops.GreaterEqual,
    ops.Equal,
    ops.NotEqual,
    ops.LogicalAnd,
    ops.LogicalOr,
]
SAME_SHAPE = [
    ops.Atan2,
    ops.StablehloAdd,
    ops.StablehloMultiply,
    ops.StablehloMaximum,
    ops.StablehloMinimum,
    ops.StablehloShiftLeft,
]
REDUCE = [ops.Sum, ops.Mean, ops.ReduceMax, ops.ReduceMin, ops.ReduceProd, ops.ReduceAny, ops.ReduceAll]

ELEMENTWISE = [
    *(Case(c(), [X]) for c in UNARY),
    *(Case(c(), [X, T((3, 1))]) for c in BINARY),
    Case(ops.LeakyRelu(alpha=0.25), [X]),
    *(Case(c(), [X, X]) for c in SAME_SHAPE),
    Case(ops.Add(activation=Activation.RELU6), [X, C(-1)], "ADD-relu6-constant", types=[F32]),
    Case(ops.Gelu(approximate=True), [X], "GELU-tanh", types=[F32]),
    Case(ops.AddN(), [X, X, X]),
    Case(ops.Prelu(), [IMAGE, C(np.ones((1, 1, 4)))]),
    Case(ops.Cast(to=I32), [X], "CAST-to-int32"),
    Case(ops.Cast(to=DType.COMPLEX64), [X], "CAST-to-complex", types=[F32]),
    Case(ops.Bitcast(to=I32), [X], types=[F32]),
    Case(ops.Bitcast(to=DType.INT16), [X], "BITCAST-narrower", types=[F32]),
    Case(ops.Bitcast(to=DType.FLOAT64), [T((3, 2))], "BITCAST-wider", types=[F32]),
    Case(ops.Real(), [X]),
    Case(ops.Imag(), [X]),
    Case(ops.ComplexAbs(), [X]),
    Case(ops.LocalResponseNormalization(radius=1), [IMAGE]),
    Case(ops.Select(), [T((2, 3), BOOL), T((2, 3)), T((2, 3))]),
    Case(ops.Select(), [T((2,), BOOL), X, X], "SELECT-rows", types=[F32]),
    Case(ops.Select(), [T((), BOOL), X, X], "SELECT-scalar", types=[F32]),
    Case(ops.SelectV2(), [T((3, 1), BOOL), X, T(())]),
]

REDUCTIONS = [
    *(Case(c(keep_dims=True), [X, i32(1)]) for c in REDUCE),
    *(Case(c(), [X, i32(-1, 0)], f"{c.name}-drop") for c in REDUCE if c is not ops.ReduceProd),
    Case(ops.ReduceProd(), [X, i32(-1, 0)], "REDUCE_PROD-drop", types=[F32, I32, I64]),
    Case(ops.Sum(), [X, i32(0, 1, 2)], "SUM-all", types=[F32]),
    Case(ops.ArgMax(), [X, i32(-1)], "ARG_MAX-last"),
    Case(ops.ArgMax(output_type=I32), [X, scalar(1)], "ARG_MAX-scalar-axis", types=[F32]),
    Case(ops.ArgMin(output_type=I32), [X, i32(0)]),
    Case(ops.TopkV2(), [X, scalar(2)]),
    Case(ops.Cumsum(), [X, scalar(1)]),
    Case(ops.Cumsum(exclusive=True, reverse=True), [X, scalar(-1)], "CUMSUM-reverse", types=[F32]),
]

SAME, VALID = Padding.SAME, Padding.VALID
BIAS = C(np.zeros(5))
W2D = C(np.ones((5, 3, 3, 4)))
CONVOLUTIONS = [
    Case(ops.Conv2D(padding=SAME), [IMAGE, W2D, BIAS]),
    Case(ops.Conv2D(stride=(2, 1), dilation=(1, 2)), [IMAGE, W2D, BIAS], "CONV_2D-valid", types=[F32]),
    Case(ops.Conv2D(padding=SAME, stride=(3, 2)), [IMAGE, W2D, BIAS], "CONV_2D-same-stride", types=[F32]),
    Case(ops.Conv2D(), [IMAGE, f32(6, 1, 1, 2), f32(6)], "CONV_2D-groups", types=[F32]),
    Case(ops.DepthwiseConv2D(padding=SAME, depth_multiplier=2), [IMAGE, C(np.ones((1, 3, 3, 8))), C(np.zeros(8))]),
    Case(
        ops.DepthwiseConv2D(stride=(2, 2), dilation=(1, 1)),
        [IMAGE, f32(1, 3, 2, 4), f32(4)],
        "DEPTHWISE_CONV_2D-valid",
        types=[F32],
    ),
    Case(ops.TransposeConv(padding=SAME, stride=(2, 2)), [i32(1, 12, 16, 5), W2D, IMAGE]),
    Case(
        ops.TransposeConv(padding=VALID, stride=(2, 2), activation=Activation.RELU),
        [i32(1, 13, 17, 5), f32(5, 3, 3, 4), IMAGE, f32(5)],
        "TRANSPOSE_CONV-bias",
        types=[F32],
    ),
    Case(ops.Conv3D(padding=SAME, stride=(1, 2, 1)), [T((1, 4, 5, 6, 2)), f32(2, 3, 3, 2, 3), f32(3)]),
    Case(ops.Conv3D(), [T((1, 4, 5, 6, 2)), f32(2, 3, 3, 2, 3), f32(3)], "CONV_3D-valid"),
    Case(
        ops.Conv3DTranspose(padding=SAME, stride=(2, 2, 2)),
        [i32(1, 8, 10, 12, 3), f32(2, 2, 2, 3, 2), T((1, 4, 5, 6, 2)), f32(3)],
    ),
    Case(ops.FullyConnected(), [T((2, 3, 4)), C(np.ones((5, 4))), BIAS]),
    Case(ops.FullyConnected(keep_num_dims=True), [T((2, 3, 4)), f32(5, 4)], "FULLY_CONNECTED-keep", types=[F32]),
    Case(ops.BatchMatmul(), [T((2, 1, 3, 4)), T((5, 4, 2))]),
    Case(ops.BatchMatmul(adj_x=True, adj_y=True), [T((2, 4, 3)), T((2, 5, 4))], "BATCH_MATMUL-adjoint", types=[F32]),
]

WINDOWS = [
    *(
        Case(c(padding=SAME, stride=(2, 1), filter=(3, 2)), [IMAGE])
        for c in (ops.AveragePool2D, ops.MaxPool2D, ops.L2Pool2D)
    ),
    Case(ops.MaxPool2D(stride=(2, 2), filter=(2, 3)), [IMAGE], "MAX_POOL_2D-valid", types=[F32]),
    Case(ops.ResizeBilinear(half_pixel_centers=True), [IMAGE, i32(9, 5)]),
    Case(ops.ResizeNearestNeighbor(align_corners=True), [IMAGE, i32(12, 5)]),
    Case(ops.ReduceWindow(), [T((5, 7)), C(0), *(np.array(n, np.int64) for n in ((2, 3), (1, 2), (2, 1)))]),
    Case(ops.Dilate(), [T((3, 4)), i32(2, 3), C(7)]),
]

SHAPES = [
    Case(ops.Reshape(), [X, i32(4, -1)]),
    Case(ops.Reshape(), [T((1, 1)), np.zeros(0, np.int32)], "RESHAPE-to-scalar", types=[F32]),
    Case(ops.Reshape(new_shape=(6, 4)), [X], "RESHAPE-old", types=[F32]),
    Case(ops.ExpandDims(), [X, scalar(-1)]),
    Case(ops.Squeeze(squeeze_dims=(-1, 1)), [T((2, 1, 3, 1))]),
    Case(ops.Squeeze(), [T((2, 1, 3, 1))], "SQUEEZE-all", types=[F32]),
    Case(ops.Transpose(), [X, i32(2, 0, 1)]),
    Case(ops.Slice(), [X, i32(0, 1, 1), i32(-1, 2, 2)]),
    Case(ops.StridedSlice(), [X, i32(0, 2, -1), i32(2, 0, -4), i32(1, -1, -2)]),
    Case(
        ops.StridedSlice(begin_mask=1, end_mask=2, shrink_axis_mask=4),
        [X, i32(1, 1, 2), i32(2, 1, 3), i32(1, 1, 1)],
        "STRIDED_SLICE-shrink",
        types=[F32],
    ),
    Case(
        ops.StridedSlice(ellipsis_mask=2, new_axis_mask=1),
        [X, i32(0, 0, 1), i32(0, 0, 3), i32(1, 1, 1)],
        "STRIDED_SLICE-ellipsis",
        types=[F32],
    ),
    Case(ops.StridedSlice(offset=True), [X, i32(1, 1, 1), i32(1, 2, 2), i32(1, 1, 1)], "STRIDED_SLICE-offset"),
    Case(ops.Pad(), [X, i32((0, 1), (2, 0), (1, 1))]),
    Case(ops.PadV2(), [X, i32((0, 1), (2, 0), (1, 1)), C(3)]),
    Case(ops.MirrorPad(mode="SYMMETRIC"), [X, i32((0, 1), (2, 0), (1, 1))]),
    Case(ops.MirrorPad(), [X, i32((0, 1), (2, 0), (1, 1))], "MIRROR_PAD-reflect", types=[F32]),
    Case(ops.Tile(), [X, i32(2, 1, 3)]),
    Case(ops.BroadcastTo(), [T((3, 1)), i32(2, 3, 4)]),
    Case(ops.Concatenation(axis=-2), [X, T((2, 1, 4)), X]),
    Case(ops.Split(num_splits=2), [scalar(-1), X]),
    Case(ops.SplitV(num_splits=3), [X, i32(1, -1, 1), scalar(2)]),
    Case(ops.Pack(values_count=2, axis=-1), [X, X]),
    Case(ops.Unpack(num=3, axis=1), [X]),
    Case(ops.SpaceToDepth(block_size=2), [IMAGE]),
    Case(ops.DepthToSpace(block_size=2), [IMAGE]),
    Case(ops.SpaceToBatchNd(), [IMAGE, i32(2, 3), i32((0, 2), (1, 0))]),
    Case(ops.BatchToSpaceNd(), [T((6, 4, 3, 2)), i32(2, 3), i32((0, 2), (1, 0))]),
    Case(ops.ReverseV2(), [X, i32(1)]),
    Case(ops.ReverseSequence(seq_dim=1, batch_dim=0), [X, i32(2, 3)]),
    Case(ops.MatrixDiag(), [X]),
    Case(ops.MatrixSetDiag(), [X, T((2, 3))]),
]

INDEXING = [
    Case(ops.Gather(axis=1), [X, i32((2, 0), (1, 1))]),
    Case(ops.Gather(axis=-1, batch_dims=1), [X, i32((2, 0), (1, 1))], "GATHER-batch", types=[F32]),
    Case(ops.GatherNd(), [X, i32((1, 2), (0, 0))]),
    Case(ops.ScatterNd(), [i32((2,), (0,)), T((2, 3)), i32(4, 3)]),
    Case(ops.DynamicUpdateSlice(), [X, T((1, 2, 4)), i32(1, 0, 0)]),
    Case(ops.OneHot(axis=1), [T((2, 3)), scalar(4), scalar(1, np.float32), scalar(0, np.float32)]),
    Case(ops.EmbeddingLookup(), [i32(2, 0, 1), C(np.arange(12).reshape(4, 3))], types=[F32]),
    Case(ops.Bucketize(boundaries=(1.5, 2.5)), [X]),
    Case(ops.SegmentSum(), [X, i32(0, 1)]),
    *(
        Case(c(), [X, i32(1, 0), scalar(3)])
        for c in (ops.UnsortedSegmentSum, ops.UnsortedSegmentProd, ops.UnsortedSegmentMax, ops.UnsortedSegmentMin)
    ),
    Case(ops.SparseToDense(), [i32((0, 1), (2, 0)), i32(3, 2), C((5, 6)), C(0)], types=[F32]),
    Case(ops.NonMaxSuppressionV4(), [T((5, 4)), T((5,)), scalar(3), C(0.5), C(0)]),
    Case(ops.NonMaxSuppressionV5(), [T((5, 4)), T((5,)), scalar(3), C(0.5), C(0), C(0)]),
    Case(ops.BroadcastArgs(), [T((3,)), i32(1, 1)], types=[I32]),
    Case(ops.Where(), [X], results=[TensorType(I64, (24, 3))]),
    Case(ops.Unique(), [T((6,))], results=[TensorType(F32, (3,)), TensorType(I32, (6,))], types=[F32]),
]

CREATION = [
    Case(ops.Shape(), [X]),
    Case(ops.Shape(out_type=I64), [X], "SHAPE-int64", types=[F32]),
    Case(ops.Rank(), [X]),
    Case(ops.Range(), [C(1), C(8), C(3)]),
    Case(ops.Fill(), [i32(2, 3), T(())]),
    Case(ops.RandomUniform(seed=1, seed2=2), [i32(2, 3)], types=[F32]),
    Case(ops.RandomStandardNormal(seed=1), [i32(2, 3)], types=[F32]),
    Case(ops.Multinomial(seed=1), [T((2, 3)), scalar(4)]),
    Case(ops.Rfft2d(), [T((2, 4, 8)), i32(4, 8)]),
    Case(ops.FakeQuant(min=0.0, max=3.0), [X]),
    Case(ops.Dequantize(), [X], types=[DType.FLOAT16]),
]

LSTM_WEIGHTS = [*(f32(5, 4) for _ in range(4)), *(f32(5, 5) for _ in range(4)), None, None, None]
LSTM_BIASES = [*(f32(5) for _ in range(4)), None, None]
CELL = [f32(5, 4), f32(5, 5), f32(5)]
RECURRENT = [
    Case(
        ops.UnidirectionalSequenceLstm(),
        [T((2, 3, 4)), *LSTM_WEIGHTS, *LSTM_BIASES, State((2, 5)), State((2, 5)), None, None, None, None],
    ),
    Case(
        ops.BidirectionalSequenceLstm(merge_outputs=True, time_major=False),
        [T((2, 3, 4)), *(LSTM_WEIGHTS + LSTM_BIASES) * 2, *[State((2, 5))] * 4, *[None] * 9],
    ),
    Case(ops.UnidirectionalSequenceRnn(time_major=True), [T((3, 2, 4)), *CELL, State((2, 5))]),
    Case(
        ops.BidirectionalSequenceRnn(),
        [T((2, 3, 4)), *CELL, State((2, 5)), *CELL, State((2, 5)), None, None, None],
    ),
    Case(
        ops.Lstm(),
        [T((2, 4)), *LSTM_WEIGHTS, *LSTM_BIASES, State((2, 5)), State((2, 5)), None, None, None, None],
        types=[F32],
    ),
    Case(ops.Rnn(), [T((2, 4)), *CELL, State((2, 5))]),
    Case(ops.Svdf(rank=1), [T((2, 4)), f32(5, 4), f32(5, 3), f32(5), State((2, 15))], types=[F32]),
]

SCALAR = TensorType(F32, ())
LESS_THAN_9 = body("less", [SCALAR], lambda b, x: [b.emit(ops.Less(), x, b.const(9.0))])
PLUS_1 = body("plus", [SCALAR], lambda b, x: [b.emit(ops.Add(), x, b.const(1.0))])
TIMES_2 = body("times", [SCALAR], lambda b, x: [b.emit(ops.Mul(), x, b.const(2.0))])
STABLEHLO_ADD = body("sum", [SCALAR, SCALAR], lambda b, x, y: [b.emit(ops.StablehloAdd(), x, y)])
EMPTY_INIT = body("init", [], lambda b: [])
CONTROL = [
    Case(
        ops.If(then_subgraph="plus", else_subgraph="times"),
        [T((), BOOL), T(())],
        types=[F32],
        results=[SCALAR],
        bodies=[PLUS_1, TIMES_2],
    ),
    Case(
        ops.While(cond_subgraph="less", body_subgraph="plus"),
        [T(())],
        types=[F32],
        bodies=[LESS_THAN_9, PLUS_1],
    ),
    Case(
        ops.StablehloCase(branch_subgraphs=("plus", "times")),
        [T((), I32, 2), T(())],
        types=[F32],
        results=[SCALAR],
        bodies=[PLUS_1, TIMES_2],
    ),
    Case(
        ops.StablehloComposite(composite_name="test.plus", decomposition_subgraph="plus"),
        [T(())],
        types=[F32],
        results=[SCALAR],
        bodies=[PLUS_1],
    ),
]

STABLEHLO = [
    Case(
        ops.StablehloPad(edge_padding_low=(1, 0, -1), edge_padding_high=(0, 2, 0), interior_padding=(0, 1, 0)),
        [X, C(7)],
        types=[F32],
    ),
    Case(
        ops.StablehloGather(
            offset_dims=(1, 2),
            collapsed_slice_dims=(0,),
            start_index_map=(0,),
            index_vector_dim=1,
            slice_sizes=(1, 2, 4),
        ),
        [X, i32(1, 0, 1).reshape(3, 1)],
    ),
    Case(
        ops.StablehloScatter(
            update_window_dims=(1,),
            inserted_window_dims=(0,),
            scatter_dims_to_operand_dims=(0,),
            index_vector_dim=1,
            update_computation_subgraph="sum",
        ),
        [T((4, 3)), i32(1, 3).reshape(2, 1), T((2, 3))],
        types=[F32],
        bodies=[STABLEHLO_ADD],
    ),
    Case(
        ops.StablehloReduceWindow(
            window_dimensions=(2, 3),
            window_strides=(1, 2),
            base_dilations=(1, 1),
            window_dilations=(1, 1),
            padding=(0, 1, 1, 0),
            body_subgraph="sum",
        ),
        [T((5, 7)), C(0)],
        types=[F32],
        bodies=[STABLEHLO_ADD],
    ),
]

CASES = (
    ELEMENTWISE + REDUCTIONS + CONVOLUTIONS + WINDOWS + SHAPES + INDEXING + CREATION + RECURRENT + CONTROL + STABLEHLO
)
