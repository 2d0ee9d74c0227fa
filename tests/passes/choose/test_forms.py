"""Every form of every rule computes what the form as emitted does, in LiteRT, on the rule's own examples."""

from __future__ import annotations

import numpy as np
import pytest

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.ir.graph import Graph, Module
from liteport.ir.types import Array
from liteport.passes.choose.candidates import candidates, random_inputs
from liteport.passes.choose.example import Example
from liteport.passes.choose.rule import AS_EMITTED, Rule
from liteport.passes.choose.rules import RULES

EXAMPLES = [pytest.param(rule, e, id=f"{rule.name}: {e.id}") for rule in RULES for e in rule.examples]


def run(graph: Graph, inputs: list[Array]) -> list[Array]:
    given = {v.name: array for v, array in zip(graph.inputs, inputs, strict=True)}
    results = LiteRT(to_bytes(Module([graph])), threads=1).run(given)
    return [results[name] for name in graph.output_names]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_all_forms_agree(rule: Rule, example: Example) -> None:
    graphs = candidates(rule, rule.site_of(example), evaluate)
    assert len(graphs) > 1
    inputs = random_inputs(graphs[AS_EMITTED], seed=1)
    expected = run(graphs.pop(AS_EMITTED), inputs)
    for form, graph in graphs.items():
        for want, have in zip(expected, run(graph, inputs), strict=True):
            np.testing.assert_array_equal(np.isnan(want), np.isnan(have))  # roots of negative numbers
            want, have = np.nan_to_num(want), np.nan_to_num(have)
            scale = float(np.abs(want).max(initial=1.0))
            worst = float(np.abs(have.astype(np.float64) - want).max(initial=0.0))
            assert worst <= rule.tolerance * scale, f"{form}: {worst / scale:.2g} of the largest number"


def test_names_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
