"""Why a run probably failed: known messages in the last lines of its log.

Owns: the table of messages. A cause is a guess, and is called one.
"""

from __future__ import annotations

import re

from repropack.report.model import Run

# (message, what it means, what to do); the first that is found wins.
_KNOWN = tuple(
    (re.compile(pattern, re.IGNORECASE), what, advice)
    for pattern, what, advice in (
        (r"CUDA out of memory|OutOfMemoryError.*CUDA|CUBLAS_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED",
         "the GPU's memory was too small", "use a GPU with more memory, or a smaller batch"),
        (r"no kernel image is available|CUDA error: invalid device function",
         "the packages have no code for this GPU", "use a GPU that they cover: `repropack plan`"),
        (r"driver version is insufficient|driver.* is too old|CUDA driver initialization failed",
         "the NVIDIA driver is too old for the locked CUDA", "update the driver"),
        (r"Found no NVIDIA driver|no CUDA-capable device|Torch not compiled with CUDA|"
         r"CUDA is not available|No GPU found", "the run wanted a GPU and had none",
         "use a machine with one, and say `gpu: required` in repropack.yaml"),
        (r"bus error|insufficient shared memory|/dev/shm",
         "the shared memory was too small for the data loader's workers", "use fewer workers"),
        (r"No space left on device|Disk quota exceeded", "the disk was full", "free some space"),
        (r"MemoryError|Cannot allocate memory|std::bad_alloc|Unable to allocate",
         "the memory was too small", "use a machine with more memory, or fewer runs at once"),
        (r"Name or service not known|Temporary failure in name resolution|Network is unreachable|"
         r"Max retries exceeded|getaddrinfo|URLError|ConnectionError",
         "the run tried to use the network, which is off",
         "make the data part of the project, or say `network: true` in repropack.yaml"),
        (r"No module named '?([\w.]+)|ModuleNotFoundError",
         "a package is missing from the lock", "add it to the lock, or build with --infer"),
        (r"ImportError: .*\.so|cannot open shared object file",
         "a system library is missing", "add its package to environment.apt"),
        (r"command not found|can't open file|No such file or directory|FileNotFoundError",
         "a file is missing", "commit it, or check the path in the command"),
        (r"Permission denied|Read-only file system",
         "the run wrote where it may not", "write below the working directory, or to /tmp"),
        (r"\bnan\b.*loss|loss.*\bnan\b", "the training diverged", "look at the learning rate"),
        (r"AssertionError", "an assertion of the experiment failed", "see the log"),
        (r"Segmentation fault|core dumped", "native code crashed", "see the log"),
        (r"error: (?:unrecognized arguments|the following arguments)|usage: ",
         "the command's arguments are wrong", "check `run` in repropack.yaml"),
    )
)  # fmt: skip


def cause(run: Run) -> tuple[str, str] | None:
    """What probably happened, and what to do; None where nothing is known."""
    if run.status == "timeout":
        return "it took longer than its timeout", "raise `timeout` in repropack.yaml"
    if run.status == "interrupted":
        return "somebody stopped it", "`repropack verify --resume` goes on"
    if "out of memory" in run.reason:
        return "the memory was too small", "use a machine with more memory, or fewer runs at once"
    for line in reversed(run.tail):
        for pattern, what, advice in _KNOWN:
            if pattern.search(line[:2000]):
                return what, advice
    if run.status == "killed":
        return "something killed it, most often for want of memory", "see the engine's log"
    return None
