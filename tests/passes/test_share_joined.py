"""Values that are joined again with more beside them, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from liteport.ir import ops
from tests.harness import Case, check


def joined(*lists: str, axis: int = 1) -> Callable[[torch.Tensor], tuple[torch.Tensor, ...]]:
    """The parts of x that the letters name, each list joined."""

    def function(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        part = {"a": x.exp(), "b": x.sin(), "c": x.cos(), "d": x.abs()}
        return tuple(torch.cat([part[letter] for letter in letters], axis).tanh() for letters in lists)

    return function


JOINED = [
    ("one more each time", joined("ab", "abc", "abcd"), [2, 2, 2]),
    ("in front", joined("ab", "cab"), [2, 2]),
    ("between", joined("bc", "abcd"), [2, 3]),
    ("the longest", joined("ab", "bcd", "abcd"), [2, 3, 2]),
    ("in another order", joined("ba", "abc"), [2, 3]),
    ("not all of it", joined("abd", "abc"), [3, 3]),
    ("the longer one first", joined("abc", "ab"), [3, 2]),
    ("twice the same", joined("aa", "aaa"), [2, 2]),
]


@pytest.mark.parametrize(("function", "counts"), [pytest.param(*row[1:], id=row[0]) for row in JOINED])
def test_joined(function: Callable[..., object], counts: list[int]) -> None:
    graph = check(Case("", function, [torch.randn(2, 3, 4)]))
    assert graph is not None
    assert [len(op.inputs) for op in graph.find(ops.Concatenation)] == counts


def test_along_another_dimension() -> None:
    def both(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return *joined("ab", axis=0)(x), *joined("abc", axis=1)(x)

    graph = check(Case("", both, [torch.randn(2, 3, 4)]))
    assert graph is not None
    assert [len(op.inputs) for op in graph.find(ops.Concatenation)] == [2, 3]
