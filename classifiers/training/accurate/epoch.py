"""The texts of one epoch: templates filled anew, corpora with some people exchanged for others.

Comments and tweets come twice, each time with other names. Code and clinical texts come in part: they are long
and alike. Templates and values that are kept back for measuring are never drawn.
"""

import importlib.resources
import itertools
import pathlib
import random
import sys

from corpora import read, renamed

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "generate"))
import texts  # noqa: E402
from pools import kept_back  # noqa: E402
from values import Draw  # noqa: E402

FOLDERS = (("templates", texts.HERE), ("more", texts.HERE / "more"), ("web", texts.HERE / "web"))
CLINICAL, CODE, WEB_TIMES = 0.35, 0.4, 2
LOCALES = ["en", "en", "en", "en", "es", "fr", "de", "it", "pt", "nl", "pl"]


class Census:
    """Given and family names as frequent as in the census of the United States of 1990 (package `names`)."""

    def __init__(self):
        folder = importlib.resources.files("names")
        self.given, self.family = self.list(folder, "dist.male.first", "dist.female.first"), self.list(folder, "dist.all.last")

    @staticmethod
    def list(folder, *files):
        rows = [line.split() for file in files for line in (folder / file).read_text().splitlines()]
        rows = [(row[0].capitalize(), float(row[1]) + 0.002) for row in rows if not kept_back(row[0])]
        return [name for name, _ in rows], list(itertools.accumulate(weight for _, weight in rows))

    def name(self, rng):
        given, family = (rng.choices(names, cum_weights=weights)[0] for names, weights in (self.given, self.family))
        return f"{given} {family}"


def people(rng, census):
    """A function that gives names: half of them American, half of many countries."""
    draw = Draw(rng, rng.choice(LOCALES), False)
    return lambda: census.name(rng) if rng.random() < 0.5 else draw.slot("name")[0]


def epoch_texts(out, rng, seed, census, exchanged):
    """All texts of one epoch. `exchanged` is the share of web texts whose people are exchanged."""
    drawn = out / "accurate" / "drawn"
    for name, folder in FOLDERS:
        texts.make(folder, random.Random(f"{seed} {name}"), drawn, (f"train/{name}", "dev/unused", "dev/unused-negative"))
        yield from read(drawn / f"train/{name}.jsonl")
    for name in ("wnut17", "btc"):
        lines = read(out / f"train/{name}.jsonl")
        for line in lines * WEB_TIMES:
            yield renamed(line, rng, people(rng, census)) if rng.random() < exchanged else line
    for name, share in (("code", CODE), ("meddocan", CLINICAL)):
        yield from (line for line in read(out / f"train/{name}.jsonl") if rng.random() < share)
