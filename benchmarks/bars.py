"""What is asked of liteport, line by line, and whether the measurements meet it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import geometric_mean, median

US = "liteport"
ALL = "all networks"

# network -> converter -> metric -> number (or numbers, one per run)
Results = Mapping[str, Mapping[str, Mapping[str, float | Sequence[float]]]]


@dataclass(frozen=True)
class Limit:
    """`factor` times the best peer's figure where `relative`, else a plain number; `strict`: below it, not at it."""

    factor: float
    text: str
    relative: bool = False
    strict: bool = False

    def holds(self, ours: float, peers: Sequence[float]) -> bool | None:
        """None where it depends on peers and none was measured."""
        if self.relative and not peers:
            return None
        limit = self.factor * min(peers) if self.relative else self.factor
        return ours < limit if self.strict else ours <= limit


@dataclass(frozen=True)
class Line:
    """One figure of one network (or of ALL), and its limit. `form` says how it is printed."""

    network: str
    metric: str
    limit: Limit
    form: str = "{:.0f}"


@dataclass(frozen=True)
class Verdict:
    """A line with what was measured, by converter; `passed` is None where there was nothing to compare."""

    line: Line
    figures: Mapping[str, float]
    passed: bool | None


def at_most(number: int) -> Limit:
    return Limit(number, f"at most {number}")


THIRD = Limit(1 / 3, "at most a third of the best peer's", relative=True)
FASTER = Limit(1.0, "faster than both", relative=True, strict=True)
NO_SLOWER = Limit(1.02, "at most 1.02 x the best peer's", relative=True)
ACCURATE = Limit(1e-7, "below 1e-07", strict=True)


def judge(results: Results, lines: Sequence[Line]) -> list[Verdict]:
    """A verdict for every line whose network was measured: missed, where liteport has no figure."""
    each = [_verdict(line, results[line.network]) for line in lines if line.network in results]
    return each + [_overall(line, results) for line in lines if line.network == ALL]


def _overall(line: Line, results: Results) -> Verdict:
    """A line on all networks: geometric means over those that liteport and a peer have, and that of the ratios to the
    best peer of each."""
    measured = [
        {name: _number(metrics[line.metric]) for name, metrics in network.items() if metrics.get(line.metric)}
        for network in results.values()
    ]
    if not all(US in figures for figures in measured):
        return Verdict(line, {}, False)
    compared = [figures for figures in measured if len(figures) > 1]
    if not compared:
        return Verdict(line, {}, None)
    ratios = [figures[US] / min(f for name, f in figures.items() if name != US) for figures in compared]
    names = dict.fromkeys(name for figures in compared for name in figures)
    whole = [figures for figures in compared if len(figures) == len(names)]
    means = {name: geometric_mean([figures[name] for figures in whole]) for name in names} if whole else {}
    return Verdict(line, means, line.limit.holds(geometric_mean(ratios), [1.0]))


def _verdict(line: Line, measured: Mapping[str, Mapping[str, float | Sequence[float]]]) -> Verdict:
    figures = {name: _number(metrics[line.metric]) for name, metrics in measured.items() if _has(metrics, line.metric)}
    if US not in figures:
        return Verdict(line, figures, False)
    if line.metric == "latency_ms":
        # Ratios of paired bursts, which a busy moment does not disturb, decide; milliseconds are shown.
        ratios = [1 / _number(m["ratio"]) for name, m in measured.items() if name != US and "ratio" in m]
        return Verdict(line, figures, line.limit.holds(1.0, ratios))
    peers = [figure for name, figure in figures.items() if name != US]
    return Verdict(line, figures, line.limit.holds(figures[US], peers))


def _has(metrics: Mapping[str, float | Sequence[float]], metric: str) -> bool:
    """Whether it was measured: a file that was taken over from another run has no seconds."""
    return metrics.get(metric, []) != []


def _number(value: float | Sequence[float]) -> float:
    return float(value) if isinstance(value, int | float) else median(value)
