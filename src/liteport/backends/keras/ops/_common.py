"""What emitters of several families share."""

from __future__ import annotations

from liteport.backends.keras.emission import Emission, open_shape
from liteport.ir.graph import Value
from liteport.ir.types import Shape


def ints(e: Emission, value: Value, what: str) -> list[int]:
    """The numbers of a constant operand. Raises UnsupportedError where they are computed."""
    if not value.is_const or value.has_sizes:
        raise e.refuse(f"computes {what} while it runs")
    return [int(n) for n in value.array.reshape(-1)]


def integer(e: Emission, value: Value, what: str) -> int:
    """The number of a constant operand of one element; errors as in `ints`."""
    (number,) = ints(e, value, what)
    return number


def fixed(e: Emission, shape: Shape, what: str) -> Shape:
    """The shape. Raises UnsupportedError where a size is open."""
    if None in open_shape(shape):
        raise e.refuse(f"{what} a tensor of open size")
    return shape
