"""Two entry points of one network: one file, two signatures, one set of weights.

python -m examples.siamrpn
"""

from __future__ import annotations

import torch

import liteport
from examples.siamrpn.model import SiamRPN, example_inputs
from examples.support.command import liteport as command
from examples.support.command import output_folder, say
from examples.support.weights import seeded


def main() -> None:
    out = output_folder("siamrpn")
    converted = out / "siamrpn.tflite"
    network = seeded(SiamRPN)
    crop, frame = example_inputs()
    with torch.no_grad():
        kernels = network.template(crop)
        expected = network.track(frame, **kernels)

    model = liteport.convert(
        {"template": (network.template, (crop,)), "track": (network.track, (frame, *kernels.values()))}
    )
    model.save(converted)
    print(model.verify())

    say("A weight is stored once, although both signatures use the backbone:")
    command("inspect", converted)

    say("Tracking with the file alone: the template's kernels go into every frame's call.")
    file = liteport.load(converted)
    found = file.track(frame, *file.template(crop).values())
    theirs, ours = expected["scores"].argmax(), torch.as_tensor(found["scores"]).argmax()
    print(f"best anchor: {theirs} in PyTorch, {ours} in LiteRT")
    if theirs != ours:
        raise SystemExit("the two disagree")


if __name__ == "__main__":
    main()
