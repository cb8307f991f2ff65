"""Writes the shipped model: `export.py OUT VOCABULARY MODELS [--name FILE] [--bias B] [--temperature T]`.

The format is told in `classifiers/src/accurate/file.rs`: matrices as one byte a weight with a scale for each
row, all else as 32-bit floats, the settings in the header. The golden file holds what the decoder here finds
with the weights as shipped.
"""

import argparse
import hashlib
import json
import pathlib

import torch
from safetensors.torch import save_file

from golden import TEXTS
from network import SHAPE
from pieces import LABELS, OVERLAP, WINDOW, values
from tagger import Tagger, opened, packed


def settings(vocabulary, bias, temperature):
    """What the header says, all as text."""
    said = {"format": "weir-tagger-accurate-1", "labels": json.dumps(LABELS), "o_bias": bias, "temperature": temperature,
            "window": WINDOW, "overlap": OVERLAP, "hidden": SHAPE["hidden_size"], "layers": SHAPE["num_hidden_layers"],
            "heads": SHAPE["num_attention_heads"], "intermediate": SHAPE["intermediate_size"],
            "layer_norm_eps": SHAPE["layer_norm_eps"], "vocab_sha256": hashlib.sha256(vocabulary).hexdigest()}
    return {name: str(value) for name, value in said.items()}


def golden(tagger, text, bias, temperature):
    """A line of the golden file."""
    scores, places, begins, ids = tagger.scores(text)
    spans = [{"start": start, "end": end, "type": kind, "score": round(score, 4)}
             for start, end, kind, score in values(scores, places, begins, bias, temperature)]
    return {"text": text, "pieces": [tagger.marks[0], *ids[:WINDOW - 2], tagger.marks[1]], "spans": spans}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("vocabulary", type=pathlib.Path)
    parser.add_argument("models", type=pathlib.Path)
    parser.add_argument("--name", default="checkpoint")
    parser.add_argument("--bias", type=float, default=0.0)
    parser.add_argument("--temperature", type=float, default=1.0)
    options = parser.parse_args()
    vocabulary = options.vocabulary.read_bytes()
    weights = torch.load(options.out / f"accurate/{options.name}.pt", weights_only=True)
    path = options.models / "tagger-accurate"
    save_file(packed(weights), path.with_suffix(".safetensors"), metadata=settings(vocabulary, options.bias, options.temperature))
    path.with_suffix(".safetensors").chmod(0o644)
    path.with_suffix(".vocab.txt").write_bytes(vocabulary)
    tagger = Tagger(opened(path.with_suffix(".safetensors"))[0], path.with_suffix(".vocab.txt"))
    with path.with_suffix(".golden.jsonl").open("w", encoding="utf-8") as file:
        for text in TEXTS:
            file.write(json.dumps(golden(tagger, text, options.bias, options.temperature), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
