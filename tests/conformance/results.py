"""The stored results of a run over op_db: what the operators' page shows, and later runs are held to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.samples import DTYPES, Outcome, Status

STORE = Path(__file__).parents[2] / "docs" / "data" / "op_db.json"


@dataclass
class Tally:
    """One operator on samples of one type: `failures` and `skips` have the samples' numbers by reason.

    `there` is how many samples PyTorch has, of which not all need have been tried.
    """

    there: int = 0
    passed: int = 0
    failures: dict[str, list[int]] = field(default_factory=dict)
    skips: dict[str, list[int]] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        """How many count."""
        return self.passed + sum(map(len, self.failures.values()))

    def add(self, number: int, outcome: Outcome) -> None:
        if outcome.status is Status.PASSED:
            self.passed += 1
            return
        reasons = self.failures if outcome.status is Status.FAILED else self.skips
        reasons.setdefault(outcome.reason, []).append(number)


@dataclass
class Results:
    """Tallies by operator and type, and the operators that are out of scope, with the reason."""

    tallies: dict[str, dict[str, Tally]] = field(default_factory=dict)
    out_of_scope: dict[str, str] = field(default_factory=dict)

    @property
    def totals(self) -> tuple[int, int]:
        """Samples that passed, and samples."""
        every = [tally for by_type in self.tallies.values() for tally in by_type.values()]
        return sum(t.passed for t in every), sum(t.samples for t in every)

    def put(self, operator: str, dtype: str, tally: Tally) -> None:
        self.tallies.setdefault(operator, {})[dtype] = tally

    def save(self, path: Path = STORE) -> None:
        """Writes the file, a line for each operator."""
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = (f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(self._entries().items()))
        path.write_text("{\n" + ",\n".join(rows) + "\n}\n")

    def _entries(self) -> dict[str, object]:
        tallies = {
            name: {dtype: vars(by_type[dtype]) for dtype in DTYPES if dtype in by_type}
            for name, by_type in self.tallies.items()
        }
        return {**self.out_of_scope, **tallies}


def load(path: Path = STORE) -> Results:
    """The stored results; empty ones where there is no file."""
    results = Results()
    for name, entry in (json.loads(path.read_text()) if path.exists() else {}).items():
        if isinstance(entry, str):
            results.out_of_scope[name] = entry
        else:
            results.tallies[name] = {dtype: Tally(**fields) for dtype, fields in entry.items()}
    return results
