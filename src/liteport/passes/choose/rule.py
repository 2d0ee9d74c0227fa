"""rule: what is known about one thing that can be computed in several equal forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from liteport.ir.builder import Builder
from liteport.ir.graph import Graph, Op, Value
from liteport.ir.ops.base import Operator
from liteport.passes.choose.example import Example

AS_EMITTED = "as emitted"
"""The form that a site has by itself, as a candidate among a rule's forms."""


class Kind(Enum):
    """What a form's gain rests on, and so who decides."""

    ALWAYS = "always"
    """The kernel's structure: it leaves its fast path, repeats data, or does needless work on any machine."""
    TUNED = "tuned"
    """Caches and vector widths: measured on the machine at hand (tune=), else left as emitted."""
    TRADED = "traded"
    """A larger file or a larger error is what it costs: only where latency comes first (prefer="latency")."""
    PLAIN = "plain"
    """Not speed: other runtimes' kernels that take fewer dimensions (prefer="plain")."""


class Stage(Enum):
    """When a rule is asked."""

    EARLY = "early"
    """In the source's order of dimensions, before the layout, which then places the transposes of the new form."""
    LATE = "late"
    """With channels last, once kernels carry their padding, scales and activations."""
    LAST = "last"
    """When nothing is simplified any more: movements that look needless, and are not to the kernels."""


@dataclass(frozen=True)
class Site:
    """A place where a rule applies: the operations that its forms replace, in order.

    The results of the last one are what a form computes anew; the others are dropped where nothing else uses them:
    those that a form goes on using stand there for what other rules make of them with it.
    """

    ops: tuple[Op, ...]

    @property
    def op(self) -> Op:
        """The last operation."""
        return self.ops[-1]

    @property
    def inputs(self) -> list[Value]:
        """What the operations take from outside, constants apart, each once."""
        made = {id(value) for op in self.ops for value in op.outputs}
        taken = (v for op in self.ops for v in op.inputs if v is not None and not v.is_const)
        return [v for v in dict.fromkeys(taken) if id(v) not in made]


Form = Callable[[Builder, Site], Value | Sequence[Value]]
"""Writes the results of a site's last operation in another way."""

Match = Callable[[Graph, Op], Site | str | None]
"""The site that ends in an operation; why there is none, where it looks like one; None for anything else."""


@dataclass(frozen=True)
class Rule:
    """`before => after` in other words for all sizes: the condition, the forms, and what they gained where measured.

    on: the operators that a site may end in. match: the condition. forms: by name. candidates: the names of the forms
    that a site can take, of which the first is taken where nobody measures; AS_EMITTED may be one of them.
    gain: the measured figures behind the rule. rests_on: what of the kernels or of the machine they come from.
    examples: sites of typical shapes, for the tests, the benchmark and the docs. tolerance: how far the forms
    may be apart, relative to the largest number: a few roundings.
    """

    name: str
    kind: Kind
    before: str
    after: str
    on: tuple[type[Operator], ...]
    match: Match
    forms: Mapping[str, Form]
    gain: str
    rests_on: str
    examples: Sequence[Example]
    candidates: Callable[[Site], Sequence[str]] | None = None
    stage: Stage = Stage.LATE
    tolerance: float = 2e-6

    def names(self, site: Site) -> Sequence[str]:
        """The forms that `site` can take, the one for when nobody measures first."""
        return self.candidates(site) if self.candidates else tuple(self.forms)

    def site_of(self, example: Example) -> Site:
        """The site of an example. Raises ValueError where the rule does not see it."""
        graph = example.graph()
        found = [self.match(graph, op) for op in graph.find(*self.on)]
        site = next((site for site in found if isinstance(site, Site)), None)
        if site is None:
            raise ValueError(f"{self.name} finds no site in {example.id}: {found}")
        return site
