"""A SavedModel of liteport's beside a twin in Keras, and what TensorFlow's converter makes of it.

python -m benchmarks.drivers.tensorflow_out NETWORK FOLDER RESULT.json
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import liteport
from benchmarks.models import NETWORKS
from liteport.formats.tensorflow.runtime import keras, quietly, tensorflow

ROUNDS, BURST = 25, 3


def resnet50() -> Any:
    """torchvision's ResNet-50 in Keras's layers: the step of 2 in the 3x3 convolutions, zeros on all sides of them."""
    layers = keras().layers

    def conv(x: Any, filters: int, kernel: int, stride: int = 1, relu: bool = True) -> Any:
        x = layers.ZeroPadding2D(kernel // 2)(x) if stride > 1 and kernel > 1 else x
        padding = "valid" if stride > 1 else "same"
        x = layers.Conv2D(filters, kernel, stride, padding, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        return layers.ReLU()(x) if relu else x

    x = image = keras().Input((224, 224, 3), batch_size=1)
    x = layers.ZeroPadding2D(1)(conv(x, 64, 7, 2))
    x = layers.MaxPooling2D(3, 2)(x)
    for stage, (filters, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            beside = x if block else conv(x, 4 * filters, 1, stride, relu=False)
            inner = conv(conv(x, filters, 1), filters, 3, stride)
            x = layers.ReLU()(layers.Add()([beside, conv(inner, 4 * filters, 1, relu=False)]))
    return keras().Model(image, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)))


def efficientnet_b3() -> Any:
    make = keras().applications.EfficientNetB3
    return make(weights=None, input_tensor=keras().Input((288, 288, 3), batch_size=1), classifier_activation=None)


TWINS: dict[str, Callable[[], Any]] = {"resnet50": resnet50, "efficientnet_b3": efficientnet_b3}


def race(functions: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Milliseconds of the processor's time for a run of each, in turns; each round takes the best of a few."""
    times: dict[str, list[float]] = {name: [] for name in functions}
    for number in range(ROUNDS + 1):
        for name, function in functions.items():
            found = []
            for _ in range(BURST):
                start = time.process_time()
                function()
                found.append((time.process_time() - start) * 1e3)
            if number:  # the first round compiles
                times[name].append(min(found))
    return times


def main(network: str, folder: Path, result: Path) -> None:
    tf = tensorflow()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    call = tf.saved_model.load(str(folder)).signatures["serving_default"]
    (x,) = NETWORKS[network].example()[0]
    ours, theirs = tf.constant(x.numpy()), tf.constant(np.ascontiguousarray(x.numpy().transpose(0, 2, 3, 1)))
    name = next(iter(call.structured_input_signature[1]))
    model = TWINS[network]()
    twin = tf.function(lambda image: model(image, training=False)).get_concrete_function(theirs)
    times = race({"ours": lambda: call(**{name: ours}), "twin": lambda: twin(theirs)})
    with quietly():
        content = tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()
    file = result.with_suffix(".tflite")
    file.write_bytes(content)
    direct = liteport.convert(NETWORKS[network].build(), (x,), prefer="plain")
    counts = {
        name: sum(m.inspect().operators.values())
        for name, m in (("converted", liteport.load(file)), ("direct", direct))
    }
    result.write_text(json.dumps({**times, **counts}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
