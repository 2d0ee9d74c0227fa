"""The codec table: every row both ways, and the versions it asks for."""

from __future__ import annotations

import dataclasses
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from liteport.formats.tflite import codec, table
from liteport.ir import ops
from liteport.ir.graph import Op, Value, constant
from liteport.ir.types import DType, Quantization, TensorType
from liteport.passes.decompose import DECOMPOSITIONS

GRAPHS = ["main", "body", "other"]
F32, F16, I8, I16, I32, I64, U8 = (
    DType.FLOAT32, DType.FLOAT16, DType.INT8, DType.INT16, DType.INT32, DType.INT64, DType.UINT8,
)  # fmt: skip

NAMED = {
    "weights_format": "SHUFFLED4x16INT8",
    "mode": "SYMMETRIC",
    "reduce_function": "MAXIMUM",
    "kernel_type": "BASIC",
    "container": "box",
    "shared_name": "count",
    "composite_name": "test.thing",
}


def varied(operator: type[ops.Operator]) -> ops.Operator:
    """The operator with no attribute at its default."""
    return operator(**{f.name: _other(f.name, f.default) for f in dataclasses.fields(operator)})


def _other(name: str, default: Any) -> Any:
    match default:
        case bool():
            return not default
        case DType():
            return DType.INT16 if default is not DType.INT16 else DType.INT32
        case ops.Activation():
            return ops.Activation.RELU_N1_TO_1
        case ops.Padding():
            return ops.Padding.SAME
        case int():
            return default + 3
        case float():
            return 0.5
        case bytes():
            return b"\x01\x02\x03"
        case str():
            return "body" if name.endswith("subgraph") else NAMED[name]
        case tuple() if name == "branch_subgraphs":
            return ("other", "body")
        case tuple() if name == "boundaries":
            return (0.25, 1.5)
        case tuple():
            return tuple(range(2, 2 + (len(default) or 3)))
        case None:
            return (4, -1)
    raise TypeError(f"{name} = {default!r}")


def operation(operator: ops.Operator, *types: TensorType, result: DType = F32) -> Op:
    return Op(operator, [Value(t, "x") for t in types], [Value(TensorType(result, (2, 3)), "y")])


def packed(options: Any) -> Any:
    """The options object after a way through a flatbuffer."""
    builder = flatbuffers.Builder()
    builder.Finish(options.Pack(builder))
    return type(options).InitFromPackedBuf(bytes(builder.Output()))


@pytest.mark.parametrize("row", [pytest.param(row, id=row.operator.name) for row in table.ROWS])
def test_every_row_carries_every_attribute_both_ways(row: codec.Row) -> None:
    operator = varied(row.operator)
    result = getattr(operator, "to", getattr(operator, "output_type", F32))
    op = operation(operator, TensorType(F32, (2, 3)), result=result)
    options = codec.encode_options(row, op, GRAPHS)
    carried = packed(options) if options is not None else None
    assert codec.decode_options(row, carried, op.outputs, GRAPHS) == operator


@pytest.mark.parametrize("row", [pytest.param(row, id=row.operator.name) for row in table.ROWS])
def test_rows_name_what_the_schema_has(row: codec.Row) -> None:
    assert isinstance(codec.builtin_number(row.operator.name), int)
    if not row.options:
        assert not row.fields
        return
    options = codec.new_options(row.options)
    assert sum(n > 0 for n in codec.union_number(options)) == 1
    assert {name for f in row.fields for name in f.names} <= set(vars(options))


def test_every_operator_class_has_one_row() -> None:
    classes = {c for c in vars(ops).values() if isinstance(c, type) and issubclass(c, ops.Operator) and c.name}
    # Opaque carries its own name and options; passes take BindSize and composites out before anything is written.
    assert set(table.BY_CLASS) == classes - {ops.Opaque, ops.BindSize, *DECOMPOSITIONS}
    assert len(table.ROWS) == len(table.BY_CLASS) == len(table.BY_NAME)


def test_options_left_out_are_the_schemas_defaults() -> None:
    row = table.BY_CLASS[ops.BatchMatmul]
    assert codec.decode_options(row, None, [], GRAPHS) == ops.BatchMatmul()


def test_an_option_without_words_is_not_swallowed() -> None:
    options = schema.StableHLOCompositeOptionsT(name=b"a", decompositionSubgraphIndex=1, compositeAttributesFormat=1)
    with pytest.raises(codec.UnknownOptionError, match="compositeAttributesFormat"):
        codec.decode_options(table.BY_CLASS[ops.StablehloComposite], options, [], GRAPHS)


def test_an_unknown_number_of_an_enum_is_not_swallowed() -> None:
    with pytest.raises(codec.UnknownOptionError, match="Padding has no 7"):
        codec.decode_options(table.BY_CLASS[ops.MaxPool2D], schema.Pool2DOptionsT(padding=7), [], GRAPHS)


def test_a_graph_that_is_not_there_is_an_error() -> None:
    options = schema.WhileOptionsT(condSubgraphIndex=1, bodySubgraphIndex=9)
    with pytest.raises(ValueError, match="no subgraph 9"):
        codec.decode_options(table.BY_CLASS[ops.While], options, [], GRAPHS)


def per_channel(type: TensorType, channels: int) -> Value:
    return Value(type, "w", quantization=Quantization((0.5,) * channels, (0,) * channels))


IMAGE = TensorType(F32, (1, 4, 4, 2))
KERNEL = (3, 1, 1, 2)
VERSIONS: list[tuple[ops.Operator, list[Value | TensorType], DType, int]] = [
    (ops.Add(), [TensorType(F32, (2,))] * 2, F32, 1),
    (ops.Add(), [TensorType(F16, (2,))] * 2, F16, 6),
    (ops.Add(), [TensorType(I64, (2,))] * 2, I64, 4),
    (ops.Add(), [TensorType(I16, (2,))] * 2, I16, 5),
    (ops.Sub(), [TensorType(F32, (2,) * 5), TensorType(F32, (2,))], F32, 3),
    (ops.Mul(), [TensorType(I64, (2,))] * 2, I64, 5),
    (ops.BroadcastTo(), [TensorType(F32, (2,))], F32, 2),
    (ops.BroadcastTo(), [TensorType(I8, (2,))], I8, 3),
    (ops.Conv2D(), [IMAGE, TensorType(F32, KERNEL)], F32, 1),
    (ops.Conv2D(), [IMAGE, TensorType(F32, (4, 1, 1, 1))], F32, 6),
    (ops.Conv2D(), [IMAGE, TensorType(I8, KERNEL)], F32, 2),
    (ops.Conv2D(), [IMAGE, per_channel(TensorType(I8, KERNEL), 3)], F32, 5),
    (ops.Conv2D(), [TensorType(I8, (1, 4, 4, 2)), TensorType(I8, KERNEL)], I8, 3),
    (ops.DepthwiseConv2D(dilation=(2, 2)), [IMAGE, TensorType(F32, (1, 1, 1, 2))], F32, 2),
    (ops.FullyConnected(), [TensorType(F32, (1, 2))] * 3, F32, 1),
    (ops.FullyConnected(keep_num_dims=True), [TensorType(F32, (1, 2))] * 3, F32, 5),
    (ops.FullyConnected(), [TensorType(F32, (1, 2))] * 2, F32, 6),
    (ops.FullyConnected(), [TensorType(F32, (1, 2)), per_channel(TensorType(I8, (2, 2)), 2)], F32, 12),
    (ops.TransposeConv(), [TensorType(I32, (4,)), TensorType(F32, KERNEL), IMAGE], F32, 1),
    (ops.TransposeConv(), [TensorType(I32, (4,)), TensorType(F32, KERNEL), IMAGE, TensorType(F32, (3,))], F32, 3),
    (ops.TransposeConv(activation=ops.Activation.RELU), [TensorType(I32, (4,)), IMAGE, IMAGE], F32, 4),
    (ops.Transpose(), [TensorType(F32, (2,) * 7)], F32, 8),
    (ops.Transpose(), [TensorType(F32, (2,) * 4)], F32, 1),
    (ops.Slice(), [TensorType(F32, (2,) * 5)], F32, 5),
    (ops.StridedSlice(new_axis_mask=1), [TensorType(F32, (2,))], F32, 6),
    (ops.StridedSlice(offset=True), [TensorType(F32, (2,))], F32, 8),
    (ops.Pad(), [TensorType(F32, (2,) * 5)], F32, 4),
    (ops.Cast(to=F16), [TensorType(F32, (2,))], F16, 5),
    (ops.Cast(to=I8), [TensorType(F32, (2,))], I8, 3),
    (ops.Cast(to=I32), [TensorType(F32, (2,))], I32, 1),
    (ops.ResizeBilinear(half_pixel_centers=True), [IMAGE], F32, 3),
    (ops.ResizeNearestNeighbor(align_corners=True), [IMAGE], F32, 3),
    (ops.Gather(batch_dims=1), [TensorType(F32, (2, 3))], F32, 5),
    (ops.Split(), [TensorType(I32, ()), TensorType(I32, (4,))], I32, 3),
    (ops.Where(), [TensorType(F32, (2,))], I64, 2),
    (ops.Where(), [TensorType(DType.BOOL, (2,))], I64, 1),
    (ops.Dequantize(), [TensorType(F16, (2,))], F32, 3),
    (ops.Quantize(to=I16), [TensorType(F32, (2,))], I16, 2),
    (ops.FloorDiv(), [TensorType(F32, (2,))] * 2, F32, 2),
    (ops.Range(), [TensorType(I64, ())] * 3, I64, 2),
    (ops.Sign(), [TensorType(I32, (2,))], I32, 2),
    (ops.Abs(), [TensorType(I32, (2,))], I32, 5),
    (ops.ArgMax(), [TensorType(DType.BOOL, (2,))], I64, 3),
    (ops.Softmax(), [TensorType(F16, (2,))], F16, 4),
    (ops.Concatenation(), [TensorType(F16, (2,))] * 2, F16, 6),
    (ops.Fill(), [TensorType(I32, (1,)), TensorType(DType.BOOL, ())], DType.BOOL, 2),
    (ops.Relu(), [TensorType(U8, (2,))], U8, 2),
]


@pytest.mark.parametrize(
    ("operator", "operands", "result", "version"),
    [pytest.param(*row, id=f"{row[0].name}-{row[3]}-{i}") for i, row in enumerate(VERSIONS)],
)
def test_versions(operator: ops.Operator, operands: list[Any], result: DType, version: int) -> None:
    op = operation(operator, result=result)
    op.inputs = [v if isinstance(v, Value) else Value(v, "x") for v in operands]
    assert codec.version_of(table.BY_CLASS[type(operator)], op) == version


def test_a_files_own_version_stays() -> None:
    op = operation(ops.Relu(), TensorType(F32, (2,)))
    op.version = 3
    assert codec.version_of(table.BY_CLASS[ops.Relu], op) == 3


def test_sparse_weights_ask_for_their_version() -> None:
    weights = constant(np.zeros((2, 2), np.float32))
    weights.extra["sparsity"] = object()
    op = operation(ops.FullyConnected(), TensorType(F32, (1, 2)))
    op.inputs += [weights, None]
    assert codec.version_of(table.BY_CLASS[ops.FullyConnected], op) == 8
