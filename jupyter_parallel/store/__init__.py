"""Checkpoints: results that outlive the kernel, and who may write and read them."""
