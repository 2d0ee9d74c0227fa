"""PyTorch's own operator samples as a conformance suite: as many pass as the stored results say, of every operator."""

from __future__ import annotations

import pytest

pytest.importorskip("torch.testing._internal.common_methods_invocations")

from tests.conformance.out_of_scope import REASONS, REASONS_OF_INTEGERS
from tests.conformance.results import load
from tests.conformance.runner import Task, run_all
from tests.conformance.samples import OPERATORS, Status, dtypes, run, samples

STORED = load()

# One operator of each kind, whose first sample is tried in every run of the tests.
USUAL = (
    *("add", "bitwise_and", "cat", "cumsum", "einsum", "gather", "index_put", "lgamma", "linalg.vector_norm"),
    *("nn.functional.conv2d", "nn.functional.embedding_bag", "nn.functional.layer_norm", "nn.functional.max_pool2d"),
    *("nn.functional.pad.reflect", "scatter_reduce.amax", "searchsorted", "softmax", "sort", "var", "where"),
)


@pytest.mark.parametrize("name", USUAL)
def test_first_sample(name: str) -> None:
    (dtype, *_) = dtypes(OPERATORS[name])
    outcome = run(*next(samples(OPERATORS[name], dtype)))
    assert outcome.status is Status.PASSED, outcome.reason


@pytest.mark.slow
@pytest.mark.parametrize("name", STORED.tallies)
def test_samples(name: str) -> None:
    before = STORED.tallies[name]
    tasks = [Task(name, dtype) for dtype in before]
    for task, tally in run_all(tasks, jobs=1):
        new = {
            reason: numbers for reason, numbers in tally.failures.items() if reason not in before[task.dtype].failures
        }
        assert tally.passed >= before[task.dtype].passed, f"{task.dtype}: {new}"


def test_every_operator_is_tried_or_left_out_for_a_reason() -> None:
    tried, left_out = set(STORED.tallies), set(STORED.out_of_scope)
    assert left_out == set(REASONS)
    assert not tried & left_out
    assert {name for name in OPERATORS if dtypes(OPERATORS[name])} - tried - left_out == set()


def test_the_lists_name_operators() -> None:
    assert [name for name in (*REASONS, *REASONS_OF_INTEGERS) if name not in OPERATORS] == []


def test_most_samples_pass() -> None:
    passed, count = STORED.totals
    assert passed >= 0.97 * count
