"""A network to .onnx, and to .tflite from PyTorch and from that file, all by liteport.

python -m benchmarks.drivers.both_ways NETWORK FILE.onnx; beside it come FILE.direct.tflite and FILE.imported.tflite.
The network has weights as training leaves them, with none of a kind alike: biases of zeros would hide what an .onnx
takes for them.
"""

import sys
from pathlib import Path

import liteport
from benchmarks.models import NETWORKS
from examples.support.weights import uneven

network, file = NETWORKS[sys.argv[1]], Path(sys.argv[2])
module = uneven(network.build())
inputs, kwargs = network.example()
liteport.export_onnx(module, file, inputs, kwargs=kwargs)
liteport.convert(module, inputs, kwargs=kwargs).save(file.with_suffix(".direct.tflite"))
liteport.convert(file).save(file.with_suffix(".imported.tflite"), verify=2)
