"""Matching two models, and comparing them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from liteport.check.compare import Verification, compare, merged
from liteport.check.samples import Random, Samples
from liteport.errors import InputError, VerificationError

X = np.zeros((1, 3), np.float32)
Y = np.zeros((1, 2), np.float32)


@dataclass
class Fake:
    """A runner made of functions."""

    signatures: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]]
    inputs: Mapping[str, Any] = field(default_factory=lambda: {"x": X})
    seen: list[Any] = field(default_factory=list)
    exact: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None

    def example(self, signature: str) -> Mapping[str, Any]:
        return self.inputs

    def shapes(self, signature: str) -> Mapping[str, Any]:
        return {name: array.shape for name, array in self.inputs.items()}

    def trials(self, signature: str) -> list[Mapping[str, Any]]:
        return [self.shapes(signature)]

    def run(self, inputs: Mapping[str, Any], signature: str) -> dict[str, Any]:
        self.seen.append(inputs)
        return self.signatures[signature](inputs)

    def run_in_double(self, inputs: Mapping[str, Any], signature: str) -> dict[str, Any] | None:
        return self.exact(inputs) if self.exact else None


@dataclass
class Tired(Fake):
    """One that rests."""

    order: list[str] = field(default_factory=list)

    def run(self, inputs: Mapping[str, Any], signature: str) -> dict[str, Any]:
        self.order.append("runs")
        return super().run(inputs, signature)

    def rest(self) -> None:
        self.order.append("rests")


def double(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"y": inputs["x"] * 2}


def checked(ours: Fake, theirs: Fake, count: int = 3) -> Verification:
    return compare(ours, theirs, Random(count))


def test_equal_models_pass() -> None:
    steps: list[tuple[int, int]] = []
    ours, theirs = Fake({"main": double}), Fake({"other": double})
    result = compare(ours, theirs, Random(3), progress=lambda done, total: steps.append((done, total)))
    assert result.passed
    assert result.require() is result
    assert result.samples == 3
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert len({inputs["x"].tobytes() for inputs in ours.seen}) == 3
    assert [i["x"].tobytes() for i in ours.seen] == [i["x"].tobytes() for i in theirs.seen]
    assert str(result).endswith("passed on 3 samples of random inputs (seed 0)")


@pytest.mark.parametrize(("at_once", "together"), [(1 << 26, 3), (40, 2), (0, 1)])
def test_the_reference_rests_while_the_candidate_runs(
    monkeypatch: pytest.MonkeyPatch, at_once: int, together: int
) -> None:
    monkeypatch.setattr("liteport.check.compare._AT_ONCE", at_once)
    order: list[str] = []

    def twin(inputs: Mapping[str, Any]) -> dict[str, Any]:
        order.append("twin")
        return double(inputs)

    assert checked(Tired({"main": double}, order=order), Fake({"main": twin})).passed
    assert order[: together + 1] == ["runs"] * together + (["rests"] if together == 3 else ["twin"])
    assert (order.count("runs"), order.count("twin"), order.count("rests")) == (3, 3, 1)


def test_different_models_fail() -> None:
    result = checked(Fake({"main": double}), Fake({"main": lambda i: {"y": i["x"] * 2.1}}))
    assert not result.passed
    with pytest.raises(VerificationError, match="the output does not match the origin's: y: mean error") as caught:
        result.require()
    assert caught.value.verification is result
    assert "FAILED on 3 samples" in str(result)


def off(by: float) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Doubles its input, and is off by that much."""
    return lambda inputs: {"y": inputs["x"].astype(np.float64) * 2 + by}


# what the origin's own float32 is off by, what the other is off by, whether that passes
ROUNDING = [
    pytest.param(0.9e-5, 1.1e-5, True, id="twice as far from float64"),
    pytest.param(0.9e-5, 3.5e-5, True, id="less than five times"),
    pytest.param(0.9e-5, 3.7e-5, False, id="more than five times"),
    pytest.param(1e-7, 2e-6, False, id="the origin's is exact enough"),
    pytest.param(1e-2, 2e-2, False, id="too large for rounding"),
    pytest.param(None, 2e-6, False, id="the origin has no float64 result"),
]


@pytest.mark.parametrize(("own", "theirs", "passes"), ROUNDING)
def test_an_error_is_rounding_where_the_origin_rounds_as_much(own: float | None, theirs: float, passes: bool) -> None:
    origin = Fake({"main": off(own or 0.0)}, exact=None if own is None else off(0.0))
    result = checked(origin, Fake({"main": off(-theirs)}))
    assert result.passed is passes
    (output,) = result.outputs
    assert output.is_rounding is passes
    assert ("float32 itself is off by 9.0e-06" in str(result)) is passes


def test_the_origin_runs_in_double_only_where_an_error_may_be_rounding() -> None:
    for theirs in (1e-8, float("nan")):
        origin = Fake({"main": double}, exact=lambda inputs: pytest.fail("no need"))
        checked(origin, Fake({"main": off(theirs)}))


def test_rounding_that_is_blown_up_is_named() -> None:
    result = checked(Fake({"main": off(1e-2)}, exact=off(0.0)), Fake({"main": off(-2e-2)}))
    assert "float32 itself is off by 0.01" in result.outputs[0].problem


def test_an_output_without_elements_is_said_to_be_unproven() -> None:
    def hollow(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**double(inputs), "boxes": np.zeros((0, 4), np.float32)}

    result = checked(Fake({"main": hollow}), Fake({"main": hollow}))
    assert result.passed
    assert [output.is_empty for output in result.outputs] == [False, True]
    assert "-  empty in every sample: nothing was compared" in str(result)
    assert "nan" not in str(result)


def test_error_names_the_first_outputs_that_differ() -> None:
    ours = Fake({"main": lambda i: {f"y{n}": i["x"] for n in range(6)}})
    theirs = Fake({"main": lambda i: {f"y{n}": i["x"] + (n > 0) for n in range(6)}})
    with pytest.raises(VerificationError) as caught:
        checked(ours, theirs).require()
    assert "5 of 6 outputs do not match" in str(caught.value)
    assert "y3" in str(caught.value)
    assert str(caught.value).endswith("and 2 more")


# name, our inputs, theirs, whether they fit
INPUTS = [
    ("by name in another order", {"a": X, "b": Y}, {"b": Y, "a": X}, True),
    ("by position", {"a": X, "b": Y}, {"p": X, "q": Y}, True),
    ("narrower integers", {"a": np.zeros(2, np.int64)}, {"p": np.zeros(2, np.int32)}, True),
    ("another shape", {"a": X}, {"a": Y}, False),
    ("one more", {"a": X}, {"a": X, "b": Y}, False),
    ("floats for integers", {"a": np.zeros(2, np.int64)}, {"a": np.zeros(2, np.float32)}, False),
    ("positions of other shapes", {"a": X, "b": Y}, {"p": Y, "q": X}, False),
]


@pytest.mark.parametrize(("ours", "theirs", "fit"), [i[1:] for i in INPUTS], ids=[i[0] for i in INPUTS])
def test_inputs_are_matched(ours: dict[str, Any], theirs: dict[str, Any], fit: bool) -> None:
    # The sum of all inputs, each weighted by its size: equal only if each value arrives where it belongs.
    def mixed(inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {"y": np.float32(sum(v.size * v.astype(np.float64).sum() for v in inputs.values()))}

    first, second = Fake({"main": mixed}, ours), Fake({"main": mixed}, theirs)
    if not fit:
        with pytest.raises(InputError, match="take different inputs: a "):
            checked(first, second)
        return
    assert checked(first, second).passed
    assert {name: v.dtype for name, v in second.seen[0].items()} == {name: v.dtype for name, v in theirs.items()}


# name, our outputs, theirs, whether they can be matched
OUTPUTS = [
    ("by name in another order", {"a": X, "b": X + 1}, {"b": X + 1, "a": X}, True),
    ("by position", {"a": X, "b": X + 1}, {"p": X, "q": X + 1}, True),
    ("by shape", {"a": X, "b": Y}, {"p": Y, "q": X}, True),
    ("one missing", {"a": X, "b": X}, {"p": X}, False),
    ("ambiguous", {"a": X, "b": Y, "c": X}, {"p": Y, "q": X, "r": X}, False),
    ("a shape twice", {"a": X, "b": Y}, {"p": Y, "q": Y}, False),
]


@pytest.mark.parametrize(("ours", "theirs", "match"), [o[1:] for o in OUTPUTS], ids=[o[0] for o in OUTPUTS])
def test_outputs_are_matched(ours: dict[str, Any], theirs: dict[str, Any], match: bool) -> None:
    first, second = Fake({"main": lambda i: ours}), Fake({"main": lambda i: theirs})
    if match:
        result = checked(first, second)
        assert result.passed
        assert [o.name for o in result.outputs] == list(ours)
        return
    with pytest.raises(VerificationError, match="give different outputs: a "):
        checked(first, second)


def test_signatures() -> None:
    both = Fake({"a": double, "b": lambda i: {"y": i["x"] * 3}})
    result = checked(both, both)
    assert [(o.signature, o.name) for o in result.outputs] == [("a", "y"), ("b", "y")]
    assert "a/y" in str(result)
    for part in (Fake({"b": both.signatures["b"]}), Fake({"b": both.signatures["b"], "a": double, "c": double})):
        assert checked(both, part).passed
        assert checked(part, both).passed
    with pytest.raises(InputError, match="different signatures: a, b against c"):
        checked(both, Fake({"c": double}))
    with pytest.raises(InputError, match="different signatures"):
        checked(both, Fake({"a": double, "c": double}))


def test_merged() -> None:
    parts = [checked(Fake({name: double}), Fake({name: double})) for name in ("a", "b")]
    assert [o.signature for o in merged(parts).outputs] == ["a", "b"]
    assert merged(parts).samples == 3


def test_nothing_to_compare_on() -> None:
    class Nothing:
        def samples(self, signature: str, example: Any, trials: Any = ()) -> Samples:
            return Samples(0, lambda index: {})

        def __str__(self) -> str:
            return "empty.npz"

    with pytest.raises(InputError, match=r"empty\.npz holds no samples"):
        compare(Fake({"a": double}), Fake({"a": double}), Nothing())
