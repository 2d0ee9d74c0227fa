"""Verdicts as a table, for a terminal or for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.bars import US, Verdict

METRICS = {
    "seconds": "process start to file, seconds",
    "operators": "operators",
    "plain_operators": "operators before any is split for speed",
    "transposes": "transposes",
    "latency_ms": "latency, 1 thread, ms",
    "error": "mean absolute error, {samples} inputs",
    "peak_mb": "peak memory, MB",
    "file_mb": "file, MB",
    "excess": "peak memory above PyTorch's, multiples of the weights",
}
RESULTS = {True: "met", False: "MISSED", None: "no peer"}

Row = list[str]


def rows(verdicts: Sequence[Verdict], versions: Mapping[str, str], samples: int) -> list[Row]:
    """The header and a row per verdict: what, each peer's figure, liteport's, the bar, whether it is met."""
    names = [name for name in versions if name != US] + [US]
    header = ["", *(f"{name} {versions[name]}" for name in names), "the bar", ""]
    return [header, *(_row(verdict, names, samples) for verdict in verdicts)]


def _row(verdict: Verdict, names: Sequence[str], samples: int) -> Row:
    line = verdict.line
    what = f"{line.network}: {METRICS[line.metric].format(samples=samples)}"
    figures = [line.form.format(verdict.figures[name]) if name in verdict.figures else "-" for name in names]
    return [what, *figures, line.limit.text, RESULTS[verdict.passed]]


def markdown(table: Sequence[Row]) -> str:
    header, *body = table
    lines = [header, ["---"] * len(header), *body]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(table: Sequence[Row]) -> str:
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
