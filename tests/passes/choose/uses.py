"""How often a rule is taken in a module of PyTorch, once the file's results are held to PyTorch's in float64."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import torch
from torch import nn

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.passes.choose.choose import Choice, Prefer
from liteport.passes.choose.rule import Rule
from liteport.passes.pipeline import optimise


def uses_of(
    rule: Rule,
    module: nn.Module,
    shape: tuple[int, ...],
    form: str | None = None,
    *,
    prefer: Prefer = Prefer.BALANCED,
    tolerance: float = 2e-6,
) -> int:
    """Where `form` is given, a measurement is taken to have chosen it wherever the rule offers it."""

    def decide(asked: Rule, _: object, names: object) -> str | None:
        return form if asked is rule else None

    x = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    model = TorchModel({"main": Entry(module.eval(), (x,))})
    ir, choice = model.to_ir(), Choice(prefer, decide if form else None)
    optimise(ir, evaluate, choice, debug=True)
    inputs = model.example("main")
    (have,) = LiteRT(to_bytes(ir), threads=1).run(inputs).values()
    with torch.no_grad():
        want = deepcopy(module).double()(x.double()).numpy()
    np.testing.assert_allclose(have, want, rtol=0, atol=tolerance * max(1.0, float(np.abs(want).max())))
    return sum(use.rule is rule for use in choice.used)
