"""The codec table: one row for each operator class (see codec.Row)."""

from __future__ import annotations

from ai_edge_litert import schema_py_generated as schema

from liteport.formats.tflite import codec, versions
from liteport.formats.tflite.codec import Field, Kind, Row
from liteport.formats.tflite.versions import INT8_2, INT8_2_INT16_3, MATH, RELU, by_type
from liteport.ir import ops
from liteport.ir.graph import Op
from liteport.ir.types import DType


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


def _same(*attributes: str, kind: Kind = codec.PLAIN) -> tuple[Field, ...]:
    """Attributes whose fields have the same name in camelCase."""
    return tuple(Field(a, (_camel(a),), kind) for a in attributes)


def _graph(attribute: str) -> Field:
    return Field(attribute, (f"{_camel(attribute)}Index",), codec.GRAPH)


ACTIVATION = Field(
    "activation", ("fusedActivationFunction",), codec.enum_of(schema.ActivationFunctionType, ops.Activation)
)
PADDING = Field("padding", ("padding",), codec.enum_of(schema.Padding, ops.Padding))
STRIDE_2D = Field("stride", ("strideH", "strideW"), codec.PLAIN)
DILATION_2D = Field("dilation", ("dilationHFactor", "dilationWFactor"), codec.PLAIN)
STRIDE_3D = Field("stride", ("strideD", "strideH", "strideW"), codec.PLAIN)
DILATION_3D = Field("dilation", ("dilationDFactor", "dilationHFactor", "dilationWFactor"), codec.PLAIN)
FILTER = Field("filter", ("filterHeight", "filterWidth"), codec.PLAIN)
BIAS_TYPE = _same("quantized_bias_type", kind=codec.DTYPE)
POOL = (PADDING, STRIDE_2D, FILTER, ACTIVATION)
CONV_3D = (PADDING, STRIDE_3D, DILATION_3D, ACTIVATION)
RESIZE = _same("align_corners", "half_pixel_centers")
KEEP_DIMS = _same("keep_dims")
ASYMMETRIC = _same("asymmetric_quantize_inputs")
RANDOM = _same("seed", "seed2")
OUTPUT_TYPE = _same("output_type", kind=codec.DTYPE)


def _in_type(op: Op) -> DType:
    return op.input.dtype


def _out_type(op: Op) -> DType:
    return op.output.dtype


ARITHMETIC = [
    Row(ops.Add, "AddOptions", (ACTIVATION, *_same("pot_scale_int16")), versions.add),
    Row(ops.Sub, "SubOptions", (ACTIVATION, *_same("pot_scale_int16")), versions.sub),
    Row(ops.Mul, "MulOptions", (ACTIVATION,), versions.mul),
    Row(ops.Div, "DivOptions", (ACTIVATION,), versions.div),
    Row(ops.FloorDiv, "FloorDivOptions", version=by_type(float32=2, int8=3, int16=3)),
    Row(ops.FloorMod, "FloorModOptions", version=MATH),
    Row(ops.Pow, "PowOptions"),
    Row(ops.SquaredDifference, "SquaredDifferenceOptions", version=INT8_2),
    Row(ops.Maximum, "MaximumMinimumOptions", version=versions.maximum),
    Row(ops.Minimum, "MaximumMinimumOptions", version=versions.maximum),
    Row(ops.Atan2, "ATan2Options"),
    Row(ops.BitwiseXor, "BitwiseXorOptions"),
    Row(ops.RightShift, "RightShiftOptions"),
    Row(ops.AddN, "AddNOptions"),
    Row(ops.Abs, "AbsOptions", version=versions.absolute),
    Row(ops.Neg, "NegOptions"),
    Row(ops.Sign, "SignOptions", version=by_type(int32=2)),
    Row(ops.Ceil),
    Row(ops.Floor),
    Row(ops.Round),
    Row(ops.Exp, "ExpOptions", version=MATH),
    Row(ops.Log, version=MATH),
    Row(ops.Sqrt, version=MATH),
    Row(ops.Rsqrt, version=INT8_2_INT16_3),
    Row(ops.Square, "SquareOptions"),
    Row(ops.Sin, version=by_type(float16=2)),
    Row(ops.Cos, "CosOptions", version=by_type(float16=2)),
    Row(
        ops.Cast,
        "CastOptions",
        (
            Field("", ("inDataType",), codec.DTYPE, computed=_in_type),
            Field("", ("outDataType",), codec.DTYPE, computed=_out_type),
        ),
        versions.cast,
        derive=lambda results: {"to": results[0].dtype},
    ),
    Row(ops.Bitcast, "BitcastOptions", derive=lambda results: {"to": results[0].dtype}),
    Row(ops.Real),
    Row(ops.Imag),
    Row(ops.ComplexAbs),
]

ACTIVATIONS = [
    Row(ops.Relu, version=RELU),
    Row(ops.Relu6, version=INT8_2_INT16_3),
    Row(ops.ReluN1To1),
    Row(ops.Relu0To1),
    Row(ops.LeakyRelu, "LeakyReluOptions", _same("alpha"), by_type(int16=2)),
    Row(ops.Prelu),
    Row(ops.Elu),
    Row(ops.Gelu, "GeluOptions", _same("approximate"), by_type(float16=3, int8=2, uint8=2)),
    Row(ops.HardSwish, "HardSwishOptions"),
    Row(ops.Logistic, version=INT8_2_INT16_3),
    Row(ops.Tanh, version=INT8_2_INT16_3),
    Row(ops.Softmax, "SoftmaxOptions", _same("beta"), by_type(float16=4, int16=3, int8=2)),
    Row(ops.LogSoftmax, "LogSoftmaxOptions", version=INT8_2),
    Row(ops.L2Normalization, "L2NormOptions", (ACTIVATION,), INT8_2),
    Row(
        ops.LocalResponseNormalization,
        "LocalResponseNormalizationOptions",
        _same("radius", "bias", "alpha", "beta"),
    ),
]

COMPARISONS = [
    Row(ops.Less, "LessOptions", version=INT8_2_INT16_3),
    Row(ops.LessEqual, "LessEqualOptions", version=INT8_2),
    Row(ops.Greater, "GreaterOptions", version=INT8_2),
    Row(ops.GreaterEqual, "GreaterEqualOptions", version=INT8_2_INT16_3),
    Row(ops.Equal, "EqualOptions", version=by_type(int16=5, string=3, int8=2)),
    Row(ops.NotEqual, "NotEqualOptions", version=by_type(int16=4, string=3, int8=2)),
    Row(ops.LogicalAnd, "LogicalAndOptions"),
    Row(ops.LogicalOr, "LogicalOrOptions"),
    Row(ops.LogicalNot, "LogicalNotOptions"),
    Row(ops.Select, "SelectOptions", version=versions.select),
    Row(ops.SelectV2, "SelectV2Options", version=by_type(at=1, uint32=2)),
]

REDUCTIONS = [
    Row(ops.Sum, "ReducerOptions", KEEP_DIMS, INT8_2),
    Row(ops.Mean, "ReducerOptions", KEEP_DIMS, INT8_2_INT16_3),
    Row(ops.ReduceMax, "ReducerOptions", KEEP_DIMS, INT8_2_INT16_3),
    Row(ops.ReduceMin, "ReducerOptions", KEEP_DIMS, INT8_2_INT16_3),
    Row(ops.ReduceProd, "ReducerOptions", KEEP_DIMS, MATH),
    Row(ops.ReduceAny, "ReducerOptions", KEEP_DIMS),
    Row(ops.ReduceAll, "ReducerOptions", KEEP_DIMS),
    Row(ops.ArgMax, "ArgMaxOptions", OUTPUT_TYPE, by_type(bool=3, int8=2)),
    Row(ops.ArgMin, "ArgMinOptions", OUTPUT_TYPE, by_type(bool=3, int8=2)),
    Row(ops.TopkV2, "TopKV2Options", version=versions.topk_v2),
    Row(ops.Cumsum, "CumsumOptions", _same("exclusive", "reverse")),
]

CONVOLUTIONS = [
    Row(
        ops.Conv2D,
        "Conv2DOptions",
        (PADDING, STRIDE_2D, DILATION_2D, ACTIVATION, *BIAS_TYPE),
        versions.conv_2d,
    ),
    Row(
        ops.DepthwiseConv2D,
        "DepthwiseConv2DOptions",
        (PADDING, STRIDE_2D, DILATION_2D, *_same("depth_multiplier"), ACTIVATION),
        versions.depthwise_conv_2d,
    ),
    Row(
        ops.TransposeConv,
        "TransposeConvOptions",
        (PADDING, STRIDE_2D, ACTIVATION, *BIAS_TYPE),
        versions.transpose_conv,
    ),
    Row(ops.Conv3D, "Conv3DOptions", CONV_3D),
    Row(ops.Conv3DTranspose, "Conv3DOptions", CONV_3D),
    Row(
        ops.FullyConnected,
        "FullyConnectedOptions",
        (
            ACTIVATION,
            *_same("weights_format", kind=codec.name_of(schema.FullyConnectedOptionsWeightsFormat)),
            *_same("keep_num_dims"),
            *ASYMMETRIC,
            *BIAS_TYPE,
        ),
        versions.fully_connected,
    ),
    Row(ops.BatchMatmul, "BatchMatMulOptions", _same("adj_x", "adj_y") + ASYMMETRIC, versions.batch_matmul),
]

WINDOWS = [
    Row(ops.AveragePool2D, "Pool2DOptions", POOL, INT8_2_INT16_3),
    Row(ops.MaxPool2D, "Pool2DOptions", POOL, INT8_2_INT16_3),
    Row(ops.L2Pool2D, "Pool2DOptions", POOL),
    Row(ops.ResizeBilinear, "ResizeBilinearOptions", RESIZE, versions.resize_bilinear),
    Row(ops.ResizeNearestNeighbor, "ResizeNearestNeighborOptions", RESIZE, versions.resize_nearest_neighbor),
    Row(
        ops.ReduceWindow,
        "ReduceWindowOptions",
        _same("reduce_function", kind=codec.name_of(schema.ReduceWindowFunction)),
    ),
    Row(ops.Dilate, "DilateOptions"),
]

SHAPES = [
    Row(ops.Reshape, "ReshapeOptions", _same("new_shape", kind=codec.OPTIONAL_INTS)),
    Row(ops.ExpandDims, "ExpandDimsOptions"),
    Row(ops.Squeeze, "SqueezeOptions", _same("squeeze_dims", kind=codec.INTS), by_type(string=2)),
    Row(ops.Transpose, "TransposeOptions", version=versions.transpose),
    Row(ops.Slice, "SliceOptions", version=versions.slice_),
    Row(
        ops.StridedSlice,
        "StridedSliceOptions",
        _same("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "offset"),
        versions.strided_slice,
    ),
    Row(ops.Pad, "PadOptions", version=versions.pad),
    Row(ops.PadV2, "PadV2Options", version=versions.pad),
    Row(
        ops.MirrorPad,
        "MirrorPadOptions",
        _same("mode", kind=codec.name_of(schema.MirrorPadMode)),
        INT8_2_INT16_3,
    ),
    Row(ops.Tile, "TileOptions", version=by_type(int8=3, string=2)),
    Row(ops.BroadcastTo, "BroadcastToOptions", version=by_type(default=2, int8=3, int16=3, float8=4)),
    Row(
        ops.Concatenation,
        "ConcatenationOptions",
        (*_same("axis"), ACTIVATION),
        by_type(float8=7, float16=6, int4=5, uint32=4, int16=3, int8=2),
    ),
    Row(ops.Split, "SplitOptions", _same("num_splits"), by_type(at=1, float8=5, int16=4, int32=3, int8=2)),
    Row(ops.SplitV, "SplitVOptions", _same("num_splits"), by_type(float8=3, int8=2)),
    Row(ops.Pack, "PackOptions", _same("values_count", "axis"), by_type(float8=5, int8=2, int16=3, uint32=4)),
    Row(
        ops.Unpack,
        "UnpackOptions",
        _same("num", "axis"),
        by_type(float8=6, int8=2, uint8=2, bool=3, int16=4, float16=5, bfloat16=5),
    ),
    Row(ops.SpaceToDepth, "SpaceToDepthOptions", _same("block_size"), INT8_2),
    Row(ops.DepthToSpace, "DepthToSpaceOptions", _same("block_size"), INT8_2),
    Row(ops.SpaceToBatchNd, "SpaceToBatchNDOptions", version=versions.space_to_batch_nd),
    Row(ops.BatchToSpaceNd, "BatchToSpaceNDOptions", version=versions.space_to_batch_nd),
    Row(ops.ReverseV2, "ReverseV2Options", version=by_type(float8=4, int8=3, bool=2)),
    Row(ops.ReverseSequence, "ReverseSequenceOptions", _same("seq_dim", "batch_dim")),
    Row(ops.MatrixDiag, "MatrixDiagOptions"),
    Row(ops.MatrixSetDiag, "MatrixSetDiagOptions"),
]

INDEXING = [
    Row(ops.Gather, "GatherOptions", _same("axis", "batch_dims"), versions.gather),
    Row(ops.GatherNd, "GatherNdOptions", version=versions.gather_nd),
    Row(ops.ScatterNd, "ScatterNdOptions"),
    Row(ops.DynamicUpdateSlice, "DynamicUpdateSliceOptions", version=versions.dynamic_update_slice),
    Row(ops.OneHot, "OneHotOptions", _same("axis")),
    Row(ops.Where, "WhereOptions", version=by_type(default=2, bool=1)),
    Row(ops.Unique, "UniqueOptions", _same("idx_out_type", kind=codec.DTYPE)),
    Row(ops.EmbeddingLookup, version=versions.embedding_lookup),
    Row(ops.Bucketize, "BucketizeOptions", _same("boundaries", kind=codec.FLOATS)),
    Row(ops.SegmentSum, "SegmentSumOptions"),
    Row(ops.UnsortedSegmentSum, "UnsortedSegmentSumOptions"),
    Row(ops.UnsortedSegmentProd, "UnsortedSegmentProdOptions"),
    Row(ops.UnsortedSegmentMax, "UnsortedSegmentMaxOptions"),
    Row(ops.UnsortedSegmentMin, "UnsortedSegmentMinOptions"),
    Row(
        ops.SparseToDense,
        "SparseToDenseOptions",
        _same("validate_indices"),
        by_type(at=2, int8=3, uint8=3, int64=2),
    ),
    Row(ops.NonMaxSuppressionV4, "NonMaxSuppressionV4Options"),
    Row(ops.NonMaxSuppressionV5, "NonMaxSuppressionV5Options"),
    Row(ops.BroadcastArgs),
]

CREATION = [
    Row(ops.Shape, "ShapeOptions", _same("out_type", kind=codec.DTYPE)),
    Row(ops.Rank, "RankOptions"),
    Row(ops.Range, "RangeOptions", version=by_type(int64=2)),
    Row(ops.Fill, "FillOptions", version=by_type(at=1, float8=5, float16=4, int8=3, int16=3, bool=2, string=2)),
    Row(ops.ZerosLike, "ZerosLikeOptions"),
    Row(ops.RandomUniform, "RandomOptions", RANDOM),
    Row(ops.RandomStandardNormal, "RandomOptions", RANDOM),
    Row(ops.Multinomial, "RandomOptions", RANDOM, derive=lambda results: {"output_type": results[0].dtype}),
    Row(ops.Rfft2d, "Rfft2dOptions"),
]

QUANTISATION = [
    Row(
        ops.Quantize,
        "QuantizeOptions",
        version=versions.quantize,
        derive=lambda results: {"to": results[0].dtype},
    ),
    Row(ops.Dequantize, "DequantizeOptions", version=versions.dequantize),
    Row(ops.FakeQuant, "FakeQuantOptions", _same("min", "max", "num_bits", "narrow_range"), versions.fake_quant),
    Row(ops.Densify, "DensifyOptions"),
]

RECURRENT = [
    Row(
        ops.UnidirectionalSequenceLstm,
        "UnidirectionalSequenceLSTMOptions",
        (ACTIVATION, *_same("cell_clip", "proj_clip", "time_major", "diagonal_recurrent_tensors"), *ASYMMETRIC),
        versions.unidirectional_sequence_lstm,
    ),
    Row(
        ops.BidirectionalSequenceLstm,
        "BidirectionalSequenceLSTMOptions",
        (ACTIVATION, *_same("cell_clip", "proj_clip", "merge_outputs", "time_major"), *ASYMMETRIC),
        versions.recurrent,
    ),
    Row(
        ops.UnidirectionalSequenceRnn,
        "SequenceRNNOptions",
        (*_same("time_major"), ACTIVATION, *ASYMMETRIC),
        versions.recurrent,
    ),
    Row(
        ops.BidirectionalSequenceRnn,
        "BidirectionalSequenceRNNOptions",
        (*_same("time_major"), ACTIVATION, *_same("merge_outputs"), *ASYMMETRIC),
        versions.recurrent,
    ),
    Row(
        ops.Lstm,
        "LSTMOptions",
        (
            ACTIVATION,
            *_same("cell_clip", "proj_clip"),
            *_same("kernel_type", kind=codec.name_of(schema.LSTMKernelType)),
            *ASYMMETRIC,
        ),
        versions.lstm,
    ),
    Row(ops.Rnn, "RNNOptions", (ACTIVATION, *ASYMMETRIC), versions.recurrent),
    Row(ops.Svdf, "SVDFOptions", (*_same("rank"), ACTIVATION, *ASYMMETRIC), versions.svdf),
]

CONTROL = [
    Row(ops.If, "IfOptions", (_graph("then_subgraph"), _graph("else_subgraph"))),
    Row(ops.While, "WhileOptions", (_graph("cond_subgraph"), _graph("body_subgraph"))),
    Row(ops.CallOnce, "CallOnceOptions", (_graph("init_subgraph"),)),
    Row(ops.VarHandle, "VarHandleOptions", _same("container", "shared_name", kind=codec.TEXT)),
    Row(ops.ReadVariable, "ReadVariableOptions"),
    Row(ops.AssignVariable, "AssignVariableOptions"),
]

STABLEHLO = [
    Row(ops.StablehloAdd),
    Row(ops.StablehloMultiply),
    Row(ops.StablehloMaximum),
    Row(ops.StablehloMinimum),
    Row(ops.StablehloShiftLeft, "StablehloShiftLeftOptions"),
    Row(
        ops.StablehloPad,
        "StablehloPadOptions",
        _same("edge_padding_low", "edge_padding_high", "interior_padding", kind=codec.INTS),
    ),
    Row(
        ops.StablehloGather,
        "StablehloGatherOptions",
        _same("offset_dims", "collapsed_slice_dims", "start_index_map", "slice_sizes", kind=codec.INTS)
        + _same("index_vector_dim", "indices_are_sorted"),
    ),
    Row(
        ops.StablehloScatter,
        "StablehloScatterOptions",
        (
            *_same("update_window_dims", "inserted_window_dims", "scatter_dims_to_operand_dims", kind=codec.INTS),
            *_same("indices_are_sorted", "index_vector_dim", "unique_indices"),
            _graph("update_computation_subgraph"),
        ),
    ),
    Row(
        ops.StablehloReduceWindow,
        "StablehloReduceWindowOptions",
        (
            *_same("window_dimensions", "window_strides", "base_dilations", "window_dilations", kind=codec.INTS),
            *_same("padding", kind=codec.INTS),
            _graph("body_subgraph"),
        ),
    ),
    Row(
        ops.StablehloCase,
        "StablehloCaseOptions",
        (Field("branch_subgraphs", ("branchSubgraphIndices",), codec.GRAPHS),),
    ),
    Row(
        ops.StablehloComposite,
        "StableHLOCompositeOptions",
        (
            Field("composite_name", ("name",), codec.TEXT),
            _graph("decomposition_subgraph"),
            *_same("composite_attributes", kind=codec.BYTES),
            *_same("version"),
        ),
    ),
]

ROWS = (
    ARITHMETIC
    + ACTIVATIONS
    + COMPARISONS
    + REDUCTIONS
    + CONVOLUTIONS
    + WINDOWS
    + SHAPES
    + INDEXING
    + CREATION
    + QUANTISATION
    + RECURRENT
    + CONTROL
    + STABLEHLO
)
BY_CLASS = {row.operator: row for row in ROWS}
BY_NAME = {row.operator.name: row for row in ROWS}
