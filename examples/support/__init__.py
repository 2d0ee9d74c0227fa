"""What the examples, the tests and the benchmarks share: seeded weights, torchvision on a CPU, the command line."""
