"""What quantisation costs and brings: python -m benchmarks.quantize (--help).

Networks with random weights, and batch norms that have seen data, are converted to float32 and to each mode; of Keras's
MobileNetV2 there are TensorFlow's own results beside ours. Printed are each file's size, its signal to noise ratio
against the float file, and the time of a run on one thread, for which the files take turns.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn

import liteport
from examples.support.torchvision_cpu import torchvision
from liteport.check.litert import LiteRT
from liteport.check.quality import Likeness
from liteport.ir.types import Array

CALIBRATION, COMPARED = 8, 3
Files = dict[str, bytes]


@dataclass(frozen=True)
class Row:
    """One file beside the float one."""

    network: str
    mode: str
    bytes: int
    sqnr: float
    milliseconds: float

    def __str__(self) -> str:
        noise = "" if np.isinf(self.sqnr) else f"{self.sqnr:.1f} dB"
        size = f"{self.bytes / 1e6:.2f} MB"
        return f"| {self.network} | {self.mode} | {size} | {noise} | {self.milliseconds:.2f} |"


def of_torchvision(name: str) -> tuple[Files, list[Array]]:
    """Our files of a network of torchvision's, and inputs [1,3,224,224]."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    with torch.no_grad():
        network.train()(torch.randn(8, 3, 224, 224))
    images = drawn((1, 3, 224, 224))
    return ours(network.eval(), (torch.from_numpy(images[0]),), images), images


def of_keras(name: str) -> tuple[Files, list[Array]]:
    """Our files of a network of Keras's and TensorFlow's own, and inputs [1,224,224,3]."""
    import keras

    keras.utils.set_random_seed(0)
    network = getattr(keras.applications, name)(weights=None)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(np.random.default_rng(1).standard_normal((8, 224, 224, 3)).astype(np.float32), training=True)
    images = drawn((1, 224, 224, 3))
    return ours(network, None, images) | tensorflows(network, images), images


def drawn(shape: tuple[int, ...]) -> list[Array]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(np.float32) for _ in range(CALIBRATION + COMPARED)]


def ours(network: Any, inputs: Any, images: list[Array]) -> Files:
    """liteport's files by mode, float32 first."""
    seen = images[:CALIBRATION]
    modes: dict[str, dict[str, Any]] = {
        "float32": {},
        "fp16": {"quantize": "fp16"},
        "dynamic": {"quantize": "dynamic"},
        "int8": {"quantize": "int8", "calibrate": seen},
        "int8, plain": {"quantize": "int8", "calibrate": seen, "prefer": "plain"},
    }
    return {mode: liteport.convert(network, inputs, **options).to_bytes() for mode, options in modes.items()}


def tensorflows(network: Any, images: list[Array]) -> Files:
    """The files of TensorFlow's own converter, by mode."""
    import tensorflow as tf

    def converted(**options: Any) -> bytes:
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        for name, value in options.items():
            setattr(converter, name, value)
        with redirect_stdout(sys.stderr):  # the table is what standard output is for
            file: bytes = converter.convert()
        return file

    def samples() -> Iterator[list[Array]]:
        return ([image] for image in images[:CALIBRATION])

    optimised = {"optimizations": [tf.lite.Optimize.DEFAULT]}
    return {
        "TensorFlow float32": converted(),
        "TensorFlow dynamic": converted(**optimised),
        "TensorFlow int8": converted(**optimised, representative_dataset=samples),
    }


def measured(network: str, files: Files, images: list[Array], seconds: float) -> list[Row]:
    """A row for each file; the files take turns for so many seconds."""
    runs = {mode: _runner(file) for mode, file in files.items()}
    expected = [runs["float32"](image) for image in images[CALIBRATION:]]
    noise = {mode: _sqnr(expected, [run(image) for image in images[CALIBRATION:]]) for mode, run in runs.items()}
    spent: Mapping[str, list[float]] = {mode: [] for mode in runs}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for mode, run in runs.items():
            start = time.perf_counter()
            run(images[0])
            spent[mode].append(time.perf_counter() - start)
    return [Row(network, mode, len(files[mode]), noise[mode], 1e3 * median(spent[mode])) for mode in files]


def _runner(file: bytes) -> Callable[[Array], Array]:
    model = LiteRT(file, threads=1)
    [signature] = model.signatures
    [name] = model.example(signature)
    return lambda image: next(iter(model.run({name: image}, signature).values()))


def _sqnr(expected: list[Array], actual: list[Array]) -> float:
    likeness = Likeness(0.0)
    for want, have in zip(expected, actual, strict=True):
        likeness.add(want, have)
    return likeness.result().sqnr


NETWORKS: Mapping[str, Callable[[str], tuple[Files, list[Array]]]] = {
    "MobileNetV2": of_keras,
    "mobilenet_v2": of_torchvision,
    "mobilenet_v3_large": of_torchvision,
    "resnet18": of_torchvision,
    "efficientnet_b0": of_torchvision,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--seconds", type=float, default=20, help="how long the files of a network take turns (20)")
    chosen = parser.parse_args()
    print("| network | mode | size | SQNR | ms |\n|---|---|---|---|---|")
    for name in chosen.networks:
        files, images = NETWORKS[name](name)
        print(*measured(name, files, images, chosen.seconds), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
