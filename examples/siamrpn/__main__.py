"""Three entry points of one network: one file, three signatures, one set of weights; or a frozen graph for each.

python -m examples.siamrpn
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import liteport
from examples.siamrpn.model import SiamRPN
from examples.support.command import liteport as command
from examples.support.command import output_folder, say
from examples.support.weights import seeded

SAMPLES = 4


def pictures() -> tuple[Tensor, Tensor]:
    """Objects [N,1,3,127,127] and the frames to find them in [N,1,3,271,271], at random."""
    draw = torch.Generator().manual_seed(1)
    return torch.rand(SAMPLES, 1, 3, 127, 127, generator=draw), torch.rand(SAMPLES, 1, 3, 271, 271, generator=draw)


def save_samples(path: Path, network: SiamRPN, objects: Tensor, frames: Tensor) -> None:
    """Inputs of all signatures, by name: every frame comes with the kernels of its own object."""
    with torch.no_grad():
        kernels = [network.template(crop) for crop in objects]
    stacked = {f"track/{name}": torch.stack([k[name] for k in kernels]).numpy() for name in kernels[0]}
    images = {"features/image": objects, "template/image": objects, "track/image": frames}
    np.savez(path, **{name: image.numpy() for name, image in images.items()}, **stacked)


def main() -> None:
    out = output_folder("siamrpn")
    samples, converted = out / "samples.npz", out / "siamrpn.tflite"
    network = seeded(SiamRPN)
    objects, frames = pictures()
    with torch.no_grad():
        kernels = network.template(objects[0])
        expected = network.track(frames[0], **kernels)
    save_samples(samples, network, objects, frames)

    say("Each entry point is a method and its example inputs. The file is verified on samples, then put in place.")
    entry_points = {
        "features": (network.features, (objects[0],)),
        "template": (network.template, (objects[0],)),
        "track": (network.track, (frames[0], *kernels.values())),
    }
    model = liteport.convert(entry_points)
    print(model.save(converted, data=samples).verification)

    say("A weight is stored once, although all signatures use the backbone:")
    command("inspect", converted)

    say("A frozen graph has one entry point. Its inputs and outputs are called as in PyTorch, and listed beside it:")
    print(model.save(converted.with_suffix(".pb"), separate=True, data=samples).verification)
    for names in sorted(out.glob("*.pb.json")):
        described = json.loads(names.read_text())
        print(f"{names.stem}: {', '.join(described['inputs'])} -> {', '.join(described['outputs'])}")

    say("Tracking with the file alone: what `template` gives goes into every call of `track`.")
    tracker = liteport.load(converted)
    found = tracker(frames[0], **tracker(objects[0], signature="template"), signature="track")
    theirs, ours = int(expected["scores"].argmax()), int(found["scores"].argmax())
    print(f"best anchor: {theirs} in PyTorch, {ours} in LiteRT")
    if theirs != ours:
        raise SystemExit("the two disagree")


if __name__ == "__main__":
    main()
