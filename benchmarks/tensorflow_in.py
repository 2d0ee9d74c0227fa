"""Keras networks by liteport beside TensorFlow's own converter: python -m benchmarks.tensorflow_in (--help).

Both convert the same model, seeded and with batch-norm statistics set, for a batch of 1. The file by liteport should be
no larger and no slower, while the two take turns on one thread. Exit code 0: every bar is met; 1: one is missed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import liteport
from benchmarks import contents, table
from benchmarks.bars import US, Limit, Line, judge
from benchmarks.converters import ROOT
from benchmarks.measure import note
from liteport.check.timing import race, typical

PEER = "TensorFlow"
SAMPLES = 4
L = keras.layers
WORDS, LENGTH = 5000, 80

NO_LARGER = Limit(1.0, "no larger than TensorFlow's", relative=True)
NO_SLOWER = Limit(1.02, "no slower than TensorFlow's (2 % for the clock)", relative=True)
ACCURATE = Limit(1e-6, "below 1e-06", strict=True)


def _image(name: str, size: int = 224) -> Callable[[], tuple[keras.Model, Any]]:
    def build() -> tuple[keras.Model, Any]:
        image = np.random.default_rng(0).standard_normal((1, size, size, 3)).astype(np.float32)
        return getattr(keras.applications, name)(weights=None), image

    return build


def _text(body: Callable[[Any], Any]) -> Callable[[], tuple[keras.Model, Any]]:
    def build() -> tuple[keras.Model, Any]:
        ids = keras.Input((LENGTH,), dtype="int32", name="ids")
        model = keras.Model(ids, L.Dense(2, activation="softmax", name="scores")(body(ids)))
        return model, np.random.default_rng(0).integers(0, WORDS, (1, LENGTH)).astype(np.int32)

    return build


def _recurrent(cell: Any) -> Callable[[Any], Any]:
    return lambda ids: cell(64)(cell(128, return_sequences=True)(L.Embedding(WORDS, 64)(ids)))


def _transformer(ids: Any) -> Any:
    x = L.Embedding(WORDS, 128)(ids)
    for _ in range(2):
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = x + L.MultiHeadAttention(4, 32)(y, y)
        y = L.LayerNormalization(epsilon=1e-6)(x)
        x = x + L.Dense(128)(L.Dense(512, activation="gelu")(y))
    return L.GlobalAveragePooling1D()(x)


NETWORKS: Mapping[str, Callable[[], tuple[keras.Model, Any]]] = {
    "MobileNetV2": _image("MobileNetV2"),
    "MobileNetV3Small": _image("MobileNetV3Small"),
    "EfficientNetB0": _image("EfficientNetB0"),
    "ResNet50": _image("ResNet50"),
    "DenseNet121": _image("DenseNet121"),
    "Xception": _image("Xception", 299),
    "NASNetMobile": _image("NASNetMobile"),
    "ConvNeXtTiny": _image("ConvNeXtTiny"),
    "LSTM": _text(_recurrent(L.LSTM)),
    "GRU": _text(_recurrent(L.GRU)),
    "transformer": _text(_transformer),
}

LINES = [
    Line(network, metric, limit, form)
    for network in NETWORKS
    for metric, limit, form in (
        ("latency_ms", NO_SLOWER, "{:.2f}"),
        ("file_mb", NO_LARGER, "{:.3f}"),
        ("error", ACCURATE, "{:.1e}"),
    )
]


def settle(model: keras.Model) -> None:
    """Statistics and scales of batch norms as training leaves them, seeded: they are nothing to convert otherwise."""
    rng = np.random.default_rng(0)
    for layer in (layer for layer in model._flatten_layers() if isinstance(layer, L.BatchNormalization)):
        for weight in layer.weights:
            low, high = (0.5, 1.5) if weight.name in ("gamma", "moving_variance") else (-0.2, 0.2)
            weight.assign(rng.uniform(low, high, weight.shape))


def by_tensorflow(model: keras.Model, example: Any) -> bytes:
    function = tf.function(lambda x: model(x, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec(example.shape, example.dtype))
    content: bytes = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    return content


def measure(network: str, folder: Path) -> dict[str, dict[str, Any]]:
    keras.utils.set_random_seed(0)
    model, example = NETWORKS[network]()
    settle(model)
    files = {name: folder / f"{network}.{name.lower()}.tflite" for name in (US, PEER)}
    note(f"{network}: {PEER}")
    files[PEER].write_bytes(by_tensorflow(model, example))
    note(f"{network}: {US}")
    ours = liteport.convert(model, example)
    ours.save(files[US])
    times = race(files, [example], seconds=5)
    ratio = typical([mine / theirs for mine, theirs in zip(times[US], times[PEER], strict=True)])
    verified = {US: ours.verify(SAMPLES), PEER: liteport.verify(model, files[PEER], example, samples=SAMPLES)}
    return {
        name: {
            "operators": sum(contents.operators(file).values()),
            "latency_ms": typical(times[name]),
            "ratio": ratio if name == PEER else 1.0,
            "file_mb": file.stat().st_size / 1e6,
            "error": max(output.mean_error for output in verified[name].outputs),
        }
        for name, file in files.items()
    }


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS), metavar="NETWORK")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "benchmarks-tensorflow", help="folder for files")
    parser.add_argument("--from-json", type=Path, help="print stored results again, measure nothing")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    return parser.parse_args(arguments)


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Measures, and stores after every network what there is so far."""
    logging.getLogger("absl").setLevel(logging.ERROR)
    chosen.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    for network in chosen.networks:
        results[network] = measure(network, chosen.out)
        (chosen.out / "tensorflow_in.json").write_text(json.dumps(results, indent=2) + "\n")
        keras.utils.clear_session()
    return results


def main() -> int:
    chosen = options()
    results = json.loads(chosen.from_json.read_text()) if chosen.from_json else run(chosen)
    verdicts = judge(results, LINES)
    rows = table.rows(verdicts, {PEER: tf.__version__, US: ""}, SAMPLES)
    print(table.markdown(rows) if chosen.markdown else table.plain(rows))
    return int(any(verdict.passed is False for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
