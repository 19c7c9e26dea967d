"""`python -m repropack` is the `repropack` command."""

import sys

if not sys.flags.safe_path:
    # Python puts the working directory first: a project's own `random.py` or `traceback.py` would
    # be imported, and run, instead of Python's.
    del sys.path[0]

from repropack.cli import main

main()
