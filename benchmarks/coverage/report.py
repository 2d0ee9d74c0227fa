"""The outcomes as one JSON document, and as a page: docs/coverage.json and docs/coverage.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.coverage.outcome import Outcome

Outcomes = Mapping[str, Mapping[str, Outcome]]
"""By suite and network."""

HEADER = ("network", "parameters", "operators", "transposes", "seconds", "on CPU", "peak MB", "error / allowed", "")
_SHOWN = 160  # characters of a reason

INTRODUCTION = """\
# Coverage

Networks that others wrote, each converted and verified from a cold start in a process of its own:
`python -m benchmarks.coverage` runs them, and writes this page with `--publish`. Weights are random and seeded, with
batch-norm statistics near those of what each normalises, and without the zeros and tiny layer scales that new networks
begin with: these would hide mistakes. The verification is the usual one, to the [usual bar](verification.md), on random
inputs.

"""
LEGEND = """
- **seconds**: from the start of the process to the file, the building of the network included.
- **on CPU**: how many of these were processor time; the rest was waiting for a machine that others share.
- **peak MB**: the largest resident set of the process until then. Where these three are missing, the verdict comes from
  a quicker run (`--warm`), whose processes start with all packages loaded.
- **error / allowed**: of the output that comes nearest to its bar.
- **verified, rounding**: an output is further from PyTorch's than 1e-6 of its size, and as near as float32 allows:
  [what that means](verification.md#the-bar).
"""


def document(outcomes: Outcomes, versions: Mapping[str, str]) -> str:
    """The report as JSON."""
    plain = {suite: {name: asdict(o) for name, o in networks.items()} for suite, networks in outcomes.items()}
    return json.dumps({"versions": versions, "suites": plain}, indent=1) + "\n"


def read(document: str) -> tuple[Outcomes, Mapping[str, str]]:
    """The outcomes and versions of a document."""
    stored: dict[str, Any] = json.loads(document)
    suites = stored["suites"].items()
    return {s: {name: Outcome(**o) for name, o in networks.items()} for s, networks in suites}, stored["versions"]


def page(outcomes: Outcomes, versions: Mapping[str, str]) -> str:
    """The report in Markdown."""
    dates = sorted({o.date for networks in outcomes.values() for o in networks.values() if o.date})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "never"
    told = f"Measured {when} with {', '.join(f'{name} {version}' for name, version in versions.items())}.\n\n"
    tables = "".join(section(suite, networks) for suite, networks in outcomes.items())
    return (
        INTRODUCTION
        + told
        + markdown(("suite", "networks", "converted", "verified"), summary(outcomes))
        + LEGEND
        + tables
    )


def summary(outcomes: Outcomes) -> Iterator[tuple[str, ...]]:
    for suite, networks in outcomes.items():
        converted = sum(o.converted for o in networks.values())
        verified = sum(o.verified for o in networks.values())
        yield suite, str(len(networks)), str(converted), str(verified)


def section(suite: str, networks: Mapping[str, Outcome]) -> str:
    return f"\n## {suite}\n\n" + markdown(HEADER, (row(name, outcome) for name, outcome in networks.items()))


def row(name: str, outcome: Outcome) -> tuple[str, ...]:
    parameters = f"{outcome.parameters / 1e6:.1f} M" if outcome.parameters else ""
    counts = (str(sum(outcome.operators.values())), str(outcome.transposes)) if outcome.converted else ("", "")
    costs = (f"{outcome.seconds:.1f}", f"{outcome.cpu_seconds:.1f}", f"{outcome.peak_mb:.0f}")
    share = f"{outcome.error / outcome.allowed:.2f}" if outcome.allowed else ""
    return name, parameters, *counts, *(costs if outcome.seconds else ("", "", "")), share, verdict(outcome)


def verdict(outcome: Outcome) -> str:
    if not outcome.verified:
        return brief(outcome.reason)
    return "verified, rounding" if outcome.rounding else "verified"


def brief(reason: str) -> str:
    """A reason in one line of a table."""
    line = " ".join(reason.split()).replace("|", "\\|")
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN].rstrip()} ..."


def markdown(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(header)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
