"""Runs the ONNX standard's own cases through liteport and stores what became of them.

python -m tests.conformance_onnx [OPERATOR ...] [--failed] [--jobs 2] [--results docs/data/onnx_cases.json]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from tests.conformance_onnx.cases import Case, load
from tests.conformance_onnx.results import STORE, Results
from tests.conformance_onnx.results import load as load_results
from tests.conformance_onnx.runner import Status, run_all
from tests.conformance_onnx.scope import reason

_SAVED = 50  # cases after which the results are stored, too


def main() -> None:
    options = _options()
    cases, results, began = load(), load_results(options.results), time.monotonic()
    scope = {case.name: reason(case.model) for case in cases}
    results.out_of_scope = dict(Counter(why for why in scope.values() if why is not None))
    chosen = _chosen([case for case in cases if scope[case.name] is None], options, results)
    for number, (case, outcome) in enumerate(run_all(chosen, options.jobs), 1):
        results.put(case.operator, case.name, outcome)
        if number % _SAVED == 0 and not options.dry:
            results.save(options.results)
        if outcome.status is Status.FAILED or options.verbose:
            shown = " ".join(outcome.reason.split())[:300]
            print(f"{outcome.status.value} {case.operator} {case.name}: {shown}", flush=True)
    if not options.dry:
        results.save(options.results)
    _summary(results, len(chosen), time.monotonic() - began)


def _chosen(cases: list[Case], options: argparse.Namespace, results: Results) -> list[Case]:
    wanted = set(options.operators)
    found = [c for c in cases if not wanted or c.operator in wanted or c.name in wanted]
    if not options.failed:
        return found
    failed = {name for tally in results.tallies.values() for name in tally.failures}
    return [c for c in found if c.name in failed]


def _summary(results: Results, ran: int, seconds: float) -> None:
    failing = {name: len(t.failures) for name, t in results.tallies.items() if t.failures}
    for name, count in sorted(failing.items(), key=lambda item: -item[1]):
        print(f"{count:4} of {results.tallies[name].count:4} fail: {name}")
    passed, fixed, count = results.totals
    share = 100 * (passed + fixed) / max(count, 1)
    print(
        f"{passed} + {fixed} with fixed parameters of {count} cases pass, {share:.1f} % ({ran} ran in {seconds:.0f} s)"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operators", nargs="*", metavar="OPERATOR", help="or the names of cases")
    parser.add_argument("--failed", action="store_true", help="only cases that failed")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="print those that pass, too")
    parser.add_argument("--dry", action="store_true", help="store nothing")
    parser.add_argument("--results", type=Path, default=STORE)
    return parser.parse_args()


if __name__ == "__main__":
    main()
