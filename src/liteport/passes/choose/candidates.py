"""candidates: the forms of a site as graphs of their own, to be run and timed beside each other."""

from __future__ import annotations

import numpy as np

from liteport.ir.graph import Graph, Module
from liteport.ir.types import Array
from liteport.passes.choose.choose import Choice
from liteport.passes.choose.cut import Cut
from liteport.passes.choose.rule import AS_EMITTED, Rule, Site
from liteport.passes.fold import Evaluate
from liteport.passes.pipeline import optimise


def candidates(rule: Rule, site: Site, evaluate: Evaluate) -> dict[str, Graph]:
    """`site` in each form that it can take, AS_EMITTED first, each optimised as in a conversion, by what follows there.

    Other rules apply to what the forms are made of; this one does not again.
    """
    others = Choice(decide=lambda asked, _, names: AS_EMITTED if asked is rule else None)
    graphs: dict[str, Graph] = {}
    for form in dict.fromkeys([AS_EMITTED, *rule.names(site)]):
        graphs[form] = Cut.of(site).write(rule, form).graph
        optimise(Module([graphs[form]]), evaluate, others, since=rule.stage)
    return graphs


def random_inputs(graph: Graph, seed: int = 0) -> list[Array]:
    """Standard-normal numbers for the inputs of a candidate, zeros and ones for those in integers and bools."""
    rng = np.random.default_rng(seed)
    return [
        np.asarray(rng.standard_normal(v.shape) if v.dtype.is_float else rng.integers(0, 2, v.shape), v.dtype.numpy)
        for v in graph.inputs
    ]
