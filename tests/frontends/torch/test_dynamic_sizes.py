"""Networks with dynamic dimensions: converted once, then run at several sizes and compared with PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liteport.backends.tflite.writer import to_bytes
from liteport.check.litert import LiteRT, evaluate
from liteport.errors import UnsupportedError
from liteport.frontends.torch.dynamic import resolve
from liteport.frontends.torch.model import Entry, TorchModel
from liteport.passes.pipeline import optimise
from tests.harness import SIGNATURE, TOLERANCE, Function, compare

IMAGE, TEXT = torch.randn(1, 3, 24, 20), torch.randn(1, 6, 8)
IMAGES = [(1, 3, 24, 20), (2, 3, 32, 48), (3, 3, 16, 40)]
ODD = [*IMAGES, (2, 3, 17, 21)]
TEXTS = [(1, 6, 8), (2, 9, 8), (3, 4, 8)]
BATCHES = [(1, 6, 8), (2, 6, 8), (5, 6, 8)]


@dataclass
class Sizes:
    """A function or module on one example, its dynamic dimensions, and the shapes that it is run at.

    `without` are operators that must not be in the result.
    """

    id: str
    model: Callable[..., Any]
    example: Tensor
    dynamic: str
    shapes: Sequence[tuple[int, ...]]
    without: Sequence[str] = ()
    tolerance: float = TOLERANCE


def image(id: str, model: Callable[..., Any], shapes: Sequence[tuple[int, ...]] = ODD, **more: Any) -> Sizes:
    return Sizes(id, model, IMAGE, "0=batch,2=height,3=width", shapes, **more)


def text(id: str, model: Callable[..., Any], **more: Any) -> Sizes:
    return Sizes(id, model, TEXT, "0=batch,1=sequence", TEXTS, **more)


def batch(id: str, model: Callable[..., Any], **more: Any) -> Sizes:
    return Sizes(id, model, TEXT, "batch", BATCHES, **more)


class ConvolutionLstm(nn.Module):
    """A reader of lines: the columns of the image are the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, padding=1)
        self.lstm = nn.LSTM(4, 5, 2, bidirectional=True, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        columns: Tensor = self.convolution(x).relu().mean(2).transpose(1, 2)
        result: Tensor = self.lstm(columns)[0]
        return result


def halved(n: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    return n + 1, y * 0.5 + y.mean(1, keepdim=True)


def heads(x: Tensor) -> Tensor:
    return x.view(x.shape[0], -1, 2, 4).transpose(1, 2)


def attention(x: Tensor, causal: bool = False) -> Tensor:
    found = F.scaled_dot_product_attention(heads(x), heads(x * 2), heads(x), is_causal=causal)
    return found.transpose(1, 2).reshape(x.shape)


def causal_by_hand(x: Tensor) -> Tensor:
    hidden = torch.triu(torch.ones(x.shape[1], x.shape[1]), 1).bool()
    return (x @ x.transpose(1, 2)).masked_fill(hidden, -1e9).softmax(-1)


def first_is_zero(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, 0] = 0
    return y


def last_is_zero(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, -1] = 0
    return y


def windows(x: Tensor, size: int = 4) -> Tensor:
    """Self-attention within windows of `size` by `size`."""
    n, c, h, w = x.shape
    y = x.view(n, c, h // size, size, w // size, size).permute(0, 2, 4, 3, 5, 1).reshape(-1, size * size, c)
    y = F.scaled_dot_product_attention(y, y, y)
    return y.view(n, h // size, w // size, size, size, c).permute(0, 5, 1, 3, 2, 4).reshape(n, c, h, w)


def padded(x: Tensor) -> Tensor:
    """Padded to multiples of 8, and cropped again."""
    h, w = x.shape[2:]
    y = F.max_pool2d(F.pad(x, (0, -w % 8, 0, -h % 8)), 8)
    return F.interpolate(y, scale_factor=8)[:, :, :h, :w]


def middle_is_written(x: Tensor) -> Tensor:
    y = torch.zeros(x.shape[0], x.shape[1] + 2, 8)
    y[:, 1:-1] = x
    return y


def others_are_zero(x: Tensor) -> Tensor:
    y = x.clone()
    y[:, ::2] = 0
    return y


def largest_is_one(x: Tensor) -> Tensor:
    y = x.clone()
    y[torch.arange(x.shape[0]), x[:, :, 0].argmax(1)] = 1
    return y


CLASSIFIER = nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1),
    nn.BatchNorm2d(8),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(8 * 12 * 10, 5),
)
RNN, LSTM = nn.RNN(8, 5), nn.LSTM(8, 5, batch_first=True)
LINE = nn.Conv1d(8, 4, 3, padding=1)
UNET = nn.Sequential(
    *(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(4, 3, 3, padding=1))
)

CASES = [
    Sizes("classifier", CLASSIFIER, IMAGE, "batch", [(n, 3, 24, 20) for n in (1, 2, 7)], without=["SHAPE"]),
    image("conv", nn.Conv2d(3, 8, 3, padding=1)),
    image("conv-stride", nn.Conv2d(3, 8, 3, stride=2, padding=1)),
    image("conv-valid", nn.Conv2d(3, 8, 7, stride=2)),
    image("conv-depthwise", nn.Conv2d(3, 3, 5, 2, 2, groups=3)),
    image("conv-dilated", nn.Conv2d(3, 4, 3, padding=2, dilation=2)),
    image("conv-transposed", nn.ConvTranspose2d(3, 4, 2, stride=2)),
    image("conv-transposed-cropped", nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1)),
    image("max-pool", nn.MaxPool2d(3, 2, 1)),
    image("max-pool-dilated", nn.MaxPool2d(2, 2, 1, dilation=2)),
    image("average-pool-ceil", nn.AvgPool2d(3, 2, 1, ceil_mode=True)),
    image("adaptive-average", nn.AdaptiveAvgPool2d((3, 1))),
    image("adaptive-average-of-rows", nn.AdaptiveAvgPool2d((None, 2))),
    image("max-pool-ceil", nn.MaxPool2d(3, 2, ceil_mode=True)),
    image("average-pool", nn.AvgPool2d(2)),
    image("average-pool-padded", nn.AvgPool2d(3, 2, 1)),
    image("average-pool-of-seen", nn.AvgPool2d(3, 2, 1, count_include_pad=False)),
    image("global-average", nn.AdaptiveAvgPool2d(1)),
    image("global-maximum", nn.AdaptiveMaxPool2d(1)),
    image("nearest", nn.Upsample(scale_factor=2)),
    image("bilinear", nn.Upsample(scale_factor=2, mode="bilinear")),
    image("bilinear-aligned", nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), tolerance=1e-5),
    image("bicubic", lambda x: F.interpolate(x, scale_factor=0.5, mode="bicubic"), tolerance=1e-5),
    image("bicubic-to-size", lambda x: F.interpolate(x[:, :, ::3], size=x.shape[2:], mode="bicubic"), tolerance=1e-5),
    image("area", lambda x: F.interpolate(x, scale_factor=0.4, mode="area")),
    image("half-the-size", lambda x: (F.interpolate(x, scale_factor=0.5), F.interpolate(x, scale_factor=0.25))),
    image("half-as-large-again", lambda x: F.interpolate(x, scale_factor=1.5, mode="bilinear"), tolerance=1e-5),
    image("recomputed-factor", lambda x: F.interpolate(x, scale_factor=1.7, recompute_scale_factor=True)),
    image("back-to-input", lambda x: F.interpolate(F.avg_pool2d(x, 4), size=x.shape[2:], mode="nearest"), IMAGES),
    image("down-and-up", UNET, IMAGES),
    image("pad", lambda x: F.pad(x, (1, 2, 3, 0))),
    image("pad-reflect", lambda x: F.pad(x, (1, 2, 3, 0), mode="reflect")),
    image("pad-replicate", lambda x: F.pad(x, (3, -2, 0, 5), mode="replicate")),
    image("pad-circular", lambda x: F.pad(x, (1, 2, -1, 3), mode="circular")),
    image("pad-to-multiple", lambda x: F.pad(x, (0, -x.shape[3] % 8, 0, 5 * x.shape[2] // 8), mode="reflect")),
    image("pad-by-ceiling", lambda x: F.pad(x, (0, math.ceil(x.shape[3] / 32) * 32 - x.shape[3]))),
    image("columns", nn.Unfold((3, 2), dilation=2, padding=1, stride=(2, 1))),
    image("crop", lambda x: x[:, :, 1:-1, 2:]),
    image("every-other", lambda x: x[:, :, ::2, 1::2]),
    image("pixel-shuffle", nn.Sequential(nn.Conv2d(3, 8, 1), nn.PixelShuffle(2))),
    image("pixel-unshuffle", nn.PixelUnshuffle(2), IMAGES),
    image("patches", lambda x: x.flatten(2).transpose(1, 2)),
    image("windows", windows, IMAGES),
    image("padded-and-cropped", padded),
    image("group-norm", nn.GroupNorm(3, 3)),
    image("instance-norm", nn.InstanceNorm2d(3)),
    image("variance", lambda x: x.var((2, 3))),
    image("flip-and-roll", lambda x: x.flip(-1).roll(1, -1)),
    image("concat", lambda x: torch.cat([x, x * 2], 2)),
    text("chosen", lambda x: x[x > 0]),
    text("linear", nn.Linear(8, 4), without=["SHAPE"]),
    text("attention", attention),
    text("attention-causal", lambda x: attention(x, causal=True)),
    text("encoder", nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)),
    text("causal-by-hand", causal_by_hand),
    text("positions", lambda x: x + torch.arange(x.shape[1])[None, :, None]),
    text("positions-backwards", lambda x: torch.arange(x.shape[1] - 1, -1, -1)),
    text("class-token", lambda x: torch.cat([torch.arange(8.0).expand(x.shape[0], 1, 8), x], 1)),
    text("tril", lambda x: torch.tril(x @ x.transpose(1, 2))),
    text("eye", lambda x: torch.eye(x.shape[1]) + x.sum()),
    text("grid", lambda x: torch.meshgrid(torch.arange(x.shape[0]), torch.arange(x.shape[1]), indexing="ij")),
    text("length", lambda x: (x.sum(1) / x.shape[1], x * x.shape[1] ** 0.5, torch.full((x.shape[0],), x.shape[1]))),
    text("filled", lambda x: torch.zeros(x.shape[0], x.shape[1]) + x.sum(-1)),
    text("expand-and-repeat", lambda x: x[:, None].expand(-1, 3, -1, -1).repeat(2, 1, 1, 1)),
    text("merged", lambda x: x.reshape(-1, 8)),
    text("apart", lambda x: x.reshape(x.shape[0] * x.shape[1], 2, 4)),
    text("ends", lambda x: (x[:, 0], x[:, -1], x[:, 1:], x[:, :-1], x[:, -2:])),
    text("written-first", first_is_zero),
    text("written-last", last_is_zero),
    text("written-middle", middle_is_written),
    text("written-others", others_are_zero),
    text("written-by-index", largest_is_one),
    text("last-by-index", lambda x: x[torch.arange(x.shape[0]), -1]),
    text("chunks", lambda x: torch.cat(x.chunk(2, -1), 1)),
    text("einsum", lambda x: torch.einsum("bsd,btd->bst", x, x)),
    text("frames", lambda x: x.unfold(1, 3, 2)),
    text("repeated", lambda x: x.repeat_interleave(3, 1)),
    text("repeated-by-size", lambda x: torch.arange(x.shape[0]).repeat_interleave(x.shape[1])),
    text("scattered", lambda x: torch.zeros_like(x).scatter(1, x.argsort(1), x)),
    text("scatter-added", lambda x: torch.zeros(x.shape[0], 4, 8).scatter_add(1, (x.abs() * 2).long().clamp(0, 3), x)),
    text("sorted", lambda x: x.sort(1)[0]),
    text("taken", lambda x: x.gather(1, x.argmax(1, keepdim=True))),
    text("conv1d", lambda x: LINE(x.transpose(1, 2))),
    batch("lstm", nn.LSTM(8, 5, batch_first=True)),
    batch("gru-both-ways", nn.GRU(8, 5, bidirectional=True, batch_first=True)),
    text("lstm-steps", nn.LSTM(8, 5, batch_first=True)),
    text("lstm-projected", nn.LSTM(8, 5, 2, batch_first=True, proj_size=3)),
    text("gru-steps-both-ways", nn.GRU(8, 5, 2, bidirectional=True, batch_first=True)),
    text("rnn-steps-first", lambda x: RNN(x.transpose(0, 1))),
    text("lstm-state", lambda x: LSTM(x, (x[None, :, 0, :5], x[None, :, 1, :5]))),
    Sizes(
        "gru-blocks",
        nn.GRU(8, 5, batch_first=True),
        torch.randn(1, 100, 8),
        "1=steps:64..600",
        [(1, 64, 8), (1, 333, 8)],
    ),
    image("convolution-lstm", ConvolutionLstm()),
    text("while", lambda x: torch.while_loop(lambda n, y: n < 4, halved, (torch.tensor(0), x))),
    text(
        "cond", lambda x: torch.cond(x.sum() > 0, lambda x: x * 2 + x.shape[1], lambda x: x.flip(1) - x.shape[0], (x,))
    ),
    text("times-a-size", lambda x: (x.add(x, alpha=x.shape[1]), (x * x.shape[1]).sigmoid() * x.shape[0] + x)),
    # A remainder by a size, in int64, below a reshape.
    text("below-a-reshape", lambda x: (x.long().reshape(-1, 8) % x.shape[1]).reshape(x.shape) + 1),
    Sizes("lstm-loop", nn.LSTM(8, 5, batch_first=True), torch.randn(1, 40, 8), "batch", [(1, 40, 8), (3, 40, 8)]),
]


@pytest.mark.parametrize("case", CASES, ids=[c.id for c in CASES])
def test_sizes(case: Sizes) -> None:
    module = case.model if isinstance(case.model, nn.Module) else Function(case.model)
    dynamic = resolve(case.dynamic, module.forward, (case.example,), {})
    model = TorchModel({SIGNATURE: Entry(module.eval(), (case.example,), dynamic=dynamic)})
    ir = model.to_ir()
    optimise(ir, evaluate, debug=True)
    runner = LiteRT(to_bytes(ir), threads=1)
    [name] = model.input_names(SIGNATURE)
    rng = np.random.default_rng(0)
    for shape in case.shapes:
        inputs = {name: rng.standard_normal(shape).astype(np.float32)}
        compare(model.run(inputs, SIGNATURE), runner.run(inputs, SIGNATURE), case.tolerance)
    assert not {op.name for op in ir.graphs[0].ops} & set(case.without)


# what needs a fixed size, and what the error says
FIXED: list[tuple[str, Callable[[Tensor], Any], str]] = [
    ("antialiased", lambda x: F.interpolate(x, (9, 9), mode="bicubic", antialias=True), "a fixed number is needed"),
    ("uneven factor", lambda x: F.interpolate(x, scale_factor=2**0.5), "a size times 1.41"),
    ("adaptive maxima", lambda x: F.adaptive_max_pool2d(x, 2), "maxima of 2 uneven windows over height elements"),
    ("positions of maxima", lambda x: F.max_pool2d(x, 2, return_indices=True), "positions of maxima"),
]


@pytest.mark.parametrize(("call", "why"), [f[1:] for f in FIXED], ids=[f[0] for f in FIXED])
def test_fixed_sizes_are_asked_for(call: Callable[[Tensor], Any], why: str) -> None:
    module = Function(call)
    dynamic = resolve("2=height", module.forward, (IMAGE,), {})
    with pytest.raises(UnsupportedError, match=why):
        TorchModel({SIGNATURE: Entry(module, (IMAGE,), dynamic=dynamic)}).to_ir()
