"""The judge: runs an experiment, reads its metrics, and decides what a claim is worth.

Standard library only and readable by Python 3.7, because it also travels as `judge.pyz` and runs
inside whatever image a bundle builds. It imports nothing from the rest of repropack.
"""
