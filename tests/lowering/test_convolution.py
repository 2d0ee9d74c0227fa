"""What convolutions can do beyond PyTorch's arguments: padding by sides, any part of a transposed result."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from liteport.lowering import convolution
from liteport.lowering.convolution import Steps, Window
from tests.lowering.run import run

RNG = np.random.default_rng(0)


def _random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("pads", [((1, 0), (0, 2)), ((0, 1), (1, 0)), ((-1, 0), (2, -2)), ((0, 0), (0, 3))])
def test_padding_by_sides(pads: tuple[tuple[int, int], ...], stride: int, groups: int) -> None:
    x, w = _random(1, 4, 6, 7), _random(4, 4 // groups, 3, 2)
    (top, bottom), (left, right) = pads
    padded = F.pad(torch.tensor(x), (left, right, top, bottom))
    expected = F.conv2d(padded, torch.tensor(w), stride=stride, groups=groups).numpy()
    steps = Steps((stride, stride), (1, 1), pads)
    got = run(lambda b, a, k: convolution.conv(b, a, k, None, steps, groups), x, w)
    np.testing.assert_allclose(got, expected, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("stride", "kernel"), [((2, 2), (3, 4)), ((1, 3), (2, 2)), ((2, 1), (1, 3))])
@pytest.mark.parametrize("begin", [(0, 0), (1, 2), (3, 0)])
@pytest.mark.parametrize("size", [(3, 4), (7, 6), (20, 15)])
def test_windows_of_the_transposed(
    size: tuple[int, int], begin: tuple[int, int], stride: tuple[int, int], kernel: tuple[int, int], groups: int
) -> None:
    x, w, bias = _random(1, 4, 4, 5), _random(4, 4 // groups, *kernel), _random(4)
    full = F.conv_transpose2d(torch.tensor(x), torch.tensor(w), stride=stride, groups=groups)
    (top, left), (height, width) = begin, size
    whole = F.pad(full, (0, left + width, 0, top + height))[:, :, top : top + height, left : left + width]
    window = Window(begin, size, stride, (1, 1))
    got = run(lambda b, a, k: convolution.conv_transpose(b, a, k, b.const(bias), window, groups), x, w)
    np.testing.assert_allclose(got, whole.numpy() + bias[:, None, None], atol=1e-5)


@pytest.mark.parametrize("blocks", [(2, 2), (2, 3), (3,), (2, 1, 3)])
def test_depth_to_space(blocks: tuple[int, ...]) -> None:
    size = (2, 3, 4)[: len(blocks)]
    x = _random(2, *size, int(np.prod(blocks)) * 3)
    got = run(lambda b, v: convolution.depth_to_space(b, v, blocks), x)
    for place in np.ndindex(*(n * s for n, s in zip(size, blocks, strict=True))):
        outer = tuple(p // s for p, s in zip(place, blocks, strict=True))
        inner = np.ravel_multi_index([p % s for p, s in zip(place, blocks, strict=True)], blocks)
        np.testing.assert_array_equal(got[(0, *place)], x[(0, *outer)][inner * 3 : inner * 3 + 3])
