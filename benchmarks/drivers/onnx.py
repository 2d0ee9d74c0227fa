"""A network to .onnx with PyTorch's own exporter: the first step of every way through ONNX."""

import sys

import torch

from benchmarks.models import NETWORKS

network, file = NETWORKS[sys.argv[1]], sys.argv[2]
inputs, kwargs = network.example()
program = torch.onnx.export(network.build(), inputs, kwargs=kwargs, dynamo=True, verbose=False)
program.optimize()
program.save(file, external_data=False)
