"""What `conda activate` would have set: the variables that packages of the environment ask for.

Owns: reading them beside the Python that runs this, and adding them to an experiment's. Does not
own: finding them out (`conda/installer.py`, once, when the environment is installed).
"""

from __future__ import annotations

import json
import os
import sys
from typing import Dict, Mapping, Optional

FILE = os.path.join("etc", "repropack", "activation.json")


def variables(prefix: Optional[str] = None) -> Dict[str, str]:
    """The variables; none where the environment is not conda's or no package sets any."""
    try:
        with open(os.path.join(prefix or sys.prefix, FILE), encoding="utf-8") as file:
            raw = json.load(file)
    except (OSError, ValueError):
        return {}
    found = raw.items() if isinstance(raw, dict) else ()
    return {k: v for k, v in found if isinstance(v, str) and "\0" not in v and "=" not in k}


def added(env: Mapping[str, str], activated: Mapping[str, str]) -> Dict[str, str]:
    """`env` with them. What is set already stays, and directories are put in front of its PATH."""
    found = dict(activated, **env)
    paths = env.get("PATH", os.defpath).split(os.pathsep)
    more = activated.get("PATH", "").split(os.pathsep)
    new = [path for path in more if path and path not in paths]
    found["PATH"] = os.pathsep.join(new + paths)
    return found
