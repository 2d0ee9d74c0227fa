"""Which dimensions are dynamic, in text and in torch.export's terms."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

import liteport
from liteport.errors import UsageError

X, IDS = torch.randn(1, 3, 8, 8), torch.ones(1, 5, dtype=torch.int64)


class Net(nn.Module):
    def forward(self, x: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        return x * 2, ids + 1


# the specification, the shapes of x and ids that an inspection shows
SPECS: list[tuple[str, Any, list[tuple[Any, ...]]]] = [
    ("batch", "batch", [("batch", 3, 8, 8), ("batch", 5)]),
    ("several texts", ["0=n", "ids:1=length"], [("n", 3, 8, 8), ("n", "length")]),
    ("one input", "x:2=height,x:3=width", [(1, 3, "height", "width"), (1, 5)]),
    ("named dims", {"x": {0: Dim("n", max=9)}, "ids": None}, [("n", 3, 8, 8), (1, 5)]),
    ("a tuple", ({0: Dim.DYNAMIC}, (None, Dim.AUTO)), [("x_0", 3, 8, 8), (1, "ids_1")]),
]


@pytest.mark.parametrize(("spec", "shapes"), [s[1:] for s in SPECS], ids=[s[0] for s in SPECS])
def test_dynamic(spec: Any, shapes: list[tuple[Any, ...]]) -> None:
    model = liteport.convert(Net(), (X, IDS), dynamic=spec, verify=8)
    assert [t.shape for t in model.inspect().signatures[0].inputs] == shapes


WRONG = [
    ("no such input", "y:0=batch", "no input y with a dimension 0"),
    ("no such dimension", "ids:2=depth", r"no input ids with a dimension 2 for depth: there are x\[1, 3, 8, 8\]"),
    ("no name", "x:2", "'x:2' is not a dimension such as batch"),
]


@pytest.mark.parametrize(("spec", "why"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_wrong(spec: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        liteport.convert(Net(), (X, IDS), dynamic=spec)


def test_any_allowed_size_runs() -> None:
    model = liteport.convert(Net(), (X, IDS), dynamic="batch")
    x = torch.randn(7, 3, 8, 8)
    doubled, _ = model(x, torch.ones(7, 5, dtype=torch.int64))
    assert (doubled == x.numpy() * 2).all()
    with pytest.raises(UsageError, match=r"input x takes float32\[any,3,8,8\], not float32\[2,3,8,7\]"):
        model(torch.zeros(2, 3, 8, 7), IDS)


def test_exported_programs_keep_their_dimensions(tmp_path: Any) -> None:
    shapes = ({0: Dim("n")}, {0: Dim("n"), 1: Dim("k")})
    program = torch.export.export(Net(), (torch.cat([X, X]), torch.cat([IDS, IDS])), dynamic_shapes=shapes)
    torch.export.save(program, tmp_path / "net.pt2")
    model = liteport.convert(tmp_path / "net.pt2", verify=8)
    assert [t.shape for t in model.inspect().signatures[0].inputs] == [("x_0", 3, 8, 8), ("x_0", "ids_1")]
    with pytest.raises(UsageError, match="keeps the dynamic dimensions"):
        liteport.convert(tmp_path / "net.pt2", dynamic="batch")
