"""Products of computed matrices, from PyTorch and from a file that was written before."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.frontends.tflite.reader import read
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.ir.graph import Module
from liteport.passes.choose.choose import Choice, Prefer
from liteport.passes.choose.matrices import TURNED
from liteport.passes.pipeline import optimise

Forward = Callable[[Tensor, Tensor], Tensor]

# What multiplies, the shapes of its inputs, and how many products get the form.
CASES: dict[str, tuple[Forward, tuple[int, ...], tuple[int, ...], int]] = {
    "in three dimensions": (lambda x, y: x @ y, (4, 7, 48), (4, 48, 32), 1),
    "in two": (lambda x, y: x @ y, (7, 96), (96, 64), 1),
    "in four, one batch for all": (lambda x, y: x @ y, (2, 3, 7, 64), (1, 3, 64, 32), 1),
    "a part of what was transposed": (lambda x, y: x @ y.permute(1, 0, 2, 3)[1], (3, 7, 64), (3, 2, 64, 32), 1),
    "rows that are turned for it": (lambda x, y: x @ y.mT, (4, 7, 48), (4, 32, 48), 0),
    "heads that a transpose makes": (lambda x, y: x @ y.transpose(1, 2), (2, 3, 7, 48), (2, 48, 3, 32), 0),
    "small": (lambda x, y: x @ y, (4, 7, 8), (4, 8, 16), 0),
}


class Of(nn.Module):
    def __init__(self, forward: Forward) -> None:
        super().__init__()
        self.computed = forward

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.computed(x, y)


def uses(module: Module, prefer: Prefer = Prefer.BALANCED) -> int:
    choice = Choice(prefer)
    optimise(module, evaluate, choice, debug=True)
    return sum(use.rule is TURNED for use in choice.used)


def graphs(case: str) -> tuple[TorchModel, Module]:
    forward, *shapes, _ = CASES[case]
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(shape, generator=generator) for shape in shapes)
    model = TorchModel({"main": Entry(Of(forward).eval(), (x, y))})
    return model, model.to_ir()


@pytest.mark.parametrize("case", CASES)
def test_where_it_is_taken(case: str) -> None:
    model, ir = graphs(case)
    assert uses(ir) == CASES[case][-1]
    inputs = model.example("main")
    (want,), (have,) = model.run(inputs, "main").values(), LiteRT(to_bytes(ir), threads=1).run(inputs).values()
    np.testing.assert_allclose(have, want, rtol=0, atol=2e-6 * float(np.abs(want).max()))


def test_a_file_that_has_the_form_keeps_it() -> None:
    _, ir = graphs("in three dimensions")
    uses(ir)
    again = read(to_bytes(ir))
    assert uses(again) == 1
    assert [op.name for op in again.graphs[0].ops] == [op.name for op in ir.graphs[0].ops]


def test_plain_files_have_no_more_operators() -> None:
    _, ir = graphs("in three dimensions")
    assert uses(ir, Prefer.PLAIN) == 0
    assert [op.name for op in ir.graphs[0].ops] == ["BATCH_MATMUL"]
