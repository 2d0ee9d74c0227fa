"""The public face: convert, load, verify, inspect, and the model that they give."""

from __future__ import annotations

import gc
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import liteport
from liteport.backends.tflite.writer import to_bytes
from liteport.ir import ops
from liteport.model import Step

X = torch.ones(2, 3)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 4)
        self.drop = nn.Dropout()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.drop(self.inner(x)))

    def head(self, x: torch.Tensor, scale: torch.Tensor) -> dict[str, torch.Tensor]:
        y = self.inner(x) * scale
        return {"y": y, "top": y.argmax(-1)}


@pytest.fixture
def net() -> Net:
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def model(net: Net) -> liteport.LiteModel:
    return liteport.convert(net, (X,))


def test_public_names() -> None:
    assert liteport.__all__ == sorted(liteport.__all__)
    assert set(liteport.__all__) == set(dir(liteport))
    for name in liteport.__all__:
        assert getattr(liteport, name).__module__.startswith("liteport.")
    assert liteport.__version__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = liteport.nothing


LAZY = "import liteport, sys; print(*{'torch', 'numpy', 'scipy', 'ai_edge_litert', 'rich'} & set(sys.modules))"
NO_TORCH = "import liteport, sys; liteport.load; liteport.LiteModel; print('torch' in sys.modules)"


@pytest.mark.parametrize(("script", "says"), [(LAZY, ""), (NO_TORCH, "False")])
def test_imports_are_lazy(script: str, says: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == says


# Converting and calling


def test_convert_leaves_the_module_alone(net: Net) -> None:
    weight = net.inner.weight
    model = liteport.convert(net, (X,))
    assert net.training
    assert net.inner.weight is weight
    assert model.notes == ("training mode was switched off",)
    np.testing.assert_allclose(model(X), net.eval()(X).detach().numpy(), rtol=1e-6)


def test_stages_are_told(net: Net) -> None:
    steps: list[Step] = []
    liteport.convert(net, (X,), verify=2, debug=True, progress=steps.append)
    assert [step.stage for step in steps[:4]] == ["load", "export", "import", "optimise"]
    assert steps[4:] == [Step("verify", done, 2) for done in (0, 1, 2)]


def test_calls(net: Net) -> None:
    model = liteport.convert({"main": (net, (X,)), "head": (net.head, (X, torch.ones(4)))})
    assert model.signatures == ("main", "head")
    assert repr(model).startswith("<LiteModel main, head: ")
    with torch.no_grad():
        expected = net.eval()(X).numpy()
    for call in ((X,), (X.numpy(),), ({"x": X.numpy()},)):
        np.testing.assert_allclose(model(*call, signature="main"), expected, rtol=1e-6)
    found = model(X, scale=np.full(4, 2.0), signature="head")
    assert list(found) == ["y", "top"]
    assert found["top"].dtype == np.int64
    with pytest.raises(liteport.UsageError, match="several signatures: name one"):
        model(X)
    with pytest.raises(liteport.UsageError, match=r"no signature 'tail' \(main, head\)"):
        model(X, signature="tail")
    with pytest.raises(liteport.UsageError, match="no value for input scale"):
        model(X, signature="head")


class Sequence(nn.Module):
    def forward(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        return batch["a"] + 1, batch["b"] * 2


def test_nested_inputs_and_tuples() -> None:
    batch = {"b": X, "a": X * 3}
    model = liteport.convert(Sequence(), (batch,))
    first, second = model({"a": X * 5, "b": X})
    assert (first[0, 0], second[0, 0]) == (6, 2)
    assert model.verify(2).passed


def test_running_leaves_no_files(net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    model = liteport.convert(net, (X,))
    assert list(tmp_path.iterdir()) == []
    model(X)
    model.verify(1)
    assert len(list(tmp_path.iterdir())) == 1
    del model
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_graph_text(model: liteport.LiteModel) -> None:
    assert "FULLY_CONNECTED" in model.graph_text
    assert "inner" in model.graph_text


# Verification


def spoil(model: liteport.LiteModel) -> None:
    """Makes the converted model another one."""
    for value in model.module.graphs[0].values():
        if value.data is not None and value.data.dtype == np.float32:
            value.data = value.data * 1.001


def test_verify(model: liteport.LiteModel, tmp_path: Path) -> None:
    result = model.verify()
    assert (result.passed, result.samples, len(result.outputs)) == (True, 8, 1)
    assert model.verify(samples=3, seed=7).data == "random inputs (seed 7)"
    np.savez(tmp_path / "x.npz", x=np.ones((6, 2, 3), np.float32))
    assert model.verify(data=tmp_path / "x.npz").samples == 6
    assert model.verify(2, tmp_path / "x.npz").samples == 2
    with pytest.raises(liteport.UsageError, match="at least 1"):
        model.verify(0)


def test_verify_finds_a_difference(model: liteport.LiteModel) -> None:
    spoil(model)
    result = model.verify(2)
    assert not result.passed
    for failing in (result.require, lambda: model.verify(2, strict=True)):
        with pytest.raises(liteport.VerificationError, match="mean error"):
            failing()


def test_convert_can_verify(net: Net) -> None:
    liteport.convert(net, (X,), verify=1)
    with pytest.raises(liteport.VerificationError):
        liteport.convert(net, (X,), verify=1, tolerance=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(net: Net, dtype: torch.dtype) -> None:
    model = liteport.convert(net.to(dtype), (X.to(dtype),))
    assert net.inner.weight.dtype == dtype
    assert model.verify().passed
    assert model(X).dtype == np.float32


# Saving and loading


def test_save_and_load(model: liteport.LiteModel, tmp_path: Path) -> None:
    saved = model.save(tmp_path / "m.tflite")
    assert saved.files == (tmp_path / "m.tflite",)
    assert saved.verification is None
    assert (tmp_path / "m.tflite").read_bytes() == model.to_bytes()
    loaded = liteport.load(tmp_path / "m.tflite")
    np.testing.assert_array_equal(loaded(X), model(X))
    assert loaded.signatures == ("serving_default",)
    assert loaded.inspect() == model.inspect() == liteport.inspect(model) == liteport.inspect(tmp_path / "m.tflite")
    with pytest.raises(liteport.UsageError, match="no origin to be verified against"):
        loaded.verify()


def test_save_verifies_first(model: liteport.LiteModel, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    saved = model.save(path, verify=3)
    assert saved.verification is not None
    assert saved.verification.samples == 3
    before = path.read_bytes()
    spoil(model)
    with pytest.raises(liteport.VerificationError) as caught:
        model.save(path, verify=3)
    assert caught.value.verification.samples == 3
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_save_separately(net: Net, tmp_path: Path) -> None:
    model = liteport.convert({"main": (net, (X,)), "head": (net.head, (X, torch.ones(4)))})
    saved = model.save(tmp_path / "m.tflite", separate=True, verify=2)
    assert [file.name for file in saved.files] == ["m.main.tflite", "m.head.tflite"]
    assert saved.verification is not None
    assert [(o.signature, o.name) for o in saved.verification.outputs] == [
        ("main", "output"),
        ("head", "y"),
        ("head", "top"),
    ]
    head = liteport.load(tmp_path / "m.head.tflite")
    assert head.signatures == ("head",)
    assert list(head(X, np.ones(4))) == ["y", "top"]


def test_a_tflite_is_read_optimised_and_written(tmp_path: Path) -> None:
    class Redundant(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x + 1) * 2

    path = tmp_path / "m.tflite"
    liteport.convert(Redundant(), (X,)).save(path)
    again = liteport.convert(path)
    assert again.signatures == ("serving_default",)
    assert again.verify(4).passed
    again.save(tmp_path / "again.tflite", verify=2)
    np.testing.assert_array_equal(liteport.load(tmp_path / "again.tflite")(X), np.full((2, 3), 4.0))
    with pytest.raises(liteport.UsageError, match="is complete: leave --input"):
        liteport.convert(path, (X,))


def test_operations_of_a_tflite_that_contradict_each_other(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    module = liteport.convert(nn.Conv2d(2, 3, 1), (torch.ones(1, 2, 4, 4),)).module
    operand = next(iter(module.graphs[0].find(ops.Transpose))).inputs[1]
    assert operand is not None
    operand.data = np.array([0, 2, 3, -1], np.int32)
    path.write_bytes(to_bytes(module))
    with pytest.raises(liteport.InputError, match=r"m\.tflite is damaged: .*\[0, 2, 3, -1\] is not a permutation"):
        liteport.convert(path)


def test_load_takes_tflite_only(tmp_path: Path) -> None:
    with pytest.raises(liteport.InputError, match=r"is not called \.tflite"):
        liteport.load(tmp_path / "m.pth")
    with pytest.raises(liteport.InputError, match=r"m\.tflite"):
        liteport.load(tmp_path / "m.tflite")


# verify() of any two


def test_verify_any_two(net: Net, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    model = liteport.convert(net, (X,))
    model.save(path)
    pairs: list[tuple[Any, Any]] = [(net, path), (path, net), (str(path), model), (net, model), (path, path)]
    for reference, candidate in pairs:
        assert liteport.verify(reference, candidate, samples=2).passed
    assert liteport.verify(net, net, (X,), samples=2).passed
    program = torch.export.export(net.eval(), (X,), strict=False)
    assert liteport.verify(program, path, samples=2).passed
    assert not liteport.verify(Net(), path, samples=2).passed


def test_verify_several_signatures(net: Net, tmp_path: Path) -> None:
    entries = {"forward": (net, (X,)), "head": (net.head, (X, torch.ones(4)))}
    liteport.convert(entries).save(tmp_path / "m.tflite")
    assert len(liteport.verify(net, tmp_path / "m.tflite", samples=2).outputs) == 3
    assert liteport.verify(entries, tmp_path / "m.tflite", samples=2).passed
    chosen = liteport.verify(net, tmp_path / "m.tflite", samples=2, entries={"head": ("head", (X, torch.ones(4)))})
    assert chosen.passed


def test_verify_models_of_other_inputs(net: Net) -> None:
    with pytest.raises(liteport.InputError, match=r"take different inputs: x float32\[2,3\] against batch_b"):
        liteport.verify(liteport.convert(net, (X,)), liteport.convert(Sequence(), ({"b": X, "a": X},)))
