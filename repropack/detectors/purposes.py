"""What a script is for: an experiment, or something that is run beside one.

Owns: telling servers, submissions to a cluster and preparation of data from experiments.
Does not own: what follows (`proposal`).
"""

from __future__ import annotations

import re
from typing import Final

from repropack.detectors.code import Code

EXPERIMENT: Final = "experiment"
SERVER: Final = "server"
SUBMISSION: Final = "submission"
PREPARATION: Final = "preparation"
_SERVES: Final = frozenset(
    (
        *("fastapi", "flask", "uvicorn", "gunicorn", "waitress", "aiohttp", "sanic", "tornado"),
        *("bentoml", "gradio", "streamlit", "dash", "chainlit", "litserve"),
    )
)
_STARTS: Final = re.compile(
    r"(?:uvicorn\.run|gunicorn\.\w+|waitress\.serve|fastapi\.FastAPI|flask\.Flask|sanic\.Sanic"
    r"|gradio\.(?:Interface|Blocks|ChatInterface)|streamlit\.\w+|dash\.Dash|bentoml\.\w+"
    r"|tornado\.web\.Application|aiohttp\.web\.run_app|litserve\.LitServer|chainlit\.\w+)"
)
_SUBMITS: Final = re.compile(
    r"(?:sagemaker|azureml|azure\.ai\.ml|kubernetes|kfp|google\.cloud\.aiplatform|skypilot|sky"
    r"|submitit|ray\.job_submission|modal|runpod)(?:\.|$)"
)
_PREPARES: Final = re.compile(
    r"(?:^|_)(?:prepare|preprocess|preprocessing|download|fetch|convert|tokenize|tokenizer|setup)"
    r"(?:_|$)"
)


def purpose_of(code: Code) -> str:
    """One of the four words above."""
    calls = [call.name for call in code.calls]
    if _SERVES & set(code.imports) and any(_STARTS.fullmatch(name) for name in calls):
        return SERVER
    if any(_SUBMITS.match(name) for name in calls):
        return SUBMISSION
    stem = code.path.rpartition("/")[2].removesuffix(".py").lower()
    return PREPARATION if _PREPARES.search(stem.replace("-", "_")) else EXPERIMENT
