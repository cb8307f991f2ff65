"""Fills the templates of `templates/web` that are kept back: `web.py OUT` writes OUT/dev/web.jsonl and
OUT/dev/web-negative.jsonl. The other templates of that folder are filled anew in each epoch (epoch.py)."""

import pathlib
import random
import sys

from epoch import texts

if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    texts.make(texts.HERE / "web", random.Random(texts.SEED + 2), out, ("accurate/web", "dev/web", "dev/web-negative"))
