"""A network to .tflite with liteport, without verification.

python -m benchmarks.drivers.liteport NETWORK FILE.tflite [--prefer WHAT] [--tune]
"""

import argparse

import liteport
from benchmarks.models import NETWORKS

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("network", choices=NETWORKS)
parser.add_argument("file")
parser.add_argument("--prefer", default="balanced")
parser.add_argument("--tune", action="store_true")
asked = parser.parse_args()
network = NETWORKS[asked.network]
inputs, kwargs = network.example()
liteport.convert(network.build(), inputs, kwargs=kwargs, prefer=asked.prefer, tune=asked.tune).save(asked.file)
