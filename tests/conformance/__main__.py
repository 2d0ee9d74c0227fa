"""Runs PyTorch's operator samples through liteport and stores what became of them.

python -m tests.conformance [OPERATOR ...] [--dtype float32] [--jobs 2] [--resume] [--results docs/data/op_db.json]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tests.conformance.out_of_scope import REASONS, REASONS_OF_INTEGERS
from tests.conformance.results import STORE, Results, load
from tests.conformance.runner import Task, run_all
from tests.conformance.samples import DTYPES, MOST_SAMPLES, OPERATORS, dtypes


def main() -> None:
    options = _options()
    results, began = load(options.results), time.monotonic()
    results.out_of_scope = REASONS
    results.tallies = {
        name: kept for name, kept in results.tallies.items() if name in OPERATORS and name not in REASONS
    }
    tasks = _tasks(options, results)
    for number, (task, tally) in enumerate(run_all(tasks, options.jobs), 1):
        results.put(task.operator, task.dtype, tally)
        results.save(options.results)
        at = f"{time.monotonic() - began:5.0f} s {number}/{len(tasks)}"
        print(f"{at} {task.operator} {task.dtype}: {tally.passed}/{tally.samples}", flush=True)
        for reason, numbers in tally.failures.items():
            print(f"    {len(numbers)} x {reason} ({', '.join(map(str, numbers[:8]))})", flush=True)
    passed, samples = results.totals
    print(f"{passed} of {samples} samples pass, {100 * passed / max(samples, 1):.2f} %")


def _tasks(options: argparse.Namespace, results: Results) -> list[Task]:
    chosen = options.operators or [name for name in OPERATORS if name not in REASONS]
    every = [
        Task(name, dtype, options.most)
        for name in chosen
        for dtype in dtypes(OPERATORS[name])
        if dtype in options.dtype and not (dtype == "int64" and name in REASONS_OF_INTEGERS)
    ]
    if options.failed:
        return _failed(every, results)
    if not options.resume:
        return every
    return [task for task in every if task.dtype not in results.tallies.get(task.operator, {})]


def _failed(tasks: list[Task], results: Results) -> list[Task]:
    """Those of which samples failed."""
    known = results.tallies
    return [t for t in tasks if t.dtype in known.get(t.operator, {}) and known[t.operator][t.dtype].failures]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operators", nargs="*", metavar="OPERATOR")
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=DTYPES)
    parser.add_argument("--most", type=int, default=MOST_SAMPLES, help="samples of an operator and type")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--resume", action="store_true", help="leave out what the results have already")
    parser.add_argument("--failed", action="store_true", help="only operators and types of which samples failed")
    parser.add_argument("--results", type=Path, default=STORE)
    options = parser.parse_args()
    if unknown := [name for name in options.operators if name not in OPERATORS]:
        parser.error(f"no operators of op_db: {', '.join(unknown)}")
    return options


if __name__ == "__main__":
    main()
