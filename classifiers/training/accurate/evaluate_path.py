"""The measures of `evaluate.py`, one folder up."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from evaluate import judge, matched, number  # noqa: E402

__all__ = ["judge", "matched", "number"]
