"""price: what a form costs over the one as emitted, in bytes and in accuracy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liteport.ir.graph import Graph, constant
from liteport.ir.types import Array
from liteport.passes.choose.cut import Cut
from liteport.passes.choose.rule import AS_EMITTED, Rule, Site
from liteport.passes.fold import Evaluate

# The mean error, relative to the mean of the results, that verification allows a whole network.
BAR = 1e-6


@dataclass(frozen=True)
class Price:
    """`bytes` more in the file; the mean and the largest difference of the results on standard-normal inputs,
    relative to their mean and largest magnitude (or 1)."""

    bytes: int
    mean: float
    worst: float

    def __str__(self) -> str:
        return f"{self.bytes:+,} bytes, a difference of up to {self.worst:.1e} of the largest number"


def price(rule: Rule, form: str, site: Site, evaluate: Evaluate) -> Price:
    """The cost of giving `site` that form, with its own weights."""
    cuts = [Cut.of(site).write(rule, each) for each in (AS_EMITTED, form)]
    before, after = (cut.size for cut in cuts)
    pairs = list(zip(*(_results(cut.graph, evaluate) for cut in cuts), strict=True))
    apart = [np.abs(have - want) for want, have in pairs]
    mean = max(float(a.mean() / max(1.0, np.abs(want).mean())) for a, (want, _) in zip(apart, pairs, strict=True))
    worst = max(float(a.max() / max(1.0, np.abs(want).max())) for a, (want, _) in zip(apart, pairs, strict=True))
    return Price(after - before, mean, worst)


def _results(graph: Graph, evaluate: Evaluate) -> list[Array]:
    """The graph's results on standard-normal inputs, in float64."""
    rng = np.random.default_rng(0)
    for value in graph.inputs:
        numbers = rng.standard_normal(value.shape).astype(value.dtype.numpy)
        graph.replace_value(value, constant(numbers, value.name))
    graph.inputs, graph.input_names = [], []
    return [np.asarray(result, np.float64) for result in evaluate(graph)]
