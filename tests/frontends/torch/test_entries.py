"""From a model and example inputs, in all the forms that users have them, to entry points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from liteport.errors import InputError, UsageError
from liteport.frontends.torch.entries import DEFAULT, Options, open_model
from liteport.frontends.torch.source import OWNER

X, Y = torch.ones(2, 3), torch.ones(2, 3)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 4)
        self.drop = nn.Dropout()

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None, *, k: float = 1.0) -> torch.Tensor:
        return self.drop(self.inner(x if y is None else x + y)) * k

    def head(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


def inputs_of(model: Any, name: str = DEFAULT) -> list[str]:
    return list(model.example(name))


# name, how it is opened, the signatures and their inputs
FORMS = [
    ("a tuple", lambda n: open_model(n, (X,)), {DEFAULT: ["x"]}),
    ("a list", lambda n: open_model(n, [X, Y]), {DEFAULT: ["x", "y"]}),
    ("one tensor", lambda n: open_model(n, X), {DEFAULT: ["x"]}),
    ("an array", lambda n: open_model(n, np.ones((2, 3))), {DEFAULT: ["x"]}),
    ("keywords", lambda n: open_model(n, kwargs={"y": Y, "x": X}), {DEFAULT: ["x", "y"]}),
    ("a constant", lambda n: open_model(n, (X,), {"k": 2.0}), {DEFAULT: ["x"]}),
    ("a method", lambda n: open_model(n.head, (X,)), {DEFAULT: ["x"]}),
    ("methods", lambda n: open_model({"a": (n, (X, Y)), "b": (n.head, (X,))}), {"a": ["x", "y"], "b": ["x"]}),
    ("method with keywords", lambda n: open_model({"a": (n, (), {"y": Y, "x": X})}), {"a": ["x", "y"]}),
    ("names", lambda n: open_model(n, entries={"a": ("forward", (X,)), "b": ("head", X)}), {"a": ["x"], "b": ["x"]}),
    ("fallback", lambda n: open_model(n, fallback={"s": (X,)}), {DEFAULT: ["x"]}),
    ("several", lambda n: open_model(n, fallback={"forward": (X,), "head": (X,)}), {"forward": ["x"], "head": ["x"]}),
]


@pytest.mark.parametrize(("opened", "inputs"), [f[1:] for f in FORMS], ids=[f[0] for f in FORMS])
def test_forms(opened: Any, inputs: dict[str, list[str]]) -> None:
    net = Net()
    model = opened(net)
    assert {name: inputs_of(model, name) for name in model.signatures} == inputs
    assert model.notes == ("training mode was switched off",)
    assert net.training
    assert net.drop.training
    for entry in model.entries.values():
        owner = entry.module()
        assert not owner.training or not getattr(owner, OWNER, owner).training


def test_entry_points_share_one_twin() -> None:
    net = Net()
    model = open_model({"a": (net, (X,)), "b": (net.head, (X,))})
    twin = model.entries["a"].call
    assert twin is not net
    assert model.entries["b"].call.__self__ is twin
    assert twin.inner.weight is net.inner.weight


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64, torch.bfloat16])
def test_examples_become_float32_with_the_module(dtype: torch.dtype) -> None:
    model = open_model(Net().to(dtype), (X.to(dtype), np.ones((2, 3), np.float16)))
    assert {name: a.dtype.name for name, a in model.example(DEFAULT).items()} == {"x": "float32", "y": "float32"}
    assert model.run(model.example(DEFAULT), DEFAULT)["output"].shape == (2, 4)
    assert any("float32" in note for note in model.notes)


def test_program_and_pt2(tmp_path: Path) -> None:
    program = torch.export.export(Net().eval(), (X,), strict=False)
    torch.export.save(program, tmp_path / "m.pt2")
    for source in (program, tmp_path / "m.pt2", str(tmp_path / "m.pt2")):
        assert inputs_of(open_model(source)) == ["x"]
        assert inputs_of(open_model(source, fallback={"a": (X,)})) == ["x"]
        with pytest.raises(UsageError, match="keeps its own example inputs"):
            open_model(source, (X,))


def test_files(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("from torch import nn\ndef build(n=3): return nn.Linear(n, 4)\n")
    torch.save(nn.Linear(5, 4).state_dict(), tmp_path / "w.pth")
    assert inputs_of(open_model(f"{tmp_path}/net.py:build", (X,))) == ["input"]
    options = Options(f"{tmp_path}/net.py:build", {"n": 5})
    assert inputs_of(open_model(tmp_path / "w.pth", (torch.ones(1, 5),), options=options)) == ["input"]


# name, how it is opened, a piece of the message
ERRORS = [
    ("no inputs", lambda n: open_model(n), "--input 1,3,224,224"),
    ("a dict", lambda n: open_model(n, {"x": X}), "pass (inputs,) for one dict, or kwargs=inputs"),
    ("a shape", lambda n: open_model(n, (1, 3)), "hold no tensors (int, int)"),
    ("nothing", lambda n: open_model(n, ()), "missing a required argument: 'x'"),
    ("objects", lambda n: open_model(n, (np.array([None]),)), "holds object, which PyTorch does not take"),
    ("entries and inputs", lambda n: open_model(n, (X,), entries={"a": ("head", (X,))}), "leave --input"),
    ("methods and inputs", lambda n: open_model({"a": (n, (X,))}, (X,)), "brings its own inputs"),
    ("no entries", lambda n: open_model({}), "no entry points"),
    ("no method", lambda n: open_model(n, entries={"a": ("tail", (X,))}), "no method tail; it has forward, head"),
    ("an attribute", lambda n: open_model(n, entries={"a": ("training", (X,))}), "no method training"),
    ("a function", lambda n: open_model({"a": (lambda x: x, (X,))}), "entry point a: pass (net.method, args)"),
    ("entry without inputs", lambda n: open_model({"a": n}), "the shapes of the inputs are not known"),
    ("a number", lambda n: open_model(5, (X,)), "a int is not a model"),
]


@pytest.mark.parametrize(("opened", "says"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_errors(opened: Any, says: str) -> None:
    with pytest.raises((UsageError, InputError)) as caught:
        opened(Net())
    assert says in str(caught.value)
