"""A whole pickle through every format of the old chain: .onnx, SavedModel, .pb, .tflite, and the default optimisation.

python -m examples.chain
"""

from __future__ import annotations

import torch

from examples.lprnet.model import LPRNet
from examples.support.command import liteport, output_folder, say
from examples.support.weights import seeded


def main() -> None:
    out = output_folder("chain")
    checkpoint = out / "lprnet.pth"
    torch.save(seeded(LPRNet), checkpoint)
    source = (checkpoint, "--input", "1,3,24,94", "--trust-pickle", "--source", ".")

    say("Every format from one command, each compared with PyTorch on the same samples:")
    liteport("stages", *source, "--samples", "100", "-o", out / "stages")

    say("What is in the frozen graph, whose inputs and outputs have names that one can use:")
    print((out / "stages" / "lprnet.pb.json").read_text())

    say("A frozen graph is a source as well, and needs nothing but itself:")
    liteport("convert", out / "stages" / "lprnet.pb", "-o", out / "from_pb.tflite")

    say("What Optimize.DEFAULT was: weights in 8 bits, held to a bar of its own.")
    liteport("convert", *source, "--quantize", "dynamic", "-o", out / "lprnet.tflite")


if __name__ == "__main__":
    main()
