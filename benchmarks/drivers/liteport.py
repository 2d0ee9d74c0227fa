"""A network to .tflite with liteport, without verification."""

import sys

import liteport
from benchmarks.models import NETWORKS

network, file = NETWORKS[sys.argv[1]], sys.argv[2]
inputs, kwargs = network.example()
liteport.convert(network.build(), inputs, kwargs=kwargs).save(file)
