"""The network: a BERT encoder with one linear layer, from the weights of another model of the same shape."""

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForTokenClassification

from pieces import LABELS, WINDOW

SHAPE = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536, "layer_norm_eps": 1e-12,
         "type_vocab_size": 2}
STEP = 16


def shape(rows):
    """The settings of a network that knows so many word pieces."""
    return BertConfig(**SHAPE, vocab_size=rows, max_position_embeddings=WINDOW, num_labels=len(LABELS), hidden_dropout_prob=0.0,
                      classifier_dropout=0.1, attention_probs_dropout_prob=0.0, attn_implementation="eager")


def fresh(base):
    """The encoder of the folder `base` with a new head. Positions beyond a window are cut off."""
    weights = load_file(base / "model.safetensors")
    weights = {name if name.startswith("bert.") else f"bert.{name}": value for name, value in weights.items()
               if "position_ids" not in name and "pooler" not in name}
    network = BertForTokenClassification(shape(len(weights["bert.embeddings.word_embeddings.weight"])))
    places = "bert.embeddings.position_embeddings.weight"
    weights[places] = weights[places][:WINDOW]
    missing, unknown = network.load_state_dict(weights, strict=False)
    assert not unknown and set(missing) <= {"classifier.weight", "classifier.bias", "bert.embeddings.position_ids"}, (missing, unknown)
    return network


def batches(examples, rng, size):
    """Lists of examples of about one length, `size` pieces in all, in random order. Lengths are rounded up to
    multiples of STEP, so that few shapes occur."""
    order = sorted(range(len(examples)), key=lambda at: len(examples[at][0]) + 8 * rng.random())
    made, batch, longest = [], [], 0
    for at in order:
        longest = max(longest, rounded(len(examples[at][0])))
        if batch and longest * (len(batch) + 1) > size:
            made.append(batch)
            batch, longest = [], rounded(len(examples[at][0]))
        batch.append(examples[at])
    if batch:
        made.append(batch)
    rng.shuffle(made)
    return made


def rounded(count):
    return -(-(count + 2) // STEP) * STEP


def padded(batch, marks):
    """Ids, mask, and the labels allowed (bits; 0 where there is no piece)."""
    longest = max(rounded(len(ids)) for ids, _ in batch)
    ids = torch.zeros(len(batch), longest, dtype=torch.long)
    mask = torch.zeros(len(batch), longest, dtype=torch.long)
    allowed = torch.zeros(len(batch), longest, dtype=torch.long)
    for row, (pieces, labels) in enumerate(batch):
        count = len(pieces)
        ids[row, :count + 2] = torch.tensor([marks[0], *pieces, marks[1]])
        mask[row, :count + 2] = 1
        allowed[row, 1:count + 1] = torch.tensor(labels)
    return ids, mask, allowed


def loss_of(logits, allowed):
    """Minus the log of the chance that all allowed labels have together, the mean over pieces."""
    open_labels = (allowed.unsqueeze(-1) >> torch.arange(logits.shape[-1])) & 1
    chances = torch.log_softmax(logits.float(), -1)
    hidden = chances.masked_fill(open_labels == 0, float("-inf"))
    known = allowed > 0
    return -torch.logsumexp(hidden[known], -1).mean()
