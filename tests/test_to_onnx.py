"""export_onnx(): PyTorch's own .onnx files, with the loading, the names and the proof of a conversion."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import liteport
from liteport.check.onnx_runtime import OnnxRuntime
from liteport.errors import InputError, LiteportError, UnsupportedError, UsageError, VerificationError
from liteport.frontends.torch import onnx as torch_onnx

X, IDS = torch.randn(2, 3, 8, 8), torch.arange(3)


class Net(nn.Module):
    """Seeded; results of every kind: nested, twice the same, an input, a constant, no tensor."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)
        self.register_buffer("ones", torch.ones(3))

    def forward(self, x: torch.Tensor, ids: torch.Tensor, factor: int = 1, absent: Any = None) -> dict[str, Any]:
        y = self.conv(x).relu() * factor
        return {"y": y, "parts": [y, x, self.ones, y.mean()], "none": absent, "size": x.shape[0], "ids": ids + 1}

    def track(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class Dependent(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.special.bessel_j0(x)


def face(path: Path) -> dict[str, list[int | str]]:
    """The inputs and outputs of a valid .onnx file, with names for dynamic sizes."""
    onnx.checker.check_model(str(path), full_check=True)
    graph = onnx.load(path).graph
    return {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in [*graph.input, *graph.output]
    }


def test_names_are_those_of_a_conversion(tmp_path: Path) -> None:
    steps: list[str] = []
    saved = liteport.export_onnx(
        Net(), tmp_path / "m.onnx", (X, IDS, 3), verify=2, progress=lambda step: steps.append(step.stage)
    )
    assert saved.files == (tmp_path / "m.onnx",)
    assert saved.verification is not None
    assert [output.name for output in saved.verification.outputs] == [
        "y",
        "parts_0",
        "parts_1",
        "parts_2",
        "parts_3",
        "size",
        "ids_output",
    ]
    assert face(tmp_path / "m.onnx") == {
        "x": [2, 3, 8, 8], "ids": [3], "y": [2, 4, 6, 6], "parts_0": [2, 4, 6, 6], "parts_1": [2, 3, 8, 8],
        "parts_2": [3], "parts_3": [], "size": [], "ids_output": [3],
    }  # fmt: skip
    assert saved.notes == (
        "training mode was switched off",
        "output ids is called ids_output: in an .onnx no output bears an input's name",
    )
    assert list(dict.fromkeys(steps)) == ["load", "export", "write", "verify"]
    file = liteport.convert(Net(), (X, IDS, 3))
    assert liteport.verify(file, tmp_path / "m.onnx").passed
    assert liteport.verify(tmp_path / "m.onnx", file).passed


def test_dynamic_dimensions_keep_their_names(tmp_path: Path) -> None:
    dynamic = "x:0=batch,x:2=height:4..64"
    saved = liteport.export_onnx(Net().track, tmp_path / "m.onnx", X, dynamic=dynamic, verify=4)
    assert face(tmp_path / "m.onnx") == {"x": ["batch", 3, "height", 8], "output": ["batch", 4, "height - 2", 6]}
    runner = OnnxRuntime(tmp_path / "m.onnx")
    assert runner.run({"x": np.zeros((5, 3, 20, 8), np.float32)})["output"].shape == (5, 4, 18, 6)
    assert saved.verification is not None
    assert saved.verification.samples == 4


def test_other_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", image=np.ones((3, 2, 3, 8, 8), np.float32))
    saved = liteport.export_onnx(
        Net().track,
        tmp_path / "m.onnx",
        X,
        input_names=["image"],
        output_names={"output": "conv2d"},
        data=tmp_path / "data.npz",
    )
    assert list(face(tmp_path / "m.onnx")) == ["image", "conv2d"]
    assert saved.verification is not None
    assert saved.verification.samples == 3


def test_an_output_named_like_an_inner_value(tmp_path: Path) -> None:
    """What torch.onnx calls conv2d itself is called something else then."""
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3), nn.ReLU())
    liteport.export_onnx(model, tmp_path / "m.onnx", X, output_names=["conv2d"], verify=1)
    assert list(face(tmp_path / "m.onnx")) == ["input", "conv2d"]


def test_an_entry_point_to_each_file(tmp_path: Path) -> None:
    entries = {"all": ("forward", (X, IDS)), "track": ("track", (X,))}
    with pytest.raises(UsageError, match=r"one entry point: --separate .* writes m.all.onnx, m.track.onnx"):
        liteport.export_onnx(Net(), tmp_path / "m.onnx", entries=entries)
    saved = liteport.export_onnx(Net(), tmp_path / "m.onnx", entries=entries, separate=True, verify=1)
    assert [file.name for file in saved.files] == ["m.all.onnx", "m.track.onnx"]
    assert saved.verification is not None
    assert {output.signature for output in saved.verification.outputs} == {"all", "track"}
    assert list(face(tmp_path / "m.track.onnx")) == ["x", "output"]


def test_large_weights_stand_beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.onnx._internal.exporter._onnx_program, "_LARGE_MODEL_THRESHOLD", 1000)
    saved = liteport.export_onnx(nn.Linear(50, 50), tmp_path / "m.onnx", torch.ones(1, 50), verify=1)
    assert [file.name for file in saved.files] == ["m.onnx", "m.onnx.data"]
    assert (tmp_path / "m.onnx.data").stat().st_size >= 10_000 > (tmp_path / "m.onnx").stat().st_size
    assert list(face(tmp_path / "m.onnx")) == ["input", "output"]


def test_what_differs_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_text("old")
    with pytest.raises(VerificationError):
        liteport.export_onnx(Net().track, tmp_path / "m.onnx", X, verify=1, tolerance=0)
    assert os.listdir(tmp_path) == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_text() == "old"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(tmp_path: Path, dtype: torch.dtype) -> None:
    saved = liteport.export_onnx(Net().to(dtype), tmp_path / "m.onnx", (X, IDS), verify=2)
    assert any("float32" in note for note in saved.notes)
    assert onnx.load(tmp_path / "m.onnx").graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 7, num_layers=2, bidirectional=True)

    def forward(self, x: torch.Tensor) -> Any:
        return self.lstm(x)


class Writing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.zeros(3)
        y[1:] += x[1:]
        return y * 2


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (x,))


# name, model, inputs
MODELS: list[tuple[str, Callable[[], nn.Module], tuple[Any, ...]]] = [
    ("lstm", Recurrent, (torch.randn(4, 2, 5),)),
    ("in place, partly", Writing, (torch.ones(3),)),
    ("branch", Branching, (torch.randn(3),)),
    ("attention", lambda: nn.TransformerEncoderLayer(8, 2, batch_first=True), (torch.randn(2, 5, 8),)),
    ("in place", lambda: nn.Sequential(nn.Conv2d(3, 3, 3), nn.ReLU(True), nn.Hardswish(True)), (X,)),
]  # fmt: skip


@pytest.mark.parametrize(("make", "inputs"), [m[1:] for m in MODELS], ids=[m[0] for m in MODELS])
def test_models(tmp_path: Path, make: Callable[[], nn.Module], inputs: tuple[Any, ...]) -> None:
    saved = liteport.export_onnx(make().eval(), tmp_path / "m.onnx", inputs, verify=4)
    assert saved.verification is not None
    assert saved.verification.passed


# name, arguments, error, a piece of the message
REFUSED: list[tuple[str, dict[str, Any], type[LiteportError], str]] = [
    ("suffix", {"path": "m.tflite"}, InputError, "must be called something.onnx"),
    ("source", {"model": "m.tflite"}, UsageError, "m.tflite is no PyTorch model"),
    ("layout", {"channels_last": True}, UsageError, "the order of dimensions that PyTorch has: convert to .tflite"),
    ("type", {"input_dtype": "uint8"}, UsageError, "the types and the order"),
    ("indices", {"indices": "int32"}, UsageError, "the types and the order"),
    ("name", {"input_names": {"z": "y"}}, UsageError, "--input-names: there is no z"),
    (
        "operator",
        {"model": Dependent(), "inputs": X},
        UnsupportedError,
        "torch.onnx cannot write serving_default: it has nothing for prims.bessel_j0.default",
    ),
    ("samples", {"verify": -1}, UsageError, "at least 1"),
]


@pytest.mark.parametrize(("given", "error", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refused(tmp_path: Path, given: dict[str, Any], error: type[LiteportError], says: str) -> None:
    given = {"model": Net(), "inputs": (X, IDS), **given}
    with pytest.raises(error) as caught:
        liteport.export_onnx(path=tmp_path / given.pop("path", "m.onnx"), **given)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_onnx, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"onnx and onnxscript.*pip install liteport\[onnx\]"):
        liteport.export_onnx(Net(), tmp_path / "m.onnx", (X, IDS))


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    liteport.export_onnx(Net(), tmp_path / "m.onnx", (X, IDS), verify=1)
    with pytest.raises(UnsupportedError):
        liteport.export_onnx(Dependent(), tmp_path / "m.onnx", X)
    assert capfd.readouterr() == ("", "")
