"""Every operator in TensorFlow against LiteRT: the table of one-operator models, on two draws of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from liteport.backends.tflite.writer import to_bytes
from liteport.formats.tensorflow.runtime import tensorflow
from liteport.ir import ops
from liteport.ir.graph import Module
from liteport.ir.types import DType
from tests.ir.ops.one_op import SIGNATURE, Case, State, T, build, inputs
from tests.ir.ops.table import CASES

tf = tensorflow()

from liteport.backends.tensorflow.ops import EMITTERS  # noqa: E402
from liteport.backends.tensorflow.walk import Walk  # noqa: E402
from liteport.backends.tensorflow.weights import Variables  # noqa: E402
from liteport.passes.decompose import DECOMPOSITIONS  # noqa: E402
from tests.ir.ops.test_ops import CLASSES  # noqa: E402

# One type of each sort: kernels of TensorFlow differ by sort, not by width.
TYPES = {DType.FLOAT32, DType.INT32, DType.INT8, DType.BOOL, DType.COMPLEX64, DType.FLOAT16}

# What a negative exponent or shift gives is nobody's promise.
NOT_NEGATIVE = {"POW", "RIGHT_SHIFT", "STABLEHLO_SHIFT_LEFT"}
# Seeds lead to other numbers.
RANDOM = {"RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL", "MULTINOMIAL"}
# LiteRT's kernels of two directions read memory that nobody wrote: other numbers with every run. See below.
TWO_DIRECTIONS = {"BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN"}

ROWS = [
    pytest.param(c, t, id=f"{c.id}-{t.name.lower()}")
    for c in CASES
    for t in c.dtypes
    if t in TYPES and c.id not in TWO_DIRECTIONS
]


def plain(case: Case, dtype: DType) -> dict[str, Any]:
    """The table's own numbers; boxes that have an area."""
    found = inputs(case, dtype)
    if case.id.startswith("NON_MAX_SUPPRESSION"):
        corners = np.random.default_rng(0).uniform(0, 3, (5, 2))
        found["x0"] = np.concatenate([corners, corners + 2], 1).astype(np.float32)
        found["x1"] = np.linspace(0.1, 0.9, 5, dtype=np.float32)
    return found


def signed(case: Case, dtype: DType) -> dict[str, Any]:
    """Numbers on both sides of zero, where the type under test has any."""
    found = plain(case, dtype)
    if case.id in NOT_NEGATIVE or case.id.startswith("NON_MAX_SUPPRESSION"):
        return found
    rng = np.random.default_rng(1)
    for index, spec in enumerate(case.operands):
        if isinstance(spec, T) and spec.dtype is None and dtype in (DType.FLOAT32, DType.INT32):
            numbers = rng.normal(0, 3, spec.shape) if dtype is DType.FLOAT32 else rng.integers(1, 9, spec.shape)
            found[f"x{index}"] = np.asarray(numbers * rng.choice([-1, 1], spec.shape), dtype.numpy)
    return found


@pytest.mark.parametrize(("case", "dtype"), ROWS)
def test_the_operation_computes_what_the_kernel_does(case: Case, dtype: DType) -> None:
    graph = build(case, dtype)
    module = Module([graph, *case.bodies])
    model = to_bytes(module)
    for drawn in (plain(case, dtype), signed(case, dtype)):
        runner = Interpreter(model_content=model, num_threads=1).get_signature_runner(SIGNATURE)
        results = Walk(module, Variables()).write(graph, [tf.constant(drawn[name]) for name in graph.input_names])
        for name, result in zip(graph.output_names, results, strict=True):
            same(np.asarray(runner(**drawn)[name]), result.numpy(), case.id in RANDOM)


ONE_WAY = {
    "BIDIRECTIONAL_SEQUENCE_LSTM": (ops.UnidirectionalSequenceLstm(), 17, [None] * 4),
    "BIDIRECTIONAL_SEQUENCE_RNN": (ops.UnidirectionalSequenceRnn(), 3, []),
}
"""By case: the operator for one direction, how many weights it has, and what else it takes."""


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES if c.id in TWO_DIRECTIONS])
def test_two_directions_are_two_kernels_of_one(case: Case) -> None:
    graph = build(case, DType.FLOAT32)
    drawn = signed(case, DType.FLOAT32)
    results = Walk(Module([graph]), Variables()).write(graph, [tf.constant(drawn["x0"])])
    have = np.concatenate([result.numpy() for result in results], -1)
    operator, count, rest = ONE_WAY[case.id]
    states = [State((2, 5))] * (2 if count > 3 else 1)
    ways = []
    for number, step in enumerate((1, -1)):
        first = 1 + number * (count if count > 3 else count + 1)
        one = Case(operator, [case.operands[0], *case.operands[first : first + count], *states, *rest])
        runner = Interpreter(model_content=to_bytes(Module([build(one, DType.FLOAT32)]))).get_signature_runner(
            SIGNATURE
        )
        ways.append(runner(x0=np.ascontiguousarray(drawn["x0"][:, ::step]))["out0"][:, ::step])
    same(np.concatenate(ways, -1), have, random=False)


def same(want: Any, have: Any, random: bool) -> None:
    assert (have.shape, have.dtype) == (want.shape, want.dtype)
    if random:
        return
    if want.dtype.kind not in "fc":
        np.testing.assert_array_equal(have, want)
        return
    step = 2e-3 if want.dtype == np.float16 else 4e-6
    np.testing.assert_allclose(have, want, rtol=step, atol=step)


def test_every_class_has_an_emitter() -> None:
    written_out = {ops.DynamicQuantize, ops.MatmulInteger, ops.ConvInteger}  # by a pass, before anything is emitted
    assert written_out <= set(DECOMPOSITIONS)
    assert set(CLASSES) - set(EMITTERS) == {ops.Opaque, *written_out}
