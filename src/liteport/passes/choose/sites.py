"""sites: where in a graph, as it stands, the rules know another form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from liteport.ir.graph import Graph
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.choose.rules import RULES

_HOW = {
    Kind.ALWAYS: "liteport convert",
    Kind.TUNED: "liteport convert --tune",
    Kind.TRADED: "liteport convert --prefer latency",
}


def sites(graph: Graph, rules: Sequence[Rule] = RULES) -> Iterator[tuple[Rule, Site]]:
    """Every site with its rule, in the rules' order; nothing is changed."""
    for rule in rules:
        for op in graph.find(*rule.on):
            site = rule.match(graph, op)
            if isinstance(site, Site) and any(name != AS_EMITTED for name in rule.names(site)):
                yield rule, site


def advice(graph: Graph) -> dict[int, str]:
    """The numbers of the operations that a rule would replace, and what to call for that."""
    numbers = {id(op): number for number, op in enumerate(graph.ops)}
    found: dict[int, str] = {}
    for rule, site in sites(graph):
        for op in site.ops:
            found.setdefault(numbers[id(op)], f"{rule.name}: {_HOW[rule.kind]}")
    return found
