"""The weights as shipped, and the model that runs on them as the shipped code does.

A matrix is one byte a weight, with a scale for each row: weight = (byte - 128) x scale. All else is 32-bit floats.
"""

import torch
from safetensors import safe_open
from transformers import BertForTokenClassification

from network import shape
from pieces import split, splitter, stitched, values, windows


def packed(weights):
    """Tensors of the file."""
    tensors = {}
    for name, value in weights.items():
        value = value.float().contiguous()
        if value.dim() == 2:
            scale = value.abs().amax(1).clamp_min(1e-12) / 127
            tensors[name] = (torch.round(value / scale[:, None]) + 128).clamp(1, 255).to(torch.uint8)
            tensors[name + ".scale"] = scale
        elif "position_ids" not in name:
            tensors[name] = value
    return tensors


def unpacked(tensors):
    """Weights as they are used."""
    return {name: (value.float() - 128) * tensors[name + ".scale"][:, None] if value.dtype == torch.uint8 else value
            for name, value in tensors.items() if not name.endswith(".scale")}


def opened(path):
    """Tensors and settings of a file."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata()


class Tagger:
    """A tagger on packed tensors."""

    def __init__(self, tensors, vocabulary):
        self.tokenizer = splitter(vocabulary)
        self.marks = self.tokenizer.token_to_id("[CLS]"), self.tokenizer.token_to_id("[SEP]")
        weights = unpacked(tensors)
        self.network = BertForTokenClassification(shape(len(weights["bert.embeddings.word_embeddings.weight"])))
        missing, unknown = self.network.load_state_dict(weights, strict=False)
        assert not unknown and set(missing) <= {"bert.embeddings.position_ids"}, (missing, unknown)
        self.network.eval()

    @torch.no_grad()
    def window(self, ids):
        sent = torch.tensor([[self.marks[0], *ids, self.marks[1]]])
        return self.network(input_ids=sent).logits[0, 1:-1].tolist()

    def scores(self, text):
        """Scores of all pieces, their places, whether each begins a word, and their numbers."""
        ids, places, begins = split(self.tokenizer, text)
        return stitched(len(ids), lambda start, end: self.window(ids[start:end]) if end > start else []), places, begins, ids

    @torch.no_grad()
    def scores_of_all(self, texts, size=4096):
        """`scores` of many texts, windows of one length side by side (equal up to rounding)."""
        cut = [split(self.tokenizer, text) for text in texts]
        wanted = sorted({(end - start, at, start, end) for at, (ids, _, _) in enumerate(cut) for start, end in windows(len(ids)) if end > start})
        known = {}
        while wanted:
            length = wanted[0][0]
            group = [it for it in wanted[:max(1, size // length)] if it[0] == length]
            wanted = wanted[len(group):]
            sent = torch.tensor([[self.marks[0], *cut[at][0][start:end], self.marks[1]] for _, at, start, end in group])
            for (_, at, start, _), rows in zip(group, self.network(input_ids=sent).logits[:, 1:-1].tolist()):
                known[at, start] = rows
        return [(stitched(len(ids), lambda start, _, at=at: known.get((at, start), [])), places, begins)
                for at, (ids, places, begins) in enumerate(cut)]

    def find(self, text, bias, temperature=1.0):
        scores, places, begins, _ = self.scores(text)
        return values(scores, places, begins, bias, temperature)
