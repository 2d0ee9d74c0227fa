"""Arguments of any structure to named inputs, and outputs back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from liteport.calling import bind, structured
from liteport.errors import UsageError

F = np.zeros((2, 3), np.float32)
N = np.zeros(4, np.int64)
EXAMPLE = {"x": F, "batch_b": F, "batch_a_0": N}
ONE, TWO, IDS = F + 1, F + 2, N + 3

# name, args, kwargs
CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("by position", (ONE, TWO, IDS), {}),
    ("nested", (ONE, {"b": TWO, "a": [IDS]}), {}),
    ("a dict in another order", (ONE, {"a": (IDS,), "b": TWO}), {}),
    ("by name", (), {"batch_a_0": IDS, "x": ONE, "batch_b": TWO}),
    ("both", (ONE,), {"batch_a_0": IDS, "batch_b": TWO}),
    ("a dict of names", ({"batch_a_0": IDS, "x": ONE, "batch_b": TWO},), {}),
    ("the source's own keyword", (ONE,), {"batch": {"b": TWO, "a": [IDS]}}),
    ("None is no input", (ONE, None, {"b": TWO, "a": [IDS]}), {"mask": None}),
    ("tensors", (torch.ones(2, 3), torch.full((2, 3), 2.0), torch.full((4,), 3)), {}),
    ("tensors that need a gradient", (torch.ones(2, 3, requires_grad=True), TWO, IDS), {}),
    ("half", (torch.ones(2, 3).half(), torch.full((2, 3), 2.0).bfloat16(), torch.full((4,), 3, dtype=torch.int32)), {}),
    ("eighths", (torch.ones(2, 3).to(torch.float8_e4m3fn), TWO, IDS), {}),
    ("doubles", (ONE.astype(np.float64), TWO.T.copy().T, IDS.astype(np.int16)), {}),
]


@pytest.mark.parametrize(("args", "kwargs"), [c[1:] for c in CALLS], ids=[c[0] for c in CALLS])
def test_bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    bound = bind(EXAMPLE, args, kwargs)
    assert list(bound) == list(EXAMPLE)
    for name, value in (("x", ONE), ("batch_b", TWO), ("batch_a_0", IDS)):
        np.testing.assert_array_equal(bound[name], value)
        assert bound[name].dtype == value.dtype
        assert bound[name].flags.c_contiguous


def test_scalars() -> None:
    bound = bind({"n": np.zeros((), np.float32)}, (2.5,), {})
    assert bound["n"].shape == ()
    assert bound["n"] == 2.5


# name, args, kwargs, the message
ERRORS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("missing", (ONE, TWO), {}, "no value for input batch_a_0: the model takes x float32[2,3], batch_b"),
    ("unknown", (ONE, TWO, IDS), {"z": ONE}, "unknown input z: the model takes"),
    ("too many", (ONE, TWO, IDS, IDS), {}, "too many inputs: the model takes 3 (x, batch_b, batch_a_0)"),
    ("twice", (ONE, TWO, IDS), {"x": ONE}, "input x is given twice"),
    ("shape", (ONE.T, TWO, IDS), {}, "input x takes float32[2,3], not float32[3,2]"),
    ("kind", (ONE, TWO, IDS + 0.5), {}, "input batch_a_0 takes int64[4], not float64[4]"),
    ("keys", (ONE, {"q": TWO, "a": [IDS]}), {}, "which input is q? Give the inputs by name"),
]


@pytest.mark.parametrize(("args", "kwargs", "says"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_errors(args: tuple[Any, ...], kwargs: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as caught:
        bind(EXAMPLE, args, kwargs)
    assert says in str(caught.value)


def test_structured() -> None:
    assert structured({"anything": ONE}) is ONE
    assert structured({"output_0": ONE, "output_1": TWO}) == (ONE, TWO)
    assert structured({"output_0": ONE, "output_2": TWO}) == {"output_0": ONE, "output_2": TWO}
    assert structured({"b": ONE, "a": TWO}) == {"b": ONE, "a": TWO}
    assert structured({}) == ()
