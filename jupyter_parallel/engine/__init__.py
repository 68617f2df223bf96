"""The engine: turns events into state. Standard library only; knows no Jupyter and no backend."""
