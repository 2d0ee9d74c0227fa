"""A model in every format of the chain, each compared with its origin."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import liteport
from liteport.errors import InputError, UnsupportedError, UsageError
from liteport.to_onnx import OnnxFiles


class Net(nn.Module):
    """A convolution and a classifier, with a second entry point."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.head = nn.Linear(4, 5)

    def forward(self, image: Tensor) -> Tensor:
        return self.head(self.features(image).mean((2, 3)))

    def features(self, image: Tensor) -> Tensor:
        return self.conv(image).relu()


X = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def net() -> nn.Module:
    torch.manual_seed(0)
    return Net().eval()


def test_every_stage_is_written_and_compared_on_the_same_samples(net: nn.Module, tmp_path: Path) -> None:
    found = liteport.stages(net, tmp_path / "out", (X,), samples=20)
    assert found.passed
    assert [stage.kind for stage in found.stages] == ["onnx", "savedmodel", "pb", "tflite"]
    for stage in found.stages:
        assert stage.verification is not None
        assert stage.verification.samples == 20
        assert stage.verification.outputs[0].mean_error < 1e-6
        assert stage.size > 0
        assert stage.inference > 0
        assert all(file.exists() for file in stage.files)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    written = {"model.onnx", "model_saved", "model.pb", "model.pb.json", "model.tflite"}
    assert names == {*written, "model.stages.json", "model.stages.md"}
    kept = json.loads((tmp_path / "out" / "model.stages.json").read_text())
    assert [stage["kind"] for stage in kept["stages"]] == ["onnx", "savedmodel", "pb", "tflite"]
    page = (tmp_path / "out" / "model.stages.md").read_text()
    assert page.count("\n|") == 6
    assert "20 samples of random inputs" in page


def test_entry_points_share_a_savedmodel_and_have_a_frozen_graph_each(net: nn.Module, tmp_path: Path) -> None:
    entries = {"classify": (net.forward, (X,)), "features": (net.features, (X,))}
    found = liteport.stages(entries, tmp_path, samples=2)
    assert found.passed
    files = {stage.kind: [file.name for file in stage.files] for stage in found.stages}
    assert files["onnx"] == ["model.classify.onnx", "model.features.onnx"]
    assert files["savedmodel"] == ["model_saved"]
    each = ["model.classify.pb", "model.features.pb"]
    assert files["pb"] == [name for pb in each for name in (pb, f"{pb}.json")]
    for stage in found.stages:
        assert stage.verification is not None
        assert {check.signature for check in stage.verification.outputs} == {"classify", "features"}


def test_data_of_ones_own_is_compared_on(net: nn.Module, tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", image=np.ones((3, 1, 3, 8, 8), np.float32))
    found = liteport.stages(net, tmp_path / "out", (X,), data=tmp_path / "own.npz", kinds=["onnx", "tflite"])
    assert found.samples.startswith("3 samples of ")


def test_a_stage_that_cannot_be_written_is_left_out_and_the_others_are_there(
    net: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object, **options: object) -> None:
        raise UnsupportedError("torch.onnx cannot write this")

    monkeypatch.setattr(OnnxFiles, "of", fails)
    found = liteport.stages(net, tmp_path, (X,), samples=2, kinds=["onnx", "tflite"])
    assert not found.passed
    assert [(stage.kind, stage.problem) for stage in found.stages if stage.problem] == [
        ("onnx", "torch.onnx cannot write this")
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"model.tflite", "model.stages.json", "model.stages.md"}
    with pytest.raises(UnsupportedError, match=r"no stage can be written: torch.onnx cannot"):
        liteport.stages(net, tmp_path, (X,), samples=2, kinds=["onnx"])
    assert "torch.onnx cannot write this" in (tmp_path / "model.stages.md").read_text()


def test_a_stage_that_does_not_match_is_left_out(net: nn.Module, tmp_path: Path) -> None:
    found = liteport.stages(net, tmp_path, (X,), samples=2, tolerance=0, kinds=["tflite"])
    assert "is not below" in found.stages[0].problem
    assert not (tmp_path / "model.tflite").exists()


def test_what_cannot_be_asked_for(net: nn.Module, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="there is no stage 'onx': onnx, savedmodel, pb, tflite"):
        liteport.stages(net, tmp_path, (X,), kinds=["onx"])
    with pytest.raises(InputError, match="is no folder"):
        liteport.stages(net, tmp_path / "file", (X,))
    with pytest.raises(InputError, match="cannot be made"):
        liteport.stages(net, tmp_path / "file" / "in", (X,))
    with pytest.raises(UsageError, match=r"m.onnx is not: leave the stage onnx out"):
        liteport.stages("m.onnx", tmp_path, kinds=["onnx"])
