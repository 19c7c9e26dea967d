"""Count the packages of the environment that `cold.py` measures."""

from importlib.metadata import distributions

print(f"{len(list(distributions()))} packages")
