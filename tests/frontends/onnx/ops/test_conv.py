"""Convolutions and what their attributes may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper

import liteport
from liteport.errors import LiteportError
from tests.frontends.onnx.harness import check, model

RNG = np.random.default_rng(0)
WEIGHTS = RNG.standard_normal((3, 2, 3, 3)).astype(np.float32)


def convolution(operator: str, bias: Any = None, **attributes: Any) -> ModelProto:
    constants = {"w": WEIGHTS if operator == "Conv" else WEIGHTS.swapaxes(0, 1)}
    if bias is not None:
        constants["b"] = bias
    operands = ["x", *constants] if operator != "MaxPool" else ["x"]
    return model([helper.make_node(operator, operands, ["y"], **attributes)], {"x": [1, 2, 7, 8]}, ["y"], constants)


PADDED = [
    ("Conv", {"auto_pad": "", "pads": [1, 1, 1, 2], "strides": [3, 1]}),
    ("Conv", {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ("Conv", {"auto_pad": "VALID", "dilations": [2, 1]}),
    ("ConvTranspose", {"auto_pad": "", "pads": [0, 1, 2, 1], "strides": [2, 2]}),
    ("ConvTranspose", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ("MaxPool", {"auto_pad": "", "kernel_shape": [2, 3], "pads": [1, 1, 0, 1], "strides": [2, 2], "ceil_mode": 1}),
]


@pytest.mark.parametrize(("operator", "attributes"), PADDED, ids=[f"{o} {a['auto_pad'] or 'none'}" for o, a in PADDED])
def test_padding_as_it_is_told(operator: str, attributes: Mapping[str, Any]) -> None:
    check(convolution(operator, **attributes))


REFUSED = [
    ("no rule", convolution("Conv", auto_pad="SAME"), "'SAME' where one of NOTSET, VALID, SAME_UPPER, SAME_LOWER is due"),
    ("bias of another type", convolution("Conv", np.zeros(3, np.int64)), r"a bias int64\[3\] for 3 channels of float32"),
    ("bias of too few", convolution("ConvTranspose", np.zeros(2, np.float32)), r"ConvTranspose -> y: a bias float32\[2\]"),
]  # fmt: skip


@pytest.mark.parametrize(("proto", "text"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_does_not_fit_is_refused(proto: ModelProto, text: str) -> None:
    with pytest.raises(LiteportError, match=text):
        liteport.convert(proto)
