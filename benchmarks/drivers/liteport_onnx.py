"""An .onnx file to .tflite with liteport; verified against ONNX Runtime where a number of samples is given.

python -m benchmarks.drivers.liteport_onnx FILE.onnx FILE.tflite [SAMPLES]
"""

import sys

import liteport

source, file, *samples = sys.argv[1:]
liteport.convert(source).save(file, verify=int(samples[0]) if samples else 0)
