"""Files that leave sizes open: what is made of them takes any size still, and calls them the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import liteport


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv1d(6, 5, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = self.conv(x).flatten(1)
        return y.t(), torch.cat([y, y.mean(0, keepdim=True)])


def test_a_file_of_any_batch_stays_one(tmp_path: Path) -> None:
    first = tmp_path / "first.tflite"
    liteport.convert(Net(), torch.randn(1, 6, 4), dynamic="batch").save(first)
    again = liteport.convert(first, verify=1)
    (signature,) = again.inspect().signatures
    assert signature.inputs[0].shape == ("batch", 6, 4)
    x = np.random.default_rng(0).standard_normal((3, 6, 4)).astype(np.float32)
    expected = liteport.load(first).runtime.run({"x": x})
    for name, array in again.runtime.run({"x": x}).items():
        np.testing.assert_allclose(array, expected[name], atol=1e-6)
