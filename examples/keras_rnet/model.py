"""RNet of MTCNN (Zhang et al., 2016) in Keras: sorts windows into faces and others, and corrects their boxes."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


class RNet(keras.Model):
    """Windows [N,24,24,3] to corrections of their boxes [N,4] and probabilities of no face and face [N,2]."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = [layers.Conv2D(28, 3), layers.Conv2D(48, 3), layers.Conv2D(64, 2)]
        self.slopes = [layers.PReLU(alpha_initializer="uniform", shared_axes=[1, 2]) for _ in self.convolutions]
        self.pools = [layers.MaxPooling2D(3, 2, padding="same"), layers.MaxPooling2D(3, 2)]
        self.flatten = layers.Flatten()
        self.dense, self.slope = layers.Dense(128), layers.PReLU(alpha_initializer="uniform")
        self.boxes, self.scores = layers.Dense(4), layers.Dense(2, activation="softmax")

    def call(self, window: Any) -> dict[str, Any]:
        x = window
        for convolution, slope, pool in zip(self.convolutions, self.slopes, [*self.pools, None], strict=True):
            x = slope(convolution(x))
            x = x if pool is None else pool(x)
        x = self.slope(self.dense(self.flatten(x)))
        return {"boxes": self.boxes(x), "scores": self.scores(x)}
