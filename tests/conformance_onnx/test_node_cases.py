"""The ONNX standard's own cases as a conformance suite: as many pass as the stored results say."""

from __future__ import annotations

import pytest

pytest.importorskip("onnx.backend.test.loader")

from tests.conformance_onnx.results import load
from tests.conformance_onnx.runner import Status, run_all

STORED = load()


@pytest.mark.slow
def test_cases() -> None:
    from tests.conformance_onnx import cases, scope

    before = {name for tally in STORED.tallies.values() for name in tally.failures}
    counted = [case for case in cases.load() if scope.reason(case.model) is None]
    found = {case.name: outcome for case, outcome in run_all(counted)}
    failed = {name: o.reason for name, o in found.items() if o.status is Status.FAILED and name not in before}
    assert failed == {}


def test_most_cases_pass() -> None:
    passed, fixed, count = STORED.totals
    assert passed + fixed >= 0.97 * count
