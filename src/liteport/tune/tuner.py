"""tuner: decides between forms by measuring them on this machine, or by what a record says."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import evaluate
from liteport.errors import UsageError
from liteport.ir.graph import Module
from liteport.passes.choose.candidates import candidates
from liteport.passes.choose.rule import Rule, Site
from liteport.quiet import GREETING, without
from liteport.tune import runner
from liteport.tune.key import key
from liteport.tune.record import Place, Record, Time, fastest

BUDGET = 60.0
# For one place: so many seconds, and no more than this share of what is left.
_SECONDS, _SHARE = 3.0, 0.1

Told = Callable[[int, int], None]
"""Is told how many seconds of how many are spent."""


@dataclass
class Tuner:
    """Decides at every site of a conversion. Sites with the same key are measured once.

    Measures for `seconds` in all, and leaves what it does not get to to the rules; with 0 it only goes by `record`.
    `record` is extended by what is measured.
    """

    record: Record
    seconds: float = 0.0
    told: Told | None = None
    spent: float = 0.0
    asked: dict[Place, str | None] = field(default_factory=dict)
    changed: int = 0

    @classmethod
    def measuring(cls, seconds: float = BUDGET, threads: int = 1, told: Told | None = None) -> Tuner:
        """One that measures on this machine."""
        return cls(Record(runner.device(), runner.runtime(), threads), seconds, told)

    @classmethod
    def replaying(cls, record: Record | str | Path) -> Tuner:
        """One that goes by a record. Raises InputError for a file that is none."""
        return cls(record if isinstance(record, Record) else Record.load(record))

    def decide(self, rule: Rule, site: Site, names: Sequence[str]) -> str | None:
        """The form for `site`; None, which leaves it to the rule, where nothing is known of it. The first of `names` is
        the default."""
        place = rule.name, key(site)
        if place not in self.record.places and self.spent < self.seconds:
            self._measure(rule, site, place)
        times = {form: t for form, t in self.record.places.get(place, {}).items() if form in names}
        self.asked[place] = chosen = fastest(times, names[0]) if times else None
        self.changed += chosen not in (None, names[0])
        return chosen

    def _measure(self, rule: Rule, site: Site, place: Place) -> None:
        began = time.perf_counter()
        files = {form: to_bytes(Module([graph])) for form, graph in candidates(rule, site, evaluate).items()}
        left = self.seconds - self.spent - (time.perf_counter() - began)
        with without(GREETING):
            times = runner.measure(files, self.record.threads, min(_SECONDS, _SHARE * left))
        self.record.places[place] = {form: Time(typical, spread) for form, (typical, spread) in times.items()}
        gc.collect(0)  # the candidates: a conversion holds the collector off
        self.spent += time.perf_counter() - began
        if self.told is not None:
            self.told(int(min(self.spent, self.seconds)), int(self.seconds))

    def finish(self) -> list[str]:
        """What there is to say. Raises UsageError where a record knows none of the places that there were."""
        if not self.asked:
            return ["tuning: no part of this model has several forms"]
        known = sum(chosen is not None for chosen in self.asked.values())
        if not self.seconds and not known:
            raise UsageError(
                f"the tuning record of {self.record.device} knows none of this model's {len(self.asked)} places: "
                "it was taken for another model"
            )
        how = f"in {self.spent:.0f} s on" if self.seconds else "by a record of"
        what = f"{known} of {len(self.asked)} places {'measured' if self.seconds else 'known'}"
        gain = f"{self.changed} get another form than by default"
        return [f"tuned {how} {self.record.device}: {what}, {gain}"]
