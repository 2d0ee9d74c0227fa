"""Operators with slow kernels against PyTorch, where their forms are weighed against what is preferred."""

from __future__ import annotations

from torch import Tensor, nn

from liteport.passes.choose.choose import Prefer
from liteport.passes.choose.slow import POWER
from tests.passes.choose.uses import uses_of


class CubicMean(nn.Module):
    """The third root of the mean of |x| * |x| * |x|."""

    def forward(self, x: Tensor) -> Tensor:
        size = x.abs()
        cubes: Tensor = nn.functional.avg_pool2d(size * size * size, 2)
        return cubes ** (1 / 3)


def test_a_root_of_what_is_never_negative() -> None:
    assert uses_of(POWER, CubicMean(), (1, 4, 8, 8), tolerance=1e-5) == 1
    assert uses_of(POWER, CubicMean(), (1, 4, 8, 8), prefer=Prefer.PLAIN) == 0
