"""The stored results of a run over the standard's cases: what the operators' page shows, and later runs are held to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance_onnx.runner import Outcome, Status

STORE = Path(__file__).parents[2] / "docs" / "data" / "onnx_cases.json"


@dataclass
class Tally:
    """One operator's cases: those that pass, those that pass with parameters fixed, and reasons why others fail."""

    passed: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return len(self.passed) + len(self.fixed) + len(self.failures)

    def put(self, case: str, outcome: Outcome) -> None:
        self.drop(case)
        if outcome.status is Status.FAILED:
            self.failures[case] = outcome.reason
        else:
            (self.passed if outcome.status is Status.PASSED else self.fixed).append(case)

    def drop(self, case: str) -> None:
        self.failures.pop(case, None)
        for kept in (self.passed, self.fixed):
            if case in kept:
                kept.remove(case)


@dataclass
class Results:
    """Tallies by operator, and how many cases are out of scope, by reason."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    out_of_scope: dict[str, int] = field(default_factory=dict)

    @property
    def totals(self) -> tuple[int, int, int]:
        """Cases that passed, that passed with parameters fixed, and all that count."""
        every = self.tallies.values()
        return sum(len(t.passed) for t in every), sum(len(t.fixed) for t in every), sum(t.count for t in every)

    def put(self, operator: str, case: str, outcome: Outcome) -> None:
        self.tallies.setdefault(operator, Tally()).put(case, outcome)

    def save(self, path: Path = STORE) -> None:
        """Writes the file, a line for each operator."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {"": self.out_of_scope} | {name: _sorted(tally) for name, tally in sorted(self.tallies.items())}
        path.write_text(
            "{\n" + ",\n".join(f"  {json.dumps(n)}: {json.dumps(row)}" for n, row in rows.items()) + "\n}\n"
        )


def _sorted(tally: Tally) -> dict[str, object]:
    return {
        "passed": sorted(tally.passed),
        "fixed": sorted(tally.fixed),
        "failures": dict(sorted(tally.failures.items())),
    }


def load(path: Path = STORE) -> Results:
    """The stored results; empty ones where there is no file."""
    stored = json.loads(path.read_text()) if path.exists() else {}
    scope = stored.pop("", {})
    return Results({name: Tally(**fields) for name, fields in stored.items()}, scope)
