"""Texts to word pieces and back: the split, the windows, and the decoder that the shipped code repeats.

Word pieces are BERT's (lower-case, no accents; Devlin and others 2018). Labels are O, then B-X and I-X for
each type X. A window holds at most WINDOW pieces, [CLS] and [SEP] included; the next one begins
WINDOW - 2 - OVERLAP pieces later, and of n pieces that both hold the earlier answers for the first half.

The decoder is Viterbi's (1967) over the scores before softmax, O_BIAS added to O: I-X stands only behind B-X
or I-X, and within a word a piece that goes on with it follows as O -> O, B-X -> I-X or I-X -> I-X. A value's
place is that of its pieces, its score the mean chance (softmax at TEMPERATURE, without the bias) of B-X and
I-X over them.
"""

import math
import pathlib

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

TYPES = ["PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "AGE", "NRP", "TITLE", "USERNAME", "CUSTOMER_ID", "EMPLOYEE_ID",
         "MRN", "ID", "PHONE_NUMBER"]
LABELS = ["O"] + [mark + kind for kind in TYPES for mark in ("B-", "I-")]
WINDOW, OVERLAP = 192, 64
NONE = -math.inf


def splitter(vocabulary):
    """The tokenizer for a list of pieces, one a line."""
    words = {word: at for at, word in enumerate(pathlib.Path(vocabulary).read_text(encoding="utf-8").removesuffix("\n").split("\n"))}
    made = Tokenizer(models.WordPiece(words, unk_token="[UNK]", continuing_subword_prefix="##", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def split(tokenizer, text):
    """Ids, places in code points, and whether each piece begins a word."""
    done = tokenizer.encode(text, add_special_tokens=False)
    words = done.word_ids
    begins = [at == 0 or words[at] != words[at - 1] for at in range(len(words))]
    return done.ids, done.offsets, begins


def windows(count):
    """Beginnings and ends of the windows over so many pieces."""
    room = WINDOW - 2
    start = 0
    while True:
        end = min(count, start + room)
        yield start, end
        if end == count:
            return
        start += room - OVERLAP


def stitched(count, scores_of):
    """Scores of all pieces; `scores_of(start, end)` gives those of a window."""
    scores = []
    for start, end in windows(count):
        kept = -(-(len(scores) - start) // 2)
        scores = scores[:start + kept] + list(scores_of(start, end))[kept:]
    return scores


def best(scores, begins, bias):
    """Numbers of the best labels."""
    ways, sums = [], None
    for row, begin in zip(scores, begins):
        row = [row[0] + bias, *row[1:]]
        if sums is None:
            sums = [value if label == 0 or label % 2 else NONE for label, value in enumerate(row)]
            ways.append([0] * len(row))
            continue
        top = max(range(len(sums)), key=lambda label: sums[label])
        after, way = [], []
        for label, value in enumerate(row):
            if label and label % 2 == 0:
                origin = label if sums[label] >= sums[label - 1] else label - 1
            elif begin:
                origin = top
            elif label == 0:
                origin = 0
            else:
                after.append(NONE)
                way.append(0)
                continue
            after.append(sums[origin] + value)
            way.append(origin)
        sums = after
        ways.append(way)
    labels = []
    if sums:
        label = max(range(len(sums)), key=lambda label: sums[label])
        for way in reversed(ways):
            labels.append(label)
            label = way[label]
    return labels[::-1]


def values(scores, places, begins, bias, temperature=1.0):
    """What is found: (start, end, type, score)."""
    found = []
    for at, label in enumerate(best(scores, begins, bias)):
        if not label:
            continue
        kind = (label - 1) // 2
        row = [value / temperature for value in scores[at]]
        top = max(row)
        weights = [math.exp(value - top) for value in row]
        chance = (weights[2 * kind + 1] + weights[2 * kind + 2]) / sum(weights)
        if label % 2 == 0 and found and found[-1][2] == kind:
            found[-1][1] = places[at][1]
            found[-1][3].append(chance)
        else:
            found.append([places[at][0], places[at][1], kind, [chance]])
    return [(start, end, TYPES[kind], sum(all_) / len(all_)) for start, end, kind, all_ in found]
