"""No conversion: PyTorch builds, runs and exports a network; the megabytes of its weights go to the file."""

import sys
from pathlib import Path

import torch

from benchmarks.models import NETWORKS

network, file = NETWORKS[sys.argv[1]], sys.argv[2]
inputs, kwargs = network.example()
module = network.build()
with torch.no_grad():
    module(*inputs, **kwargs)
    torch.export.export(module, inputs, dict(kwargs), strict=False)
weights = {tensor.data_ptr(): tensor.nbytes for tensor in module.state_dict().values()}
Path(file).write_text(str(sum(weights.values()) / 1e6))
