"""What the lowerings share: promotion as in torch.result_type, and axes."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

from liteport.frontends.torch.context import DTYPES, tensor_type
from liteport.frontends.torch.ops._common import align, axes, axis, promote
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Value
from liteport.ir.types import DType, TensorType

TYPES = [torch.float32, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]
OPERANDS: list[Any] = [torch.ones(shape, dtype=t) for t in TYPES for shape in ((2,), ())] + [True, 2, 2.5]


@pytest.mark.parametrize("left", OPERANDS[:-3], ids=lambda t: f"{t.dtype}-{t.ndim}")
def test_promotion_of_pairs(left: torch.Tensor) -> None:
    for right in OPERANDS:
        values = [Value(tensor_type(t)) if isinstance(t, torch.Tensor) else t for t in (left, right)]
        assert promote(*values) is DTYPES[torch.result_type(left, right)], right


def test_promotion_of_three() -> None:
    shapes: list[Any] = [(2,), ()]
    for (s1, t1), (s2, t2) in product(product(shapes, TYPES), repeat=2):
        x, y = torch.ones(s1, dtype=t1), torch.ones(s2, dtype=t2)
        assert promote(Value(tensor_type(x)), Value(tensor_type(y)), 2.5) is DTYPES[(x * y * 2.5).dtype]


@pytest.mark.parametrize(
    ("dim", "rank", "expected"),
    [(None, 3, [0, 1, 2]), ([], 2, [0, 1]), (-1, 3, [2]), ([2, -3], 3, [0, 2]), (0, 0, []), (None, 0, []), (-1, 0, [])],
)
def test_axes(dim: Any, rank: int, expected: list[int]) -> None:
    assert axes(dim, rank) == expected


def test_axis() -> None:
    assert [axis(-1, 3), axis(0, 0), axis(-1, 0), axis(1, 3)] == [2, 0, 0, 1]


def test_align() -> None:
    b = Builder(Graph())
    values = [b.input(TensorType(DType.FLOAT32, s), "x") for s in ((4,), (2, 3, 4), (), (1,))]
    assert [v.shape for v in align(b, [*values, b.const([1.0, 2, 3, 4])])] == [(1, 1, 4), (2, 3, 4), (), (1,), (4,)]
