"""The second stage of MTCNN, a face detector: PReLU and two outputs, from safetensors."""
