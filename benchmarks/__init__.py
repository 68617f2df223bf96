"""Side by side with the tools people would use instead: ``python -m benchmarks``."""
