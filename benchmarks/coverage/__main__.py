"""Converts and verifies networks of torchvision, timm and transformers: python -m benchmarks.coverage [SUITE ...]

What has an outcome in --out is left out, unless --again or --failed says otherwise: a run can be interrupted and taken
up again. --publish writes docs/coverage.json and docs/coverage.md from all outcomes. Exit code 0: all that were chosen
are verified.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.converters import ROOT
from benchmarks.coverage import report
from benchmarks.coverage.outcome import Outcome
from benchmarks.coverage.runner import Runner
from benchmarks.coverage.suites import SUITES, table

PACKAGES = ("liteport", "torch", "torchvision", "timm", "transformers", "ai-edge-litert")


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of {', '.join(SUITES)} (all)")
    parser.add_argument("--names", nargs="+", metavar="NETWORK", help="these only")
    parser.add_argument("--again", action="store_true", help="run what has an outcome already, too")
    parser.add_argument("--failed", action="store_true", help="run what has failed, too")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for each network (300)")
    parser.add_argument("--samples", type=int, default=2, help="random inputs to verify on (2)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "coverage", help="folder for outcomes and logs")
    parser.add_argument("--warm", action="store_true", help="fork from a process that is warm; no times, no memory")
    parser.add_argument("--keep", action="store_true", help="keep the .tflite files")
    parser.add_argument(
        "--publish", action="store_true", help="write docs/coverage.json and docs/coverage.md, at the end"
    )
    chosen = parser.parse_args(arguments)
    chosen.suites = chosen.suites or list(SUITES)
    if unknown := [suite for suite in chosen.suites if suite not in SUITES]:
        parser.error(f"no suite is called {', '.join(unknown)}: choose from {', '.join(SUITES)}")
    known = {name for suite in chosen.suites for name in table(suite)}
    if unknown := [name for name in chosen.names or () if name not in known]:
        parser.error(f"{', '.join(chosen.suites)} have no {', '.join(unknown)}")
    return chosen


def networks(chosen: argparse.Namespace) -> Iterator[tuple[str, str]]:
    for suite in chosen.suites:
        yield from ((suite, name) for name in table(suite) if not chosen.names or name in chosen.names)


def is_due(stored: Outcome | None, chosen: argparse.Namespace) -> bool:
    return stored is None or chosen.again or (chosen.failed and not stored.verified)


def publish(runner: Runner) -> None:
    """Writes the report from all stored outcomes, of all suites."""
    outcomes = {s: {n: runner.outcome(s, n) or Outcome(reason="not run yet") for n in table(s)} for s in SUITES}
    document = report.document(outcomes, {name: found for name in PACKAGES if (found := _version(name))})
    (ROOT / "docs" / "coverage.json").write_text(document)
    (ROOT / "docs" / "coverage.md").write_text(report.page(*report.read(document)))


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def main() -> int:
    chosen = options()
    runner = Runner(chosen.out, chosen.timeout, chosen.samples, chosen.keep, chosen.warm)
    failures = 0
    for suite, name in networks(chosen):
        outcome = runner.outcome(suite, name)
        if outcome is None or is_due(outcome, chosen):
            outcome = runner.run(suite, name)
            print("  ".join((suite, *(cell for cell in report.row(name, outcome) if cell))), flush=True)
        failures += not outcome.verified
    if chosen.publish:
        publish(runner)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
