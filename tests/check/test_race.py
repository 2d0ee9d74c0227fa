"""Several models on the same samples as their origin."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from liteport.check.race import race
from liteport.check.samples import Random, Samples
from liteport.errors import InputError
from tests.check.test_compare import Fake, X


def plus(amount: float, seconds: float = 0.0) -> Any:
    def run(inputs: Mapping[str, Any]) -> dict[str, Any]:
        time.sleep(seconds)
        return {"y": inputs["x"] + np.float32(amount)}

    return run


def test_every_model_is_compared_and_timed_on_the_samples_that_the_origin_saw_once() -> None:
    origin, near, far = Fake({"f": plus(0)}), Fake({"f": plus(1e-7)}), Fake({"f": plus(1, seconds=0.002)})
    told: list[tuple[int, int]] = []
    found = race(
        origin, {"near": [near], "far": [far]}, Random(20), progress=lambda done, total: told.append((done, total))
    )
    assert found.models["near"].verification.passed
    assert not found.models["far"].verification.passed
    assert found.models["far"].verification.outputs[0].mean_error == pytest.approx(1)
    assert found.models["far"].seconds > 0.002 > found.models["near"].seconds
    assert found.origin < 0.002
    assert len(near.seen) == len(far.seen) == 20
    assert len(origin.seen) == 20
    assert told == [(0, 20), (16, 20), (20, 20)]


def test_a_model_may_lie_in_a_file_for_each_signature() -> None:
    origin = Fake({"f": plus(0), "g": plus(1)})
    whole = Fake({"f": plus(0), "g": plus(1)})
    parts = [Fake({"g": plus(1)}), Fake({"f": plus(2)})]
    found = race(origin, {"whole": [whole], "parts": parts}, Random(2))
    assert found.models["whole"].verification.passed
    failed = {check.signature: check.passed for check in found.models["parts"].verification.outputs}
    assert failed == {"g": True, "f": False}


def test_no_samples_are_an_error() -> None:
    class Empty:
        def samples(self, signature: str, example: Any, trials: Any = ()) -> Samples:
            return Samples(0, lambda index: {"x": X})

        def __str__(self) -> str:
            return "nothing.npz"

    with pytest.raises(InputError, match=r"nothing.npz holds no samples"):
        race(Fake({"f": plus(0)}), {"a": [Fake({"f": plus(0)})]}, Empty())
