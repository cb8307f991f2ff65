"""Trains the accurate tagger: `train.py OUT BASE [--epochs N] [--seed N] [--name FILE]`.

OUT holds `train/*.jsonl` (prepare.py, texts.py) and gets `accurate/FILE.pt`; BASE is the folder of the encoder
(model.safetensors, vocab.txt). The weights kept are a running mean over the last few hundred steps.
"""

import argparse
import math
import pathlib
import random
import time

import torch

from corpora import examples
from epoch import Census, epoch_texts
from network import batches, fresh, loss_of, padded
from pieces import splitter

BATCH = 2048
HEAD = 8
WARM = 0.06
MEAN = 0.995
# Share of pieces hidden, of all and of those in a value, so that what stands around counts.
HIDDEN, HIDDEN_VALUE = 0.03, 0.12


def veiled(ids, allowed, rng, unknown):
    """Some pieces hidden."""
    return [unknown if rng.random() < (HIDDEN if bits & 1 else HIDDEN_VALUE) else piece for piece, bits in zip(ids, allowed)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("base", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20261127)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1.5e-4)
    parser.add_argument("--exchanged", type=float, default=0.5)
    parser.add_argument("--most", type=int, help="only so many steps of each epoch")
    parser.add_argument("--name", default="checkpoint")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    rng = random.Random(options.seed)
    (options.out / "accurate").mkdir(exist_ok=True)
    tokenizer = splitter(options.base / "vocab.txt")
    marks = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    hidden = tokenizer.token_to_id("[MASK]")
    network = fresh(options.base)
    groups = [{"params": list(network.bert.parameters()), "lr": 0.0, "top": options.rate},
              {"params": list(network.classifier.parameters()), "lr": 0.0, "top": HEAD * options.rate}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, fused=True)
    census, mean, step, steps = Census(), None, 0, None
    for epoch in range(options.epochs):
        made = list(examples(tokenizer, epoch_texts(options.out, rng, f"{options.seed} {epoch}", census, options.exchanged)))
        all_ = batches(made, rng, BATCH)[:options.most]
        steps = steps or len(all_) * options.epochs
        network.train()
        began, total = time.time(), 0.0
        for count, group in enumerate(all_, 1):
            group = [(veiled(ids, allowed, rng, hidden), allowed) for ids, allowed in group]
            ids, mask, allowed = padded(group, marks)
            share = step / steps
            factor = share / WARM if share < WARM else max(0.01, (1 - share) / (1 - WARM))
            for entry in optimizer.param_groups:
                entry["lr"] = entry["top"] * factor
            with torch.autocast("cpu", dtype=torch.bfloat16):
                logits = network(input_ids=ids, attention_mask=mask).logits
            loss = loss_of(logits, allowed)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0, foreach=True)
            optimizer.step()
            total += loss.item()
            step += 1
            if step % 4 == 0:
                mean = averaged(mean, network, min(MEAN ** 4, (step - 1) / (step + 3)))
            if count % 50 == 0:
                print(f"epoch {epoch} {count}/{len(all_)} loss {total / count:.4f} {time.time() - began:.0f} s", flush=True)
        assert math.isfinite(total)
        torch.save(mean, options.out / f"accurate/{options.name}.pt")
        print(f"epoch {epoch} done: {len(made)} windows, loss {total / len(all_):.4f}, {time.time() - began:.0f} s", flush=True)


@torch.no_grad()
def averaged(mean, network, kept):
    """The running mean of all weights, moved towards those of now."""
    now = network.state_dict()
    if mean is None:
        return {name: value.clone() for name, value in now.items()}
    for name, value in mean.items():
        if value.dtype.is_floating_point:
            value.lerp_(now[name], 1 - kept)
    return mean


if __name__ == "__main__":
    main()
