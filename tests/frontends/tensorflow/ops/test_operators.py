"""Operators that TensorFlow's converter has no builtin for, or not for their type: converted, and held to TensorFlow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tensorflow as tf

import liteport

logging.getLogger("absl").setLevel(logging.ERROR)

raw = tf.raw_ops
INT64, INT32, INT8 = tf.int64, tf.int32, tf.int8


class Case(NamedTuple):
    """`inputs` are shapes of float32, or shapes with a type."""

    id: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]
    ops: str
    dynamic: str | None = None


def blocks(operator: Any, block: list[int], margins: list[list[int]]) -> Callable[[Any], Any]:
    name = "crops" if operator is raw.BatchToSpaceND else "paddings"
    return lambda x: operator(input=x, block_shape=block, **{name: margins})


def patches(padding: str) -> Callable[[Any], Any]:
    options = {"ksizes": [1, 3, 2, 1], "strides": [1, 2, 1, 1], "rates": [1, 2, 1, 1], "padding": padding}
    return lambda x: raw.ExtractImagePatches(images=x, **options)


EMPTY = tf.zeros([0])
BACK, FORTH = "RESHAPE BATCH_TO_SPACE_ND " * 3 + "RESHAPE", "RESHAPE SPACE_TO_BATCH_ND " * 3 + "RESHAPE"
CASES = [
    Case("contrast", lambda x: raw.AdjustContrastv2(images=x, contrast_factor=1.5), ((2, 5, 4, 3),), "MEAN SUB MUL ADD"),
    Case("about equal", lambda x, y: raw.ApproximateEqual(x=x, y=y, tolerance=0.5), ((3, 4), (3, 4)), "SUB ABS LESS"),
    Case("clip", lambda x: raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.5), ((3, 4),), "MAXIMUM MINIMUM"),
    Case("checked", lambda x: raw.CheckNumericsV2(tensor=x + 1, message="no"), ((3, 4),), "ADD"),
    Case("count", lambda x: raw.Bincount(arr=x, size=7, weights=EMPTY), (((3, 4), INT32),), "RESHAPE ONE_HOT SUM"),
    Case("weighted", lambda x, w: raw.DenseBincount(input=x, size=7, weights=w), (((3, 4), INT64), (3, 4)), "ONE_HOT RESHAPE MUL SUM"),
    Case("which", lambda x: raw.DenseBincount(input=x, size=7, weights=EMPTY, binary_output=True), (((3, 4), INT64),), "ONE_HOT REDUCE_MAX"),
    Case("block of one", blocks(raw.BatchToSpaceND, [2], [[0, 1]]), ((8, 3, 4, 2),), "RESHAPE BATCH_TO_SPACE_ND RESHAPE"),
    Case("blocks of three", blocks(raw.BatchToSpaceND, [2, 3, 2], [[0, 1], [1, 0], [0, 0]]), ((24, 2, 3, 4, 2),), BACK),
    Case("into blocks", blocks(raw.SpaceToBatchND, [2, 3, 2], [[0, 1], [1, 0], [0, 0]]), ((None, 3, 5, 4, 2),), FORTH, "batch"),
    Case("norm", lambda x: raw.EuclideanNorm(input=x, axis=[0, 2], keep_dims=True), ((2, 3, 4),), "MUL SUM SQRT"),
    Case("mirrored", lambda x: raw.Reverse(tensor=x, dims=[True, False, True]), ((2, 3, 4),), "REVERSE_V2 REVERSE_V2"),
    Case("mirrored too", lambda x: tf.reverse(x, [2, 0]), ((2, 3, 4),), "REVERSE_V2 REVERSE_V2"),
    Case("remainder", lambda x: raw.TruncateMod(x=x, y=[0.3, -0.2, 0.4, -5.0]), ((3, 4),), "ABS FLOOR_MOD NEG LESS SELECT"),
    Case("real adjoint", lambda x: raw.ConjugateTranspose(x=x, perm=[1, 0]), ((3, 4),), "TRANSPOSE"),
    Case("line", lambda x, y: raw.LinSpace(start=x, stop=y, num=7), ((), ()), "SUB MUL MUL ADD SELECT_V2"),
    Case("one number", lambda x, y: raw.LinSpace(start=x, stop=y, num=1), ((), ()), "ADD"),
    Case("not in", lambda x, y: raw.ListDiff(x=x, y=y), (((8,), INT32), ((3,), INT32)), "RESHAPE EQUAL REDUCE_ANY LOGICAL_NOT WHERE RESHAPE CAST GATHER"),
    Case("distinct", lambda x: raw.UniqueWithCounts(x=x)[2], (((8,), INT32),), "UNIQUE RESHAPE SHAPE STRIDED_SLICE RESHAPE RANGE EQUAL CAST SUM"),
    Case("places", lambda x: raw.UnravelIndex(indices=x, dims=[3, 4, 5]), (((8,), INT32),), "FLOOR_DIV FLOOR_MOD " * 3 + "PACK"),
    Case("put in", lambda x: x[1, ..., None, ::2], ((2, 4, 7),), "STRIDED_SLICE RESHAPE"),
    Case("patches", patches("SAME"), ((2, 8, 7, 3),), "PADV2 SLICE GATHER SLICE GATHER GATHER GATHER GATHER GATHER CONCATENATION"),
    Case("narrow patches", patches("VALID"), ((2, 8, 7, 3),), "SLICE GATHER SLICE GATHER GATHER GATHER GATHER GATHER CONCATENATION"),
    Case("half size", lambda x: raw.ResizeNearestNeighbor(images=x, size=[4, 3]), (((2, 8, 3, 1), INT32),), "GATHER GATHER"),
    Case("five bits", lambda x: raw.FakeQuantWithMinMaxVars(inputs=x, min=-1.0, max=2.0, num_bits=5), ((50, 4),), "MAXIMUM MINIMUM SUB MUL ADD FLOOR MUL ADD"),
    Case("wide integers", lambda x: x // 3, (((4,), INT64),), "CAST FLOOR_DIV CAST"),
    Case("narrow integers", lambda x, y: x + y, (((3, 4), INT8), ((4,), INT8)), "CAST CAST ADD CAST"),
    Case("float64", lambda x, y: x * y + 1, (((3, 4), tf.float64), ((4,), tf.float64)), "CAST CAST MUL ADD CAST"),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_converted(case: Case) -> None:
    typed = [each if each and isinstance(each[-1], tf.DType) else (each, tf.float32) for each in case.inputs]
    function = tf.function(case.call).get_concrete_function(*(tf.TensorSpec(*each) for each in typed))
    model = liteport.convert(function, dynamic=case.dynamic, verify=2)
    assert " ".join(op.name for op in model.module.graphs[0].ops) == case.ops


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_where_the_largest_stands(padding: str) -> None:
    def call(x: Any) -> Any:
        options = {"ksize": [1, 3, 2, 1], "strides": [1, 2, 2, 1], "padding": padding}
        return raw.MaxPoolWithArgmax(input=x, include_batch_in_index=True, **options)

    liteport.convert(tf.function(call).get_concrete_function(tf.TensorSpec((2, 8, 7, 3))), verify=2)


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
def test_crops(method: str) -> None:
    """Boxes reach beyond the image, are turned around, and have one column."""
    boxes = [[0.1, 0.2, 0.7, 0.9], [-0.2, 0.1, 0.5, 1.3], [0.9, 0.8, 0.1, 0.0]]

    def call(x: Any, moved: Any) -> Any:
        given = tf.constant(boxes) + 0.05 * tf.tanh(moved)
        options = {"box_ind": [0, 1, 0], "method": method, "extrapolation_value": 0.5}
        return [raw.CropAndResize(image=x, boxes=given, crop_size=size, **options) for size in ([5, 4], [3, 1])]

    specs = tf.TensorSpec((2, 8, 7, 3)), tf.TensorSpec((3, 4))
    liteport.convert(tf.function(call).get_concrete_function(*specs), verify=3)


def test_batch_norm_in_training() -> None:
    """By the batch's own mean and variance, of which the running ones take a tenth."""

    def call(x: Any, mean: Any, variance: Any) -> Any:
        given = {"scale": [1.0, 2.0, 0.5], "offset": [0.1, 0.2, 0.3], "mean": mean, "variance": variance}
        norm = raw.FusedBatchNormV3(x=x, exponential_avg_factor=0.1, is_training=True, **given)
        return norm[:3]

    shape = (2, 4, 5, 3)
    liteport.convert(tf.function(call).get_concrete_function(*map(tf.TensorSpec, (shape, (3,), (3,)))), verify=2)


def test_variables_within_one_run(tmp_path: Path) -> None:
    """A variable that is set before it is read remembers nothing from one run to the next."""
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [3], "x")
        handle = raw.VarHandleOp(shape=[3], dtype=tf.float32)
        with tf.control_dependencies([raw.AssignVariableOp(resource=handle, value=[1.0, 2.0, 3.0])]):
            added = raw.AssignAddVariableOp(resource=handle, value=[0.5, 0.5, 0.5])
        with tf.control_dependencies([added]):
            tf.multiply(x, raw.ReadVariableOp(resource=handle, dtype=tf.float32), name="y")
    path = tmp_path / "variable.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    liteport.convert(path, verify=2)
