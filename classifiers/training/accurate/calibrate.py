"""Chooses the temperature of the scores on the dev files: `calibrate.py OUT VOCABULARY MODEL --bias B`.

For each temperature: the mean of -log(score) over values found that are right (type, IoU .5) and -log(1 - score)
over those that aren't, every set weighing the same. Only types marked in a set are judged.
"""

import argparse
import math
import pathlib

from evaluate_path import matched
from measure import lines_of, tagger_of
from pieces import TYPES, values

SETS = ["unseen+more", "wnut17", "btc"]
TEMPERATURES = [0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.4, 2.8]


def judged(lines, scored, bias, temperature):
    """(score, whether it is right) of all values found."""
    pairs = []
    for line, it in zip(lines, scored):
        marked = set(line.get("marked") or TYPES)
        gold = [(span["start"], span["end"], span["type"]) for span in line["spans"]]
        for start, end, kind, score in values(*it, bias, temperature):
            if kind in marked:
                pairs.append((min(max(score, 1e-3), 1 - 1e-3), bool(matched(gold, [(start, end, kind)], 0.5))))
    return pairs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("vocabulary")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--bias", type=float, default=0.0)
    options = parser.parse_args()
    tagger = tagger_of(options.model, options.vocabulary)
    sets = [lines_of(options.out, name) for name in SETS]
    scored = [tagger.scores_of_all([line["text"] for line in lines]) for lines in sets]
    print("| temperature | log loss | mean score | right |\n|---:|---:|---:|---:|")
    for temperature in TEMPERATURES:
        rows = [judged(lines, it, options.bias, temperature) for lines, it in zip(sets, scored)]
        losses = [sum(-math.log(score if right else 1 - score) for score, right in row) / len(row) for row in rows]
        flat = [pair for row in rows for pair in row]
        print(f"| {temperature} | {sum(losses) / len(losses):.4f} | {sum(score for score, _ in flat) / len(flat):.3f} | "
              f"{sum(right for _, right in flat) / len(flat):.3f} |")


if __name__ == "__main__":
    main()
