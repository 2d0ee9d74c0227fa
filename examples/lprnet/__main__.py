"""A whole module out of torch.save: first refused, then trusted and converted.

python -m examples.lprnet
"""

from __future__ import annotations

import torch

from examples.lprnet.model import LPRNet
from examples.support.command import liteport, output_folder, say
from examples.support.weights import seeded


def main() -> None:
    out = output_folder("lprnet")
    checkpoint, converted = out / "lprnet.pth", out / "lprnet.tflite"
    torch.save(seeded(LPRNet), checkpoint)

    say("A module saved whole is a pickle, and loading one can run any code: it is refused, with what it would import.")
    liteport("convert", checkpoint, "--input", "1,3,24,94", "-o", converted, expect=2)

    say("You know where it came from: trust it, and say where its classes live.")
    trusted = ("--trust-pickle", "--source", ".")
    liteport("convert", checkpoint, "--input", "1,3,24,94", *trusted, "-o", converted)

    say("The same comparison, at any later time and over as many samples as you like:")
    liteport("verify", checkpoint, converted, *trusted, "--samples", "100")


if __name__ == "__main__":
    main()
