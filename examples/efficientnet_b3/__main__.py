"""A state_dict kept beside other things of a training run, and a factory with arguments.

python -m examples.efficientnet_b3
"""

from __future__ import annotations

import torch

from examples.efficientnet_b3.model import efficientnet_b3
from examples.support.command import liteport, output_folder, say
from examples.support.weights import seeded

CLASSES = 37


def main() -> None:
    out = output_folder("efficientnet_b3")
    checkpoint, converted = out / "checkpoint.pth", out / "efficientnet_b3.tflite"
    network = seeded(lambda: efficientnet_b3(CLASSES))
    torch.save({"epoch": 90, "state_dict": network.state_dict()}, checkpoint)

    say("The weights are found under `state_dict`; --model-args builds the network with as many classes as they have.")
    factory = ("--model", "examples/efficientnet_b3/model.py:efficientnet_b3", "--model-args", f"classes={CLASSES}")
    liteport("convert", checkpoint, *factory, "--input", "1,3,288,288", "-o", converted)

    say("The same as an .onnx, proven in ONNX Runtime, and as a frozen graph, proven in TensorFlow:")
    for suffix in (".onnx", ".pb"):
        liteport("convert", checkpoint, *factory, "--input", "1,3,288,288", "-o", converted.with_suffix(suffix))


if __name__ == "__main__":
    main()
