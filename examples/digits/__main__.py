"""Train, convert, and compare what counts: the accuracy on digits that neither has seen.

python -m examples.digits
"""

from __future__ import annotations

import numpy as np
import torch

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

    with torch.no_grad():
        theirs = network.eval()(torch.from_numpy(images)).argmax(1).numpy()
    file = liteport.load(out / "digits.tflite")
    ours = np.array([file(image[np.newaxis]).argmax() for image in images])
    say(f"Accuracy on {len(labels)} digits held out from training:")
    print(f"PyTorch  {(theirs == labels).mean():.4f}")
    print(f"LiteRT   {(ours == labels).mean():.4f}")
    if not np.array_equal(theirs, ours):
        raise SystemExit(f"{(theirs != ours).sum()} digits are read differently")


if __name__ == "__main__":
    main()
