"""A Keras model that was subclassed: as it stands, as its SavedModel, and as a concrete function.

python -m examples.keras_rnet
"""

from __future__ import annotations

import os

# What TensorFlow says of itself when it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

import liteport as lp
from examples.keras_rnet.model import RNet
from examples.support.command import liteport, output_folder, say


def main() -> None:
    out = output_folder("keras_rnet")
    keras.utils.set_random_seed(0)
    net = RNet()
    window = np.zeros((1, 24, 24, 3), np.float32)

    say("The model itself, with an example window, which says the shape; then with weights in int8.")
    for file, quantize in (("rnet.tflite", None), ("rnet.int8.tflite", "dynamic")):
        saved = lp.convert(net, window, quantize=quantize).save(out / file, verify=8)
        print(f"{file} {(out / file).stat().st_size} bytes\n{saved.verification}")

    say("A concrete function of it, for four windows.")
    function = tf.function(lambda windows: net(windows, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((4, 24, 24, 3)))
    print(lp.convert(concrete, verify=8))

    say("Its SavedModel, on the command line. The names are the signature's.")
    net.export(str(out / "rnet_saved"), verbose=False)
    liteport("convert", out / "rnet_saved", "-o", out / "rnet.saved.tflite")


if __name__ == "__main__":
    main()
