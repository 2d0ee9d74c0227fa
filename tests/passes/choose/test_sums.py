"""Sums of layers: the bias counts once, and what is clamped is the sum, not the terms."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.ops.base import Activation
from liteport.passes.choose.sums import sum_of
from tests.passes.support import make, run, weights


@pytest.mark.parametrize("activation", [Activation.NONE, Activation.RELU, Activation.RELU_N1_TO_1])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_layer_by_parts_of_its_input(count: int, activation: Activation) -> None:
    matrix, bias = weights(5, 12), weights(5, seed=1)

    def whole(b: Builder, xs: list[Value]) -> Value:
        return b.emit(ops.FullyConnected(activation=activation), xs[0], b.const(matrix), b.const(bias))

    def by_parts(b: Builder, xs: list[Value]) -> Value:
        def term(part: tuple[Value, Value], bias: Value) -> Value:
            return b.emit(ops.FullyConnected(), *part, bias)

        columns = [b.const(np.ascontiguousarray(each)) for each in np.split(matrix, count, axis=1)]
        return sum_of(b, zip(xs, columns, strict=True), term, b.const(bias), activation)

    parts = [weights(4, 12 // count, seed=2 + i) for i in range(count)]
    (expected,) = run(make(whole, [(4, 12)]), [np.concatenate(parts, axis=1)])
    graph = make(by_parts, [part.shape for part in parts])
    np.testing.assert_allclose(run(graph, parts)[0], expected, rtol=0, atol=1e-5)
