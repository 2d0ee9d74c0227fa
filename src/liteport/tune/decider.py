"""decider: who decides between equal forms during a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from liteport.passes.choose.rule import Rule, Site
from liteport.tune.record import Record


@runtime_checkable
class Decider(Protocol):
    """Is asked for the form of every site of a rule, and at the end for what there is to say."""

    @property
    def record(self) -> Record | None:
        """What was measured, or gone by."""

    def decide(self, rule: Rule, site: Site, names: Sequence[str], /) -> str | None:
        """One of `names`, of which the first is the default; None for the default."""

    def finish(self) -> list[str]:
        """Notes for the user."""


Tune = bool | float | str | Path | Record | Decider
"""Whether to measure, for how many seconds, or which record to go by."""
