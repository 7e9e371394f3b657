"""The rows of benchmarks/throughput.py: what is measured, on what, in which process, and how it is told."""
