"""The independent check of the whole IR: TensorFlow's own converter takes what the examples became, as a SavedModel and
as a frozen graph, and gives a .tflite that agrees with PyTorch and has as many operators as ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from ai_edge_litert import schema_py_generated as schema

import liteport
from examples.civilnet.models.civilnet import CivilNet
from examples.deeplabv3.model import deeplabv3
from examples.digits.model import DigitNet
from examples.efficientnet_b3.model import efficientnet_b3
from examples.llm.model import language_model
from examples.lprnet.model import LPRNet
from examples.mobilenet_v2.model import mobilenet_v2
from examples.mtcnn_rnet.model import RNet
from examples.siamrpn.model import SiamRPN
from examples.support.weights import seeded
from liteport.check.compare import compare
from liteport.check.litert import LiteRT
from liteport.check.samples import Random
from liteport.formats.tensorflow.names import beside, read_names
from liteport.formats.tensorflow.runtime import quietly, tensorflow
from liteport.ir import ops
from liteport.ir.graph import Module
from liteport.ir.signatures import by_signature
from liteport.output import signature_file


def siamrpn() -> dict[str, Any]:
    network = seeded(SiamRPN)
    crop, frame = torch.rand(1, 3, 127, 127), torch.rand(1, 3, 271, 271)
    with torch.no_grad():
        kernels = network.template(crop)
    return {"template": (network.template, (crop,)), "track": (network.track, (frame, *kernels.values()))}


def one(make: Callable[[], Any], *shape: int) -> Callable[[], Any]:
    """A network with one input of that shape."""
    return lambda: {"serving_default": (seeded(make), (torch.rand(shape),))}


# name, what makes it, whether it is quick
EXAMPLES: list[tuple[str, Callable[[], Any], bool]] = [
    ("civilnet", one(CivilNet, 1, 3, 32, 32), True),
    ("mtcnn_rnet", one(RNet, 1, 3, 24, 24), True),
    ("digits", one(DigitNet, 1, 1, 8, 8), True),
    ("lprnet", one(LPRNet, 1, 3, 24, 94), False),
    ("mobilenet_v2", one(mobilenet_v2, 1, 3, 224, 224), False),
    ("efficientnet_b3", one(lambda: efficientnet_b3(37), 1, 3, 288, 288), False),
    ("deeplabv3", one(deeplabv3, 1, 3, 256, 256), False),
    ("siamrpn", siamrpn, False),
    ("llm", lambda: liteport.decoder(seeded(language_model), prefill=64, cache=256), False),
]
# Operators that DYNAMIC_UPDATE_SLICE becomes at most: on a CPU TensorFlow has no operation for it.
MORE = 3

ROWS = [pytest.param(make, id=name, marks=[] if quick else pytest.mark.slow) for name, make, quick in EXAMPLES]


@pytest.mark.parametrize("make", ROWS)
def test_tensorflows_converter_agrees(make: Callable[[], Any], tmp_path: Path) -> None:
    model = liteport.convert(make(), prefer="plain")
    model.save(tmp_path / "m", verify=1)
    agrees(model.origin, model.module, from_saved_model(tmp_path / "m"))
    model.save(tmp_path / "m.pb", separate=True, verify=1)
    for name, module in by_signature(model.module).items():
        agrees(model.origin, module, from_frozen_graph(signature_file(tmp_path / "m.pb", name)), name)


def agrees(origin: Any, module: Module, content: bytes, signature: str = "") -> None:
    """`signature` is that of the whole file, where its own is lost."""
    theirs = LiteRT(content)
    if signature:
        theirs.signatures = {signature: next(iter(theirs.signatures.values()))}
    compare(origin, theirs, Random(1, 0)).require()
    ours = sum(len(graph.ops) for graph in module.graphs)
    updates = sum(len(graph.find(ops.DynamicUpdateSlice)) for graph in module.graphs)
    count = operators(content)
    assert abs(count - ours) <= 0.05 * ours + MORE * updates, f"{count} operators, {ours} of ours"


def operators(content: bytes) -> int:
    root = schema.Model.GetRootAs(content, 0)
    return sum(root.Subgraphs(number).OperatorsLength() for number in range(root.SubgraphsLength()))


def from_saved_model(folder: Path) -> bytes:
    with quietly():
        content: bytes = tensorflow().lite.TFLiteConverter.from_saved_model(str(folder)).convert()
    return content


def from_frozen_graph(file: Path) -> bytes:
    names = read_names(beside(file))
    nodes = [[t.tensor.removesuffix(":0") for t in side.values()] for side in (names.inputs, names.outputs)]
    with quietly():
        content: bytes = tensorflow().compat.v1.lite.TFLiteConverter.from_frozen_graph(str(file), *nodes).convert()
    return content
