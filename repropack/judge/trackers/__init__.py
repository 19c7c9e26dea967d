"""Readers of what experiment trackers write: TensorBoard, Weights & Biases, MLflow, Sacred.

Each module has `runs`: the tracked runs below a directory, each with the matches of one key. They
read the trackers' own files with the standard library, in bounded memory.
"""
