"""Networks as .keras files: loaded where there is no liteport, in safe mode, they give what they give in PyTorch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from torch import nn

import liteport
from examples.lprnet.model import LPRNet
from examples.support.torchvision_cpu import torchvision
from examples.support.weights import seeded
from liteport.backends.keras.writer import model_of
from liteport.ir import ops
from liteport.ir.builder import Builder
from liteport.ir.graph import Graph
from liteport.ir.types import DType, Quantization, TensorType

LOAD_AND_RUN = """
import sys
sys.modules["liteport"] = None  # importing it would fail
import keras, numpy as np
folder = sys.argv[1]
for name in sys.argv[2:]:
    model = keras.saving.load_model(f"{folder}/{name}.keras")
    given = np.load(f"{folder}/{name}.npz")
    result = model([given[key] for key in given] if len(given) > 1 else given[next(iter(given))])
    named = result if isinstance(result, dict) else {"output": result}
    np.savez(f"{folder}/{name}.results.npz", **{key: np.asarray(value) for key, value in named.items()})
"""


class Attention(nn.Module):
    """A block of a transformer over embedded tokens, with two outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(50, 32)
        self.places = nn.Parameter(torch.randn(1, 12, 32))
        self.block = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=True, activation="gelu")
        self._head = nn.Linear(32, 5)

    def forward(self, ids: torch.Tensor, scale: torch.Tensor) -> dict[str, torch.Tensor]:
        x = self.block(self.tokens(ids) + self.places) * scale
        return {"scores": self._head(x).softmax(-1), "hidden": x}


def residual_block() -> nn.Module:
    return torchvision.models.resnet.BasicBlock(
        8, 16, 2, nn.Sequential(nn.Conv2d(8, 16, 1, 2, bias=False), nn.BatchNorm2d(16))
    )


NETWORKS: dict[str, Any] = {
    "residual": (residual_block, lambda: (torch.randn(2, 8, 10, 10),)),
    "mobilenet": (lambda: torchvision.models.mobilenet_v2(width_mult=0.25), lambda: (torch.randn(1, 3, 64, 64),)),
    "attention": (Attention, lambda: (torch.randint(0, 50, (2, 12)), torch.rand(2, 12, 1))),
    "lprnet": (LPRNet, lambda: (torch.randn(1, 3, 24, 94),)),
}


def converted(name: str, **options: Any) -> tuple[nn.Module, tuple[Any, ...], liteport.LiteModel]:
    make, draw = NETWORKS[name]
    torch.manual_seed(0)
    module, inputs = seeded(make).eval(), draw()
    return module, inputs, liteport.convert(module, inputs, prefer="plain", **options)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each network gives in PyTorch, and its file in a process of its own."""
    folder = tmp_path_factory.mktemp("networks")
    expected = {}
    for name in NETWORKS:
        module, inputs, model = converted(name)
        saved = model.save(folder / f"{name}.keras", verify=1)
        assert saved.verification is not None
        assert saved.verification.passed
        np.savez(folder / f"{name}.npz", **{f"x{i}": x.numpy() for i, x in enumerate(inputs)})
        with torch.no_grad():
            result = module(*inputs)
        expected[name] = result if isinstance(result, dict) else {"output": result}
    subprocess.run([sys.executable, "-c", LOAD_AND_RUN, str(folder), *NETWORKS], check=True, capture_output=True)
    return {name: (want, np.load(folder / f"{name}.results.npz")) for name, want in expected.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_the_same_without_liteport(name: str, results: dict[str, Any]) -> None:
    expected, actual = results[name]
    assert set(expected) == set(actual)
    for output, want in expected.items():
        np.testing.assert_allclose(actual[output], want, rtol=0, atol=2e-6 * max(1.0, float(want.abs().max())))


def test_layers_are_called_after_modules_and_have_the_weights() -> None:
    module, _, model = converted("attention")
    made = model_of(model.module.graphs[0])
    assert [tensor.name for tensor in made.inputs] == ["ids", "scale"]
    assert sorted(made.output_names) == ["hidden", "scores"]
    head = made.get_layer("head")
    np.testing.assert_array_equal(head.kernel, module._head.weight.detach().numpy().T)
    np.testing.assert_array_equal(made.get_layer("tokens").embeddings, module.tokens.weight.detach().numpy())
    assert {"block.linear1", "block.linear2", "places"} <= {layer.name for layer in made.layers}
    count = sum(parameter.numel() for parameter in module.parameters())
    # The scales and shifts of its norms are in the layers behind them.
    assert count - 4 * 32 <= made.count_params() <= count


def test_a_step_of_training_lowers_the_loss() -> None:
    _, _, model = converted("residual", dynamic="batch")
    made = model_of(model.module.graphs[0])
    assert made.inputs[0].shape == (None, 8, 10, 10)
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(3, *shape)).astype(np.float32) for shape in ((8, 10, 10), (16, 5, 5)))
    made.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=False)
    before = made.evaluate(x, y, verbose=0)
    made.train_on_batch(x, y)
    assert made.evaluate(x, y, verbose=0) < before
    assert len(made.trainable_variables) == 2 * 3


def test_a_layer_that_is_applied_twice_is_one() -> None:
    layer = nn.Linear(4, 4)
    model = liteport.convert(nn.Sequential(layer, nn.Tanh(), layer).eval(), (torch.randn(2, 4),))
    made = model_of(model.module.graphs[0])
    assert made.count_params() == 20


def test_a_file_is_the_same_every_time(tmp_path: Path) -> None:
    files = []
    for number in range(2):
        _, _, model = converted("residual")
        model.save(tmp_path / f"{number}.keras")
        files.append((tmp_path / f"{number}.keras").read_bytes())
    assert files[0] == files[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.keras", "1.keras"]


class WithToken(nn.Module):
    """A token in front of each sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1)


class InWindows(nn.Module):
    """What is computed in windows of 4 x 4, which stand beside the batch meanwhile."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = x.view(-1, 2, 4, 2, 4, 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, 16, 3)
        return parts.softmax(1).view(-1, 2, 2, 4, 4, 3).permute(0, 1, 3, 2, 4, 5).reshape(-1, 8, 8, 3)


DYNAMIC = [
    ("token", WithToken(), "batch", (2, 3, 8), (5, 3, 8)),
    ("windows", InWindows(), "batch", (2, 8, 8, 3), (5, 8, 8, 3)),
    ("sequence", nn.Linear(8, 4), "input:0=batch,input:1=time:2..64", (2, 12, 8), (3, 5, 8)),
    ("maps", nn.Sequential(nn.Conv2d(3, 4, 3), nn.UpsamplingNearest2d(scale_factor=2)), "input:2=height:8..64,input:3=width:8..64", (1, 3, 16, 16), (1, 3, 20, 31)),
]  # fmt: skip


@pytest.mark.parametrize(("module", "dynamic", "example", "other"), [pytest.param(*row, id=id) for id, *row in DYNAMIC])
def test_open_sizes_stay_open(module: nn.Module, dynamic: str, example: Any, other: Any, tmp_path: Path) -> None:
    model = liteport.convert(module.eval(), (torch.randn(example),), dynamic=dynamic)
    model.save(tmp_path / "m.keras", verify=2)
    x = torch.randn(other)
    with torch.no_grad():
        expected = module(x)
    result = keras.saving.load_model(tmp_path / "m.keras")(x.numpy())
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-6)


class OfAll(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(0, 1).softmax(0).view(x.shape)


def test_a_shape_of_several_open_sizes_is_refused(tmp_path: Path) -> None:
    model = liteport.convert(OfAll().eval(), (torch.randn(2, 3, 4),), dynamic="x:0=batch,x:1=time:2..9")
    with pytest.raises(liteport.UnsupportedError, match="several open sizes"):
        model.save(tmp_path / "n.keras")


def test_masks_are_no_weights_to_be_trained() -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.full((6,), 2.0))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x * self.scale + torch.zeros(6, 6).masked_fill(torch.ones(6, 6).triu(1) > 0, -1e9)).softmax(-1)

    made = model_of(liteport.convert(Masked().eval(), (torch.randn(2, 6, 6),)).module.graphs[0])
    assert [tuple(variable.shape) for variable in made.trainable_variables] == [(1, 6)]
    assert [tuple(variable.shape) for variable in made.non_trainable_variables] == [(1, 36)]


class Loop(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]


def test_control_flow_is_refused_with_its_place_and_the_remedy(tmp_path: Path) -> None:
    model = liteport.convert(Loop().eval(), (torch.randn(20, 1, 4),))
    with pytest.raises(liteport.UnsupportedError, match=r"WHILE.*rnn.*SavedModel"):
        model.save(tmp_path / "m.keras")
    assert list(tmp_path.iterdir()) == []


class Border(nn.Module):
    """Outputs that are an input, constant, of rank 0, called like an input, and an input that is not used."""

    def forward(self, x: torch.Tensor, unused: torch.Tensor, hidden: torch.Tensor) -> dict[str, torch.Tensor]:
        known = torch.tensor([[1.5, 2.5, 3.0]])
        return {"same": x, "known": known, "total": x.sum(), "hidden": hidden + 1, "a b/c": x > 0}


def test_unusual_inputs_and_outputs(tmp_path: Path) -> None:
    inputs = (torch.randn(2, 3), torch.randint(0, 9, (4,)), torch.randint(0, 9, (2,)))
    liteport.convert(Border().eval(), inputs).save(tmp_path / "m.keras", verify=2)
    model = keras.saving.load_model(tmp_path / "m.keras")
    result = model(dict(zip(("x", "unused", "hidden"), (x.numpy() for x in inputs), strict=True)))
    assert set(result) == {"same", "known", "total", "hidden", "a b/c"}
    assert {name: keras.backend.standardize_dtype(value.dtype) for name, value in result.items()} == {
        "same": "float32",
        "known": "float32",
        "total": "float32",
        "hidden": "int64",
        "a b/c": "bool",
    }


class Joined(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, y], 1) * torch.tensor([1.0, 2.0, 3.0])


def test_inputs_without_elements(tmp_path: Path) -> None:
    liteport.convert(Joined(), (torch.zeros(2, 0), torch.randn(2, 3))).save(tmp_path / "m.keras", verify=1)
    empty = liteport.convert(nn.Identity(), (torch.zeros(0, 3),))
    with pytest.raises(liteport.UnsupportedError, match=r"without elements, which a .keras cannot hold"):
        empty.save(tmp_path / "n.keras")
    with pytest.raises(liteport.UnsupportedError, match="no input with elements"):
        liteport.convert(Constant(), (torch.zeros(2, 0),)).save(tmp_path / "o.keras")


class Constant(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, torch.tensor([[1.0, 2.0], [3.0, 4.0]])], 1) * 2


def test_quantised_numbers_are_refused() -> None:
    graph = Graph(signature="serving_default")
    b = Builder(graph)
    x = b.input(TensorType(DType.INT8, (1, 4)), "x")
    x.quantization = Quantization((0.5,), (3,))
    graph.outputs, graph.output_names = [b.emit(ops.Add(), x, x)], ["y"]
    with pytest.raises(liteport.UnsupportedError, match="ADD works on quantised numbers"):
        model_of(graph)


def test_several_signatures_are_refused(tmp_path: Path) -> None:
    x = torch.randn(1, 4)
    layer = nn.Linear(4, 4).eval()
    model = liteport.convert({"a": (layer, (x,)), "b": (layer, (x,))})
    with pytest.raises(liteport.UsageError, match="--separate"):
        model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.keras", separate=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.a.keras", "m.b.keras"]
