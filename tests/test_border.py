"""Inputs and outputs as their users want them: names, order of dimensions, element types, images as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import liteport
from liteport.errors import UsageError

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
IMAGE, IDS, VOLUME = torch.randn(2, 3, 9, 8), torch.tensor([[3, 0, 9]]), torch.randn(1, 2, 4, 5, 6)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.embedding = nn.Embedding(10, 4)

    def forward(self, image: torch.Tensor, ids: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.conv(image).relu()
        return {"map": features, "best": features.flatten(1).argmax(1), "rows": self.embedding(ids)}

    def largest(self, image: torch.Tensor) -> torch.Tensor:
        return image.amax((2, 3))


@dataclass
class Case:
    """Options of convert(); the inputs and outputs that they lead to, as "name type[shape]"."""

    id: str
    options: Mapping[str, Any]
    inputs: Sequence[str] = ("image float32[2,3,9,8]", "ids int64[1,3]")
    outputs: Sequence[str] = ("map float32[2,4,9,8]", "best int64[2]", "rows float32[1,3,4]")
    error: str = ""


LAST = "image float32[2,9,8,3]"
CASES = [
    Case("nothing", {}),
    Case("names in order", {"input_names": ["photo", "tokens"]}, ["photo float32[2,3,9,8]", "tokens int64[1,3]"]),
    Case("names by name", {"output_names": {"map": "features"}}, outputs=["features float32[2,4,9,8]", "best int64[2]", "rows float32[1,3,4]"]),
    Case("names swapped", {"input_names": {"image": "ids", "ids": "image"}}, ["ids float32[2,3,9,8]", "image int64[1,3]"]),
    Case("channels last", {"channels_last": True}, [LAST, "ids int64[1,3]"], ["map float32[2,9,8,4]", "best int64[2]", "rows float32[1,3,4]"]),
    Case("channels last of one", {"channels_last": "image"}, [LAST, "ids int64[1,3]"]),
    Case("channels last by the new name", {"channels_last": ["photo"], "input_names": {"image": "photo"}}, ["photo float32[2,9,8,3]", "ids int64[1,3]"]),
    Case("channels last of rank 3", {"channels_last": ["rows"]}, outputs=["map float32[2,4,9,8]", "best int64[2]", "rows float32[1,4,3]"]),
    Case("bytes", {"input_dtype": "uint8"}, ["image uint8[2,3,9,8]", "ids int64[1,3]"]),
    Case("bytes, channels last", {"input_dtype": "uint8", "mean": MEAN, "std": STD, "channels_last": True}, ["image uint8[2,9,8,3]", "ids int64[1,3]"], ["map float32[2,9,8,4]", "best int64[2]", "rows float32[1,3,4]"]),
    Case("bytes by name", {"input_dtype": {"image": "uint8"}, "mean": 127.5, "std": 127.5, "scale": 1.0}, ["image uint8[2,3,9,8]", "ids int64[1,3]"]),
    Case("narrow integers", {"indices": "int32"}, ["image float32[2,3,9,8]", "ids int32[1,3]"], ["map float32[2,4,9,8]", "best int32[2]", "rows float32[1,3,4]"]),
    Case("narrow inputs", {"input_dtype": "int32"}, ["image float32[2,3,9,8]", "ids int32[1,3]"]),
    Case("half precision", {"input_dtype": "float16"}, ["image float16[2,3,9,8]", "ids int64[1,3]"]),
    Case("each its own", {"input_dtype": {"image": "float16", "ids": "int32"}}, ["image float16[2,3,9,8]", "ids int32[1,3]"]),
    Case("too few names", {"input_names": ["photo"]}, error="1 for 2 (image, ids)"),
    Case("an unknown name", {"input_names": {"picture": "photo"}}, error="there is no picture; there are image, ids"),
    Case("one name twice", {"output_names": {"map": "rows"}}, error="two of them would be called rows"),
    Case("an unknown place", {"channels_last": ["picture"]}, error="there is no picture; there are image, ids, map, best, rows"),
    Case("no channels", {"channels_last": ["best"]}, error="int64[2] has no channels"),
    Case("an unknown type", {"input_dtype": "float64"}, error="it is one of uint8, float16, int32"),
    Case("a type that does not suit", {"input_dtype": {"ids": "uint8"}}, error="the input is int64[1,3]"),
    Case("a mean without bytes", {"mean": MEAN}, error="add --input-dtype uint8"),
    Case("two means", {"input_dtype": "uint8", "mean": [0.5, 0.5]}, error="give 1 or 3"),
    Case("no deviation", {"input_dtype": "uint8", "std": 0}, error="cannot be 0"),
    Case("unknown indices", {"indices": "int16"}, error="int64 or int32"),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_the_border(case: Case) -> None:
    torch.manual_seed(0)
    net = Net().eval()
    if case.error:
        with pytest.raises(UsageError, match=case.error.replace("(", r"\(").replace(")", r"\)").replace("[", r"\[")):
            liteport.convert(net, (IMAGE, IDS), **case.options)
        return
    model = liteport.convert(net, (IMAGE, IDS), debug=True, **case.options)
    (signature,) = model.inspect().signatures
    for tensors, expected in ((signature.inputs, case.inputs), (signature.outputs, case.outputs)):
        assert [f"{t.name} {t.dtype}[{','.join(map(str, t.shape))}]" for t in tensors] == list(expected)
    assert model.verify(3).passed


def test_bytes_mean_what_torchvision_makes_of_them() -> None:
    net = Net().eval()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 9, 8, 3), np.uint8)
    scaled = (
        torch.tensor(pixels).permute(0, 3, 1, 2).float() / 255 - torch.tensor(MEAN)[:, None, None]
    ) / torch.tensor(STD)[:, None, None]
    model = liteport.convert(net, (IMAGE, IDS), input_dtype="uint8", mean=MEAN, std=STD, channels_last="image")
    with torch.no_grad():
        expected = net(scaled, IDS)["map"].numpy()
    np.testing.assert_allclose(model(pixels, IDS)["map"], expected, atol=1e-5)


def test_normalisation_costs_no_operator_where_nothing_is_padded() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).eval()
    model = liteport.convert(net, (IMAGE,), input_dtype="uint8", mean=MEAN, std=STD, channels_last=True)
    assert [op.name for op in model.module.graphs[0].ops] == ["CAST", "CONV_2D"]
    assert model.verify(3).passed


def test_volumes_and_several_signatures() -> None:
    net = Net().eval()
    entries = {"whole": (net, (IMAGE, IDS)), "largest": (net.largest, (IMAGE,))}
    model = liteport.convert(entries, input_names={"image": "photo"}, channels_last="photo")
    assert model.verify(2).passed
    assert [s.inputs[0].name for s in model.inspect().signatures] == ["photo", "photo"]
    with pytest.raises(UsageError, match="old=new"):
        liteport.convert(entries, input_names=["photo", "ids"])
    volume = liteport.convert(nn.Conv3d(2, 3, 1).eval(), (VOLUME,), channels_last=True)
    assert volume.inspect().signatures[0].inputs[0].shape == (1, 4, 5, 6, 2)
    assert "TRANSPOSE" not in volume.inspect().operators


def test_an_option_that_there_is_not() -> None:
    misspelt: dict[str, Any] = {"input_name": ["photo"]}
    with pytest.raises(TypeError, match="there is no option 'input_name'"):
        liteport.convert(Net().eval(), (IMAGE, IDS), **misspelt)


def test_a_file_of_any_origin(tmp_path: Any) -> None:
    liteport.convert(Net().eval(), (IMAGE, IDS)).save(tmp_path / "a.tflite")
    model = liteport.convert(tmp_path / "a.tflite", channels_last=True, input_dtype="uint8", indices="int32")
    assert model.verify(2).passed


def test_a_file_is_compared_behind_its_border(tmp_path: Any) -> None:
    net = Net().eval()
    options: dict[str, Any] = {
        "channels_last": True,
        "input_dtype": "uint8",
        "mean": MEAN,
        "input_names": ["photo", "ids"],
    }
    liteport.convert(net, (IMAGE, IDS), **options).save(tmp_path / "a.tflite")
    assert liteport.verify(net, tmp_path / "a.tflite", (IMAGE, IDS), samples=2, **options).passed
    liteport.convert(net, (IMAGE, IDS)).save(tmp_path / "plain.tflite")
    assert liteport.verify(tmp_path / "plain.tflite", tmp_path / "a.tflite", samples=2, **options).passed
    with pytest.raises(liteport.LiteportError, match="different inputs"):
        liteport.verify(net, tmp_path / "a.tflite", (IMAGE, IDS), samples=2)
