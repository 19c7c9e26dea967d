"""`repropack.yaml` as frozen values.

Owns: what the file may say, and every complaint about it. Does not own: reading it from the
repository (`source`), inferring what it leaves out (`inspection`), deciding (`plan`).
"""

from repropack.config.model import Config, Dataset, EnvironmentOverrides, Paper, Waiver
from repropack.config.names import suggest_name
from repropack.config.parse import CONFIG_NAME, parse_config

__all__ = [
    "CONFIG_NAME",
    "Config",
    "Dataset",
    "EnvironmentOverrides",
    "Paper",
    "Waiver",
    "parse_config",
    "suggest_name",
]
