"""Train, convert, and compare what counts: the accuracy on digits that neither has seen.

python -m examples.digits
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import liteport
from examples.digits.model import digits, train
from examples.support.command import output_folder, say


def main() -> None:
    out = output_folder("digits")
    learn, (images, labels) = digits()
    say(f"Training on {len(learn[1])} digits ...")
    network = train(learn)

    say("The network is still in training mode; liteport switches that off.")
    model = liteport.convert(network, (torch.from_numpy(images[:1]),))
    np.save(out / "held_out.npy", images)
    print(model.save(out / "digits.tflite", data=out / "held_out.npy").verification)

    say("In int8, scaled to 200 of the digits that it learned from:")
    small = liteport.convert(network, (torch.from_numpy(images[:1]),), quantize="int8", calibrate=learn[0][:200])
    print(small.save(out / "digits_int8.tflite", data=out / "held_out.npy").verification)

    with torch.no_grad():
        theirs = network.eval()(torch.from_numpy(images)).argmax(1).numpy()
    ours, in_int8 = (read(out / name, images) for name in ("digits.tflite", "digits_int8.tflite"))
    say(f"Accuracy on {len(labels)} digits held out from training:")
    print(f"PyTorch  {(theirs == labels).mean():.4f}")
    print(f"LiteRT   {(ours == labels).mean():.4f}")
    print(f"int8     {(in_int8 == labels).mean():.4f}")
    if not np.array_equal(theirs, ours):
        raise SystemExit(f"{(theirs != ours).sum()} digits are read differently")


def read(path: Path, images: NDArray[np.float32]) -> NDArray[np.int64]:
    """The digits that the file at `path` reads in images [N,1,8,8]."""
    file = liteport.load(path)
    return np.array([file(image[np.newaxis]).argmax() for image in images])


if __name__ == "__main__":
    main()
