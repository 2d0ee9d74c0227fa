"""safetensors weights, and a network with two outputs.

python -m examples.mtcnn_rnet
"""

from __future__ import annotations

from safetensors.torch import save_file

from examples.mtcnn_rnet.model import RNet
from examples.support.command import liteport, output_folder, say
from examples.support.weights import seeded


def main() -> None:
    out = output_folder("mtcnn_rnet")
    weights, converted = out / "rnet.safetensors", out / "rnet.tflite"
    save_file(seeded(RNet).state_dict(), weights)

    say("safetensors hold no code at all. Both outputs are verified, each on its own line.")
    network = ("--model", "examples/mtcnn_rnet/model.py:RNet")
    liteport("convert", weights, *network, "--input", "1,3,24,24", "-o", converted)

    say("What is in the file:")
    liteport("inspect", converted)


if __name__ == "__main__":
    main()
