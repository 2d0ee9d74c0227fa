"""A network to .tflite with litert-torch."""

import sys

import litert_torch

from benchmarks.models import NETWORKS

network, file = NETWORKS[sys.argv[1]], sys.argv[2]
inputs, kwargs = network.example()
litert_torch.convert(network.build(), inputs, kwargs).export(file)
