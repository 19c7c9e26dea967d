"""repropack packages experiments so that others can run them and check their numbers."""

__version__ = "0.1.0"
