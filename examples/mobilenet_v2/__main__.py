"""A state_dict and the factory of the network that it belongs to.

python -m examples.mobilenet_v2
"""

from __future__ import annotations

import torch

from examples.mobilenet_v2.model import mobilenet_v2
from examples.support.command import liteport, output_folder, say
from examples.support.weights import seeded


def main() -> None:
    out = output_folder("mobilenet_v2")
    weights, converted = out / "mobilenet_v2.pth", out / "mobilenet_v2.tflite"
    torch.save(seeded(mobilenet_v2).state_dict(), weights)

    say("A state_dict holds weights only: it loads safely, and --model says what they are the weights of.")
    network = ("--model", "examples/mobilenet_v2/model.py:mobilenet_v2")
    liteport("convert", weights, *network, "--input", "1,3,224,224", "-o", converted)


if __name__ == "__main__":
    main()
