"""Forwards that branch on numbers which the module keeps."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.frontends.torch.ops.inputs import normal
from tests.harness import Case, cases, check


class Keeper(nn.Module):
    """A module with buffers and a parameter of one element, whose forward is `call(self, x)`."""

    def __init__(self, call: Callable[[Keeper, Tensor], Tensor]) -> None:
        super().__init__()
        self.call = call
        self.initialised: Tensor
        self.stride: Tensor
        self.steps: Tensor
        self.register_buffer("initialised", torch.tensor([True]))
        self.register_buffer("stride", torch.tensor(2))
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("table", torch.tensor([1, 2]))
        self.temperature = nn.Parameter(torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.call(self, x)


def branches(net: Keeper, x: Tensor) -> Tensor:
    if not net.initialised.item():
        raise ValueError("not ready")
    return x * net.temperature if net.temperature < 1 else x


def padded(net: Keeper, x: Tensor) -> Tensor:
    missing = torch.ceil(x.shape[-1] / net.stride).to(torch.int64) * net.stride - x.shape[-1]
    return F.pad(x, (0, int(missing)))[..., :: int(net.stride)]


def first_time(net: Keeper, x: Tensor) -> Tensor:
    if net.steps == 0:
        x = x + 1
    return x * 2


def of_a_table(net: Keeper, x: Tensor) -> Tensor:
    first, second = net.get_buffer("table")[:2]
    return x[:, first:] if second > first else -x


def of_the_code(net: Keeper, x: Tensor) -> Tensor:
    """Maps of several sizes in one row, as detectors keep them."""
    sizes = torch.tensor([[2, 2], [1, 4]])
    starts = torch.cat((sizes.new_zeros((1,)), sizes.prod(1).cumsum(0)[:-1]))
    maps = [x[:, s : s + h * w].unflatten(1, (int(h), int(w))).sum(1) for s, (h, w) in zip(starts, sizes, strict=True)]
    return torch.cat(maps, 1)


CASES = [
    Case("branches", Keeper(branches), [normal(2, 5)], ops=["MUL"]),
    Case("padded", Keeper(padded), [normal(2, 5)]),
    Case("first_time", Keeper(first_time), [normal(2, 5)], ops=["ADD", "MUL"]),
    Case("of_data", Keeper(lambda net, x: x if x[0, 0] > 0 else -x), [normal(2, 5)], error="torch.cond"),
    Case("of_a_table", Keeper(of_a_table), [normal(2, 8)]),
    Case(
        "of_a_range", Keeper(lambda net, x: x.mean(torch.arange(1, x.ndim).tolist())), [normal(2, 8, 3)], ops=["MEAN"]
    ),
    Case("of_the_code", Keeper(of_the_code), [normal(2, 8)]),
]


@cases(CASES)
def test_known(case: Case) -> None:
    check(case)


def test_what_is_written_stays_in_the_export() -> None:
    def counting(net: Keeper, x: Tensor) -> Tensor:
        net.steps.add_(1)
        return x * int(net.steps)

    net = Keeper(counting)
    from liteport.frontends.torch.export import export

    export(net, (normal(2),), {})
    assert int(net.steps) == 0
