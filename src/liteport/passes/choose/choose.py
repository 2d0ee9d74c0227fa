"""choose: every site of a rule gets the form that is fastest, or that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from liteport.errors import UsageError
from liteport.ir.graph import Graph
from liteport.passes.base import Pass
from liteport.passes.choose.cut import Cut, apply
from liteport.passes.choose.price import BAR, Price, price
from liteport.passes.choose.rule import AS_EMITTED, Kind, Rule, Site, Stage
from liteport.passes.choose.rules import RULES
from liteport.passes.fold import Evaluate

PLAIN_RANK = 4

Decide = Callable[[Rule, Site, Sequence[str]], str | None]
"""Which of these forms a site gets, the first being the one that it gets by itself; None to leave it to the rule."""


class Prefer(Enum):
    """What forms are chosen for."""

    BALANCED = "balanced"
    """Speed, at no cost in bytes or accuracy beyond rounding."""
    LATENCY = "latency"
    """Speed, also at a cost, which is reported."""
    SIZE = "size"
    """No form that makes the file larger."""
    PLAIN = "plain"
    """The fewest and most ordinary operators, of at most 4 dimensions: for GPU delegates, NPUs and microcontrollers."""


def preference(name: str) -> Prefer:
    """The preference of that name. Raises UsageError."""
    if name not in [each.value for each in Prefer]:
        raise UsageError(f"prefer {name!r}: it is one of {', '.join(each.value for each in Prefer)}")
    return Prefer(name)


@dataclass(frozen=True)
class Use:
    """A form that a site was given, and what it costs where it is one that is traded; `place` is where the site stands
    in the source, or its result's name."""

    rule: Rule
    form: str
    place: str
    price: Price | None = None

    def __str__(self) -> str:
        return f"{self.rule.name} at {self.place}: {self.price}"


@dataclass(frozen=True)
class Choice:
    """How to choose. `decide` is asked at every site that there is more than one form for; `used` collects what
    was taken, over all graphs."""

    prefer: Prefer = Prefer.BALANCED
    decide: Decide | None = None
    used: list[Use] = field(default_factory=list)

    @property
    def traded(self) -> list[Use]:
        """The forms taken that cost something."""
        return [use for use in self.used if use.price is not None]


@dataclass(frozen=True)
class Choose(Pass):
    """site   =>   one of the forms of the first rule in the list that it matches

    `evaluate` runs a graph of constants, to tell what a form costs in accuracy.
    """

    stage: Stage
    choice: Choice
    evaluate: Evaluate
    rules: Sequence[Rule] = RULES

    def run(self, graph: Graph) -> bool:
        changed = False
        for rule in (r for r in self.rules if r.stage is self.stage and self._offers(r)):
            for op in graph.find(*rule.on):
                site = rule.match(graph, op) if op in graph.ops else None
                if isinstance(site, str):
                    self.decline(op, f"{rule.name}: {site}")
                elif site is not None:
                    changed |= self._apply(graph, rule, site)
        return changed

    def _offers(self, rule: Rule) -> bool:
        wanted = {Kind.TRADED: Prefer.LATENCY, Kind.PLAIN: Prefer.PLAIN}
        return self.choice.prefer is wanted.get(rule.kind, self.choice.prefer)

    def _apply(self, graph: Graph, rule: Rule, site: Site) -> bool:
        names = [name for name in rule.names(site) if name == AS_EMITTED or self._admits(rule, site, name)]
        form = names[0] if names and rule.kind is not Kind.TUNED else AS_EMITTED
        if self.choice.decide and names:
            form = self.choice.decide(rule, site, tuple(dict.fromkeys([form, AS_EMITTED, *names]))) or form
        if form == AS_EMITTED:
            return False
        cost = price(rule, form, site, self.evaluate) if rule.kind is Kind.TRADED else None
        if cost is not None and not cost.mean < BAR:
            self.decline(site.op, f"{rule.name}: {cost.mean:.1e} is more than verification allows")
            return False
        self.choice.used.append(Use(rule, form, str(site.op.source) or site.op.output.name, cost))
        apply(rule, form, graph, site)
        return True

    def _admits(self, rule: Rule, site: Site, form: str) -> bool:
        """Whether what is preferred allows the form."""
        if self.choice.prefer not in (Prefer.SIZE, Prefer.PLAIN) or rule.kind is Kind.PLAIN:
            return True
        before, after = (self._left(rule, site, each) for each in (AS_EMITTED, form))
        if self.choice.prefer is Prefer.SIZE:
            return after.size <= before.size
        return len(after.graph.ops) <= len(before.graph.ops) and after.rank <= max(before.rank, PLAIN_RANK)

    def _left(self, rule: Rule, site: Site, form: str) -> Cut:
        """The site in that form, with what the other rules make of it."""
        cut = Cut.of(site).write(rule, form)
        others = [each for each in self.rules if each is not rule and each.kind is Kind.ALWAYS]
        Choose(self.stage, Choice(), self.evaluate, others).run(cut.graph)
        return cut
