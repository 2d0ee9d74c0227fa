"""What PyTorch's spatial operators share: numbers for each dimension, tensors without a batch."""

from __future__ import annotations

from collections.abc import Sequence

from liteport.errors import UnsupportedError
from liteport.ir.builder import Builder
from liteport.ir.graph import Value
from liteport.lowering import basic

Ints = int | Sequence[int]


def per_dimension(numbers: Ints, space: int) -> tuple[int, ...]:
    """One number for each of `space` dimensions: a single one, or a list of one, counts for all."""
    given = [numbers] if isinstance(numbers, int) else list(numbers)
    return tuple(int(n) for n in (given * space if len(given) == 1 else given))


def floating(x: Value, what: str) -> None:
    """Raises UnsupportedError where x holds integers: LiteRT's kernels take those for quantised numbers."""
    if not x.dtype.is_float:
        raise UnsupportedError(f"{what} of {x.type}: convert the input to floating point first")


def batched(b: Builder, x: Value, space: int) -> tuple[Value, bool]:
    """[C,*space] as [1,C,*space], and whether it had no batch."""
    return (basic.unsqueeze(b, x, 0), True) if x.rank == space + 1 else (x, False)
