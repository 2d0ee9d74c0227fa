"""Running results along an axis: sums by CUMSUM, everything else that is associative by doubling."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import numpy as np

from liteport.ir import ops
from liteport.ir.types import DType
from liteport.lowering import basic
from liteport.lowering.formula import Number, Term, maximum, minimum, where


def cumsum(x: Term, axis: int) -> Term:
    """Running sums along `axis`."""
    if x.value.rank == 0:
        return x
    return Term(x.b, x.b.emit(ops.Cumsum(), x.value, x.b.const(axis)))


def scan(x: Term, axis: int, combine: Callable[[Term, Term], Term], identity: Number) -> Term:
    """Running results of an associative `combine` along `axis`: log2(n) steps, each over the whole tensor."""
    if x.value.rank == 0:
        return x
    b, size = x.b, x.value.shape[axis]
    step = 1
    while step < size:
        pads = [(step, 0) if i == axis else (0, 0) for i in range(x.value.rank)]
        earlier = basic.pad(b, basic.narrow(b, x.value, axis, 0, size - step), pads, identity)
        x = combine(Term(b, earlier), x)
        step *= 2
    return x


def cumulative_extreme(x: Term, axis: int, *, largest: bool) -> tuple[Term, Term]:
    """The running maximum (or minimum) along `axis`, and the int32 place where it last occurred."""
    choose = maximum if largest else minimum
    values = scan(x, axis, choose, _least(x.value.dtype, largest))
    if x.value.rank == 0:
        return values, Term(x.b, basic.scalar(x.b, 0, DType.INT32))
    shape = [-1 if i == axis else 1 for i in range(x.value.rank)]
    places = Term(x.b, x.b.const(np.arange(x.value.shape[axis], dtype=np.int32).reshape(shape)))
    return values, scan(where(x.equals(values), places, 0), axis, maximum, 0)


def _least(dtype: DType, largest: bool) -> Number:
    """What loses against every number of the type."""
    if dtype.is_float:
        return -inf if largest else inf
    limits = np.iinfo(dtype.numpy)
    return int(limits.min if largest else limits.max)
