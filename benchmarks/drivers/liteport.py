"""A network to .tflite with liteport, without verification."""

import sys

import liteport
from benchmarks.models import NETWORKS

network, file = NETWORKS[sys.argv[1]], sys.argv[2]
liteport.convert(network.build(), tuple(network.samples(1))).save(file)
