"""Control flow: torch.cond, while_loop, scan, map and associative_scan, nested, with closures, in LiteRT against PyTorch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch._higher_order_ops import associative_scan, scan, while_loop
from torch._higher_order_ops.map import map as map_rows

from liteport.backends.tflite.writer import to_bytes
from liteport.frontends.torch.model import Entry, TorchModel
from tests.frontends.torch.ops.inputs import ints, normal
from tests.harness import Case, cases, check

Tensor = torch.Tensor
torch.manual_seed(0)
LAYER = nn.Linear(3, 3)
OTHER = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)).eval()


def positive(x: Tensor) -> Tensor:
    return x.sum() > 0


class Branches(nn.Module):
    """Two branches with weights of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.other = LAYER, OTHER

    def forward(self, x: Tensor) -> Any:
        return torch.cond(positive(x), self.layer, self.other, (x,))


class Closures(nn.Module):
    """Branches that close over a weight and a computed value, and hand an input through."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = LAYER

    def forward(self, x: Tensor) -> Any:
        outer = x.sin()
        return torch.cond(positive(x), lambda x: (self.layer(x) + outer, x + 0), lambda x: (outer, x * 2), (x,))


class Nested(nn.Module):
    """A condition in a branch, and a loop in the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = LAYER

    def forward(self, x: Tensor) -> Any:
        def inner(x: Tensor) -> Tensor:
            return torch.cond(x[0, 0] > 0, self.layer, torch.sin, (x,))

        def looped(x: Tensor) -> Any:
            start = torch.zeros((), dtype=torch.int64)
            return while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, self.layer(x)), (start, x))[1]

        return torch.cond(positive(x), inner, looped, (x,))


class Newton(nn.Module):
    """A loop whose number of steps depends on the numbers."""

    def forward(self, x: Tensor) -> Any:
        def unfinished(i: Tensor, y: Tensor) -> Tensor:
            return (i < 30) & ((y * y - x).abs().max() > 1e-3)

        def improve(i: Tensor, y: Tensor) -> Any:
            return i + 1, (y + x / y) / 2

        return while_loop(unfinished, improve, (torch.zeros((), dtype=torch.int64), x + 1))


class Scan(nn.Module):
    def __init__(self, reverse: bool = False) -> None:
        super().__init__()
        self.cell, self.reverse = nn.GRUCell(3, 4), reverse

    def forward(self, x: Tensor, start: Tensor) -> Any:
        def step(state: Tensor, row: Tensor) -> Any:
            state = self.cell(row, state)
            return state, state * 2

        return scan(step, start, x, dim=0, reverse=self.reverse)


class Map(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = LAYER

    def forward(self, x: Tensor) -> Any:
        total = x.sum(0)
        return map_rows(lambda row, total: (self.layer(row) + total, row.argmax(), row.max() > 1), x, total)


def fibonacci(a: Tensor, b: Tensor) -> Any:
    start = torch.zeros((), dtype=torch.int64)
    return while_loop(lambda i, a, b: i < 5, lambda i, a, b: (i + 1, b.clone(), a + b), (start, a, b))


def swapped(a: Tensor, b: Tensor) -> Any:
    start = torch.zeros((), dtype=torch.int64)
    return while_loop(lambda i, a, b: i < 3, lambda i, a, b: (i + 1, b.clone(), a.clone()), (start, a, b))


def running(x: Tensor) -> Any:
    return associative_scan(lambda a, b: a * b + 0.5, x, dim=0, combine_mode="generic")


def batched(x: Tensor, y: Tensor) -> Tensor:
    return torch.vmap(lambda a, b: (a @ b).softmax(-1), in_dims=(0, None))(x, y)


X = normal(5, 3)
CASES: list[Any] = [
    Case("cond", Branches(), [X], draws=4),
    Case("cond-closures", Closures(), [X], draws=4),
    Case("cond-nested", Nested(), [X], draws=4),
    Case("while", Newton(), [normal(4, 3).abs() + 0.5]),
    Case("while-shift", fibonacci, [X, X + 1]),
    Case("while-swap", swapped, [X, X + 1]),
    Case("while-integers", fibonacci, [ints(3), ints(3)]),
    Case("scan", Scan(), [normal(12, 2, 3), normal(2, 4)]),
    Case("scan-reverse", Scan(reverse=True), [normal(12, 2, 3), normal(2, 4)]),
    Case("scan-tiny", Scan(), [normal(2, 2, 3), normal(2, 4)]),
    Case("map", Map(), [normal(40, 3)]),
    Case("map-tiny", Map(), [normal(2, 3)]),
    Case("associative_scan", running, [normal(6, 3)]),
    Case("vmap", batched, [normal(2, 4, 3), normal(3, 5)]),
]


@cases(CASES)
def test_control(case: Case) -> None:
    check(case)


def test_branches_and_signatures_share_weights() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(200, 200)

        def forward(self, x: Tensor) -> Any:
            return torch.cond(positive(x), lambda x: self.layer(x) + 1, lambda x: self.layer(x).sin(), (x,))

    module = Twice().eval()
    x = normal(2, 200)
    ir = TorchModel({"one": Entry(module, (x,)), "two": Entry(module, (x,))}).to_ir()
    assert [g.name for g in ir.graphs] == ["one", "one/then", "one/else", "two", "two/then", "two/else"]
    assert len(to_bytes(ir)) < 1.2 * 200 * 200 * 4
