"""Graphs' values."""

from __future__ import annotations

import numpy as np

from liteport.ir.graph import constant


def test_a_constant_of_a_numpy_scalar_has_memory_of_its_own() -> None:
    assert isinstance(constant(np.float32(2) * np.float32(3)).data, np.ndarray)
