"""SavedModels and frozen graphs, as LiteModel.save writes them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import liteport
from liteport.check.tensorflow import FrozenGraph, SavedModel
from liteport.cli.main import run
from liteport.errors import InputError, UsageError
from liteport.formats.tensorflow.runtime import tensorflow


class Net(nn.Module):
    """Two entry points over the same convolutions, depthwise and grouped ones among them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.norm = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.grouped = nn.Conv2d(8, 16, 1, groups=2)
        self.head = nn.Linear(16, 5)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        return self.grouped(self.depthwise(torch.relu(self.norm(self.stem(x)))))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x).mean((2, 3)))


X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def net() -> Net:
    return Net().eval()


def expected(net: Any, x: torch.Tensor) -> Any:
    with torch.no_grad():
        return net(x).numpy()


def test_a_saved_model(net: Net, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    saved = liteport.convert(net, (X,)).save(folder, verify=2)
    assert saved.files == (folder,)
    assert saved.verification is not None
    assert saved.verification.passed
    assert os.listdir(tmp_path) == ["m"]
    loaded = tensorflow().saved_model.load(str(folder))
    names = {"stem", "depthwise", "grouped", "head"}
    assert set(loaded.weights) == {f"{name}.{role}" for name in names for role in ("weight", "bias")}
    assert loaded.weights["stem.weight"].shape == (3, 3, 3, 8)


def test_a_saved_model_is_trained_on(net: Net, tmp_path: Path) -> None:
    tf = tensorflow()
    liteport.convert(net, (X,)).save(tmp_path / "m")
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    call = loaded.signatures["serving_default"]
    variables = list(loaded.weights.values())

    def loss() -> Any:
        return tf.reduce_mean(tf.square(call(x=tf.constant(X.numpy()))["output"] - 1.0))

    with tf.GradientTape() as tape:
        before = loss()
    for variable, gradient in zip(variables, tape.gradient(before, variables), strict=True):
        assert np.abs(gradient).max() > 0, variable.name
        variable.assign_sub(0.01 * gradient)
    assert loss() < before


def test_entry_points_are_signatures_that_share_their_variables(net: Net, tmp_path: Path) -> None:
    model = liteport.convert({"features": (net.features, (X,)), "scores": (net.forward, (X,))})
    model.save(tmp_path / "m", verify=1)
    loaded = tensorflow().saved_model.load(str(tmp_path / "m"))
    assert set(loaded.signatures) == {"features", "scores"}
    assert len(loaded.weights) == 8
    with pytest.raises(UsageError, match="has one signature, the model several"):
        model.save(tmp_path / "m.pb")
    files = model.save(tmp_path / "m.pb", separate=True, verify=1).files
    assert [file.name for file in files] == ["m.features.pb", "m.features.pb.json", "m.scores.pb", "m.scores.pb.json"]


def test_a_frozen_graph_and_its_names(net: Net, tmp_path: Path) -> None:
    model = liteport.convert(net, (X,), channels_last=True, input_names=["image"], output_names=["scores/all"])
    model.save(tmp_path / "m.pb", verify=1)
    assert json.loads((tmp_path / "m.pb.json").read_text()) == {
        "signature": "serving_default",
        "inputs": {"image": {"tensor": "image:0", "dtype": "float32", "shape": [2, 16, 16, 3]}},
        "outputs": {"scores/all": {"tensor": "scores/all:0", "dtype": "float32", "shape": [2, 5]}},
    }
    runner = FrozenGraph(tmp_path / "m.pb")
    found = runner.run({"image": X.permute(0, 2, 3, 1).numpy()}, "serving_default")
    np.testing.assert_allclose(found["scores/all"], expected(net, X), atol=1e-6)


def test_dynamic_dimensions_stay_open(net: Net, tmp_path: Path) -> None:
    model = liteport.convert(net, (X,), dynamic="batch")
    model.save(tmp_path / "m", verify=1)
    model.save(tmp_path / "m.pb", verify=1)
    more = torch.cat([X, X, X])
    for runner in (SavedModel(tmp_path / "m"), FrozenGraph(tmp_path / "m.pb")):
        assert runner.shapes("serving_default") == {"x": (-1, 3, 16, 16)}
        found = runner.run({"x": more.numpy()}, "serving_default")
        np.testing.assert_allclose(found["output"], expected(net, more), atol=1e-6)


def test_a_saved_model_takes_the_place_of_another(net: Net, tmp_path: Path) -> None:
    model = liteport.convert(net, (X,))
    (tmp_path / "m").mkdir()
    model.save(tmp_path / "m")
    (tmp_path / "m" / "old").touch()
    model.save(f"{tmp_path}/m/")
    assert "old" not in os.listdir(tmp_path / "m")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").touch()
    with pytest.raises(InputError, match="is a folder with other things than a SavedModel in it"):
        model.save(tmp_path / "other")
    assert os.listdir(tmp_path / "other") == ["notes.txt"]


def test_outputs_keep_their_names_beside_operations_that_bear_them(net: Net, tmp_path: Path) -> None:
    named = {"output_names": ["stem"]}  # as the layer is called, and the scope of its operations
    liteport.convert(net, (X,), **named).save(tmp_path / "m.tflite")  # type: ignore[arg-type]
    model = liteport.convert(tmp_path / "m.tflite")
    model.save(tmp_path / "m.pb", verify=1)
    assert json.loads((tmp_path / "m.pb.json").read_text())["outputs"]["stem"]["tensor"] == "stem:0"
    model.save(tmp_path / "m", verify=1)


def test_an_output_that_is_an_input(tmp_path: Path) -> None:
    class Same(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"x": x, "X": x + 1, "twice": 2 * x}

    model = liteport.convert(Same(), (X,))
    model.save(tmp_path / "m.pb", verify=1)
    tensors = {name: t["tensor"] for name, t in json.loads((tmp_path / "m.pb.json").read_text())["outputs"].items()}
    assert tensors == {"x": "x_1:0", "X": "X_2:0", "twice": "twice:0"}


def test_without_tensorflow(net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = liteport.convert(net, (X,))
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    for name in ("m", "m.pb"):
        with pytest.raises(
            UsageError, match=r"needs tensorflow, which is not there: pip install liteport\[tensorflow\]"
        ):
            model.save(tmp_path / name)


ARGUMENTS = ("convert", "net.py:Net", "--input", "2,3,16,16")


def test_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text("from tests.backends.tensorflow.test_saved import Net\n")

    def command(*options: str) -> tuple[int, str, str]:
        code = run([*ARGUMENTS, *options])
        return code, *capfd.readouterr()

    code, out, _ = command("-o", "m.pb")
    assert code == 0
    assert re.search(r"in +x +x:0 +float32 +2,3,16,16", out)
    code, out, _ = command("-o", "m.pb", "--json")
    assert [Path(file["path"]).name for file in json.loads(out)["files"]] == ["m.pb", "m.pb.json"]
    for options, says in REFUSED.items():
        code, _, err = command("-o", "m", *options)
        assert (code, says in err) == (2, True), err
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == ["m.pb", "m.pb.json", "net.py"]


REFUSED = {
    ("--prefer", "size"): "--prefer and --tune choose among forms of a .tflite",
    ("--tune",): "--prefer and --tune choose among forms of a .tflite",
    ("--quantize", "fp16"): "--quantize is for .tflite",
}


def test_nothing_of_what_tensorflow_says_about_itself(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("from tests.backends.tensorflow.test_saved import Net\n")
    command = [sys.executable, "-m", "liteport", *ARGUMENTS, "-o", "m/"]
    home = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, cwd=tmp_path, env=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"(\w+ [\d.]+s\s+)+", done.stderr), done.stderr
    assert re.fullmatch(r"m +[\d.]+ kB in [\d.]+ s\n\n +name +tensor .*passed on 8 samples.*", done.stdout, re.DOTALL)
