"""Measures a model on the dev files: `measure.py OUT VOCABULARY MODEL [--bias B ...] [--most N] [--sets S ...] [--full]`.

MODEL is the shipped file or a checkpoint, whose weights are rounded as if shipped. The measures are those of
`evaluate.py`, for each bias; `--full` adds them by type and by language.
"""

import argparse
import pathlib
import re
from collections import Counter

import torch

from corpora import read
from evaluate_path import judge, number
from pieces import TYPES, values
from tagger import Tagger, opened, packed

MOST = {"wnut17": 400, "btc": 400}
SETS = ["unseen", "more", "unseen+more", "web", "wnut17", "btc", "meddocan"]
EMPTY = ["negative", "negative-more", "web-negative"]


def tagger_of(model, vocabulary):
    if model.suffix == ".safetensors":
        return Tagger(opened(model)[0], vocabulary)
    return Tagger(packed(torch.load(model, weights_only=True)), vocabulary)


def lines_of(out, name, most=None):
    """The texts of a set, none where it isn't made."""
    if name == "unseen+more":
        return lines_of(out, "unseen", most) + lines_of(out, "more", most)
    path = out / f"dev/{name}.jsonl"
    return read(path)[:min(MOST.get(name, 10 ** 6), most or 10 ** 6)] if path.exists() else []


def found_of(scored, bias):
    return [[(start, end, kind) for start, end, kind, _ in values(*it, bias)] for it in scored]


def row(result):
    scores, recall, leak = result
    person = scores["0.5", "PERSON"]
    cells = [scores["strict", "all"].f(), scores["0.5", "all"].f(), scores["0.9", "all"].f(2), recall, leak, person.f(),
             person.right / max(person.found, 1), person.right / max(person.there, 1)]
    return " | ".join(map(number, cells))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("vocabulary")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--bias", type=float, nargs="+", default=[0.0])
    parser.add_argument("--most", type=int)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tagger = tagger_of(options.model, options.vocabulary)
    print("| set | bias | strict F1 | F1 IoU .5 | F2 IoU .9 | char recall | leaking texts | PERSON F1 | precision | recall |")
    print("|---|" + "---:|" * 9)
    known = {}
    for name in options.sets:
        lines = lines_of(options.out, name, options.most)
        scored = known[name] = known["unseen"] + known["more"] if "+" in name else tagger.scores_of_all([line["text"] for line in lines])
        for bias in options.bias if lines else []:
            print(f"| {name} | {bias} | {row(judge(lines, found_of(scored, bias)))} |", flush=True)
    print("\n| texts without values | bias | tokens | found for 1,000 | by type |\n|---|---:|---:|---:|---|")
    for name in EMPTY:
        lines = lines_of(options.out, name)
        tokens = sum(len(re.findall(r"\w+|[^\w\s]", line["text"])) for line in lines)
        scored = tagger.scores_of_all([line["text"] for line in lines])
        for bias in options.bias if lines else []:
            kinds = Counter(kind for found in found_of(scored, bias) for _, _, kind in found)
            told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(6))
            print(f"| {name} | {bias} | {tokens} | {1000 * kinds.total() / tokens:.2f} | {told} |", flush=True)
    if options.full:
        details(options, known)


def details(options, known):
    """F1 at IoU .5 by type; measures by language on the older templates."""
    bias = options.bias[0]
    print("\n| set | " + " | ".join(TYPES) + " |\n|---|" + "---:|" * len(TYPES))
    for name, scored in known.items():
        scores = judge(lines_of(options.out, name, options.most), found_of(scored, bias))[0]
        cells = [f"{number(scores['0.5', kind].f())} ({scores['0.5', kind].there})" if scores["0.5", kind].there else "" for kind in TYPES]
        print(f"| {name} | {' | '.join(cells)} |")
    lines = lines_of(options.out, "unseen", options.most)
    print("\n| language | bias | strict F1 | F1 IoU .5 | F2 IoU .9 | char recall | leaking texts | PERSON F1 | precision | recall |")
    print("|---|" + "---:|" * 9)
    for lang in sorted({line["lang"] for line in lines}):
        chosen = [(line, it) for line, it in zip(lines, known["unseen"]) if line["lang"] == lang]
        print(f"| {lang} | {bias} | {row(judge([line for line, _ in chosen], found_of([it for _, it in chosen], bias)))} |")


if __name__ == "__main__":
    main()
