"""Layers as sums of layers over parts of their kernel or of their input."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.ir.ops.base import Activation
from liteport.passes.fuse_activation import FUSED

CLAMPS = {activation: operator for operator, activation in FUSED.items()}

Part = TypeVar("Part")
Term = Callable[[Part, Value], Value]
"""A part's share of the result, with a bias, and not clamped."""


def sum_of(b: Builder, parts: Iterable[Part], term: Term[Part], bias: Value, activation: Activation) -> Value:
    """The sum of the terms of the parts, of which the first has the bias; each is made just before it is added.

    The activation is part of the last sum; that of a lone term, one of CLAMPS.
    """
    first, *others = parts
    nothing = b.const(np.zeros(bias.shape, np.float32))
    total = term(first, bias)
    for number, part in enumerate(others, 1):
        last = activation if number == len(others) else Activation.NONE
        total = b.emit(ops.Add(activation=last), total, term(part, nothing))
    return total if others or activation is Activation.NONE else b.emit(CLAMPS[activation](), total)
