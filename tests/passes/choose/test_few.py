"""Convolutions with few results against PyTorch, in the form that a measurement may choose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.passes.choose.choose import Choice
from liteport.passes.choose.few import FEW_RESULTS
from liteport.passes.pipeline import optimise

TAKEN = [
    ("one", nn.Conv2d(8, 1, 3, padding=1), (9, 10)),
    ("three, not padded", nn.Conv2d(8, 3, 3), (9, 10)),
    ("four, and a clamp", nn.Sequential(nn.Conv2d(8, 4, 5, padding=2), nn.ReLU()), (8, 8)),
    ("more padding than it sees", nn.Conv2d(8, 2, 3, padding=4), (5, 6)),
]
LEFT = [
    ("five", nn.Conv2d(8, 5, 3), (9, 10)),
    ("1x1", nn.Conv2d(8, 1, 1), (9, 10)),
    ("by steps", nn.Conv2d(8, 1, 3, stride=2), (9, 10)),
    ("smaller than a block", nn.Conv2d(8, 1, 3, padding=1), (3, 3)),
]


def uses_of(module: nn.Module, size: tuple[int, int]) -> int:
    """How many places take the form, after the file's results are held to PyTorch's."""
    x = torch.randn(1, 8, *size, generator=torch.Generator().manual_seed(0))
    model = TorchModel({"main": Entry(module.eval(), (x,))})
    ir, choice = model.to_ir(), Choice(decide=lambda rule, site, names: "blocks" if rule is FEW_RESULTS else None)
    optimise(ir, evaluate, choice, debug=True)
    inputs = model.example("main")
    (want,), (have,) = model.run(inputs, "main").values(), LiteRT(to_bytes(ir), threads=1).run(inputs).values()
    np.testing.assert_allclose(have, want, rtol=0, atol=2e-6 * max(1.0, float(np.abs(want).max())))
    return sum(use.rule is FEW_RESULTS for use in choice.used)


@pytest.mark.parametrize(("module", "size"), [pytest.param(*row[1:], id=row[0]) for row in TAKEN])
def test_taken(module: nn.Module, size: tuple[int, int]) -> None:
    assert uses_of(module, size) == 1


@pytest.mark.parametrize(("module", "size"), [pytest.param(*row[1:], id=row[0]) for row in LEFT])
def test_left(module: nn.Module, size: tuple[int, int]) -> None:
    assert uses_of(module, size) == 0
