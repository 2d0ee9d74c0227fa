"""infer on operands that do not fit: an InvalidGraphError, never another exception."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.errors import InvalidGraphError
from liteport.ir.graph import Value, constant
from liteport.ir.types import DType, TensorType
from tests.ir.ops.one_op import Case, build
from tests.ir.ops.table import CASES

DRAWS = 40


def mangled(rng: np.random.Generator, value: Value | None) -> Value | None:
    """Another shape, another type, other numbers, or nothing at all."""
    if value is None:
        return None
    match rng.integers(0, 5):
        case 0:
            return None
        case 1:
            return Value(TensorType(value.dtype, tuple(rng.integers(0, 5, rng.integers(0, 6)).tolist())), "x")
        case 2:
            return Value(TensorType(DType.INT16, value.shape), "x")
        case 3 if value.is_const:
            return constant(rng.integers(-3, 4, rng.integers(0, 6)).astype(value.dtype.numpy))
    return value


@pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in CASES])
def test_infer_refuses_what_does_not_fit(case: Case) -> None:
    dtype = case.dtypes[0]
    operands = build(case, dtype).ops[0].inputs
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        changed = [mangled(rng, v) if rng.random() < 0.5 else v for v in operands]
        try:
            types = case.operator.infer(*changed[: rng.integers(0, len(changed) + 1)])
        except InvalidGraphError:
            continue
        assert all(isinstance(d, int) and d >= 0 for t in types for d in t.shape)
