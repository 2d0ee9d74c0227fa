"""Weights of a parallel training run, and the script that defines their network.

python -m examples.civilnet
"""

from __future__ import annotations

import torch
from torch import nn

from examples.civilnet.models.civilnet import CivilNet
from examples.support.command import liteport, output_folder, say
from examples.support.weights import seeded


def main() -> None:
    out = output_folder("civilnet")
    weights, converted = out / "civilnet.pth", out / "civilnet.tflite"
    torch.save(nn.DataParallel(seeded(CivilNet)).state_dict(), weights)

    say("DataParallel put `module.` before every name; liteport takes it off.")
    network = ("--model", "examples/civilnet/models/civilnet.py:CivilNet")
    liteport("convert", weights, *network, "--input", "1,3,32,32", "-o", converted)

    say("The network has one class more than the weights: an error that says which, and the file above stays.")
    wrong = (*network, "--model-args", "classes=11")
    liteport("convert", weights, *wrong, "--input", "1,3,32,32", "-o", converted, expect=2)


if __name__ == "__main__":
    main()
