"""sites: where in a graph, as it stands, the rules know another form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from liteport.ir.graph import Graph
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site
from liteport.passes.choose.rules import RULES


def sites(graph: Graph, rules: Sequence[Rule] = RULES) -> Iterator[tuple[Rule, Site]]:
    """Every site with its rule, in the rules' order; nothing is changed."""
    for rule in rules:
        for op in graph.find(*rule.on):
            site = rule.match(graph, op)
            if isinstance(site, Site):
                yield rule, site


def advice(graph: Graph, rules: Sequence[Rule] = RULES) -> dict[int, str]:
    """The numbers of the operations that a rule may make faster, and what to call for that."""
    numbers = {id(op): number for number, op in enumerate(graph.ops)}
    found: dict[int, str] = {}
    for rule, site in sites(graph, rules):
        how = _how(rule, rule.names(site))
        for op in () if how is None else site.ops:
            found.setdefault(numbers[id(op)], f"{rule.name}: liteport convert{how}")
    return found


def _how(rule: Rule, names: Sequence[str]) -> str | None:
    """The option that lets a rule take one of these forms; None where none is faster than the form as it is."""
    if rule.kind is Kind.PLAIN or not set(names) - {AS_EMITTED}:
        return None
    if rule.kind is Kind.TUNED or names[0] == AS_EMITTED:
        return " --tune"
    return " --prefer latency" if rule.kind is Kind.TRADED else ""
