"""Operators that TensorFlow's converter has no builtin for, or not for their type: converted, and held to TensorFlow."""

from __future__ import annotations

import logging
from collections.abc import Callable
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


EMPTY = tf.zeros([0])
BACK, FORTH = "RESHAPE BATCH_TO_SPACE_ND " * 3 + "RESHAPE", "RESHAPE SPACE_TO_BATCH_ND " * 3 + "RESHAPE"
CASES = [
    Case("contrast", lambda x: raw.AdjustContrastv2(images=x, contrast_factor=1.5), ((2, 5, 4, 3),), "MEAN SUB MUL ADD"),
    Case("about equal", lambda x, y: raw.ApproximateEqual(x=x, y=y, tolerance=0.5), ((3, 4), (3, 4)), "SUB ABS LESS"),
    Case("clip", lambda x: raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.5), ((3, 4),), "MAXIMUM MINIMUM"),
    Case("count", lambda x: raw.Bincount(arr=x, size=7, weights=EMPTY), (((3, 4), INT32),), "RESHAPE ONE_HOT SUM"),
    Case("weighted", lambda x, w: raw.DenseBincount(input=x, size=7, weights=w), (((3, 4), INT64), (3, 4)), "ONE_HOT RESHAPE MUL SUM"),
    Case("which", lambda x: raw.DenseBincount(input=x, size=7, weights=EMPTY, binary_output=True), (((3, 4), INT64),), "ONE_HOT REDUCE_MAX"),
    Case("block of one", blocks(raw.BatchToSpaceND, [2], [[0, 1]]), ((8, 3, 4, 2),), "RESHAPE BATCH_TO_SPACE_ND RESHAPE"),
    Case("blocks of three", blocks(raw.BatchToSpaceND, [2, 3, 2], [[0, 1], [1, 0], [0, 0]]), ((24, 2, 3, 4, 2),), BACK),
    Case("into blocks", blocks(raw.SpaceToBatchND, [2, 3, 2], [[0, 1], [1, 0], [0, 0]]), ((None, 3, 5, 4, 2),), FORTH, "batch"),
    Case("narrow integers", lambda x, y: x + y, (((3, 4), INT8), ((4,), INT8)), "CAST CAST ADD CAST"),
    Case("float64", lambda x, y: x * y + 1, (((3, 4), tf.float64), ((4,), tf.float64)), "CAST CAST MUL ADD CAST"),
]  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
def test_converted(case: Case) -> None:
    typed = [each if isinstance(each[-1], tf.DType) else (each, tf.float32) for each in case.inputs]
    function = tf.function(case.call).get_concrete_function(*(tf.TensorSpec(*each) for each in typed))
    model = liteport.convert(function, dynamic=case.dynamic, verify=2)
    assert " ".join(op.name for op in model.module.graphs[0].ops) == case.ops
