"""A network to .onnx with PyTorch's own exporter: the first step of every way through ONNX."""

import sys

import torch

from benchmarks.models import NETWORKS

network, file = NETWORKS[sys.argv[1]], sys.argv[2]
program = torch.onnx.export(network.build(), tuple(network.samples(1)), dynamo=True, verbose=False)
program.optimize()
program.save(file, external_data=False)
