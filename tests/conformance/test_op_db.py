"""PyTorch's own operator samples as a conformance suite: the first of every operator, in float32."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
import torch

from tests.conformance.out_of_scope import OUT_OF_SCOPE
from tests.conformance.samples import run, samples

op_db = pytest.importorskip("torch.testing._internal.common_methods_invocations").op_db

pytestmark = pytest.mark.slow

SAMPLES = 3


def name(op: Any) -> str:
    return f"{op.name}.{op.variant_test_name}" if op.variant_test_name else str(op.name)


REASONS = {each: reason for reason, names in OUT_OF_SCOPE.items() for each in names}
OPERATORS = [op for op in op_db if torch.float32 in op.dtypes and name(op) not in REASONS]


@pytest.mark.parametrize("op", OPERATORS, ids=name)
def test_samples(op: Any) -> None:
    outcomes = [run(module, tensors) for module, tensors in islice(samples(op, torch.float32), SAMPLES)]
    assert [o.reason for o in outcomes if not o.passed and not o.skipped] == []


def test_the_list_names_operators() -> None:
    known = {name(op) for op in op_db}
    assert [each for each in REASONS if each not in known] == []
