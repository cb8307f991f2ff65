"""Fills the templates: `texts.py OUT` writes OUT/train/templates.jsonl, OUT/dev/unseen.jsonl and
OUT/dev/negative.jsonl, and of the templates in `more` OUT/{train,dev}/more.jsonl and
OUT/dev/negative-more.jsonl.

One template in five, and one value in ten, is kept back for measuring. Each folder is drawn from a seed
of its own, so that what is added to `more` leaves the older files as they are.
"""

import hashlib
import json
import pathlib
import random
import re
import sys
import unicodedata

from pools import LOCALES
from values import Draw

SEED = 20261126
HERE = pathlib.Path(__file__).parent / "templates"
SLOT = re.compile(r"\{([a-z_]+0?|Camel)\}")
COPIES = {"train": 30, "unseen": 12}


def templates(folder):
    """(language or None, template, whether it is kept back, name of the file)"""
    for file in sorted(folder.glob("*.txt")):
        lang = file.stem if file.stem in LOCALES else None
        for line in file.read_text(encoding="utf-8").splitlines():
            unseen = hashlib.sha256(line.encode()).digest()[0] < 51
            yield lang, line.replace("\\n", "\n"), unseen, file.stem


def fill(template, draw):
    """Text and spans."""
    text, spans, end = "", [], 0
    for found in SLOT.finditer(template):
        if not hasattr(draw, "s_" + found[1]):
            continue
        value, kind = draw.slot(found[1])
        text += template[end:found.start()]
        if kind:
            spans.append([len(text), len(text) + len(value), kind])
        text += value
        end = found.end()
    return text + template[end:], spans


def disturb(text, spans, rng):
    """What people and systems do to text: case, accents, missing marks, slips of the finger."""
    kind = rng.random()
    if kind < 0.14:
        lower = text.lower()
        return (lower if len(lower) == len(text) else text), spans
    if kind < 0.18:
        upper = text.upper()
        return (upper if len(upper) == len(text) else text), spans
    if kind < 0.23:
        plain = "".join(unicodedata.normalize("NFKD", c)[0] for c in text)
        return plain, spans
    if kind < 0.29:
        return edit(text, spans, [i for i, c in enumerate(text) if c in ",.;:!?" and not inside(i, spans)], "")
    if kind < 0.37:
        places = [i for i, c in enumerate(text) if c.isalpha() and rng.random() < 0.03]
        return edit(text, spans, places, rng.choice(["", "double"]))
    if kind < 0.40:
        # As tweets and corpora have it: marks stand alone.
        places = [i for i, c in enumerate(text) if c in ",.!?" and not inside(i, spans)]
        return edit(text, spans, places, "space")
    return text, spans


def inside(place, spans):
    return any(start <= place < end for start, end, _ in spans)


def edit(text, spans, places, how):
    places, out, moved = set(places), [], []
    for i, c in enumerate(text):
        moved.append(sum(map(len, out[-1:])) + (moved[-1] if moved else 0))
        if i in places:
            c = {"": "", "double": c + c, "space": " " + c}[how]
        out.append(c)
    moved.append(len("".join(out)))
    spans = [[moved[s], moved[e], k] for s, e, k in spans if moved[e] > moved[s]]
    return "".join(out), spans


def document(parts, rng):
    """Some filled templates, one after the other."""
    text, spans = "", []
    for more, more_spans in parts:
        if text:
            text += rng.choice(["\n", "\n\n", " ", " "])
        spans += [[s + len(text), e + len(text), k] for s, e, k in more_spans]
        text += more
    return text, joined(text, spans)


def joined(text, spans):
    """Given and family name side by side are one name."""
    whole = []
    for start, end, kind in spans:
        if whole and kind == whole[-1][2] == "PERSON" and text[whole[-1][1]:start] == " ":
            whole[-1][1] = end
        else:
            whole.append([start, end, kind])
    return whole


def main(out):
    make(HERE, random.Random(SEED), out, ("train/templates", "dev/unseen", "dev/negative"))
    make(HERE / "more", random.Random(SEED + 1), out, ("train/more", "dev/more", "dev/negative-more"))


def make(folder, rng, out, names):
    """Fills the templates of one folder: for training, kept back, kept back without values."""
    pieces = {(unseen, negative): [] for unseen in (False, True) for negative in (False, True)}
    for lang, template, unseen, name in templates(folder):
        copies = COPIES["unseen" if unseen else "train"]
        if name in ("structured", "negative"):
            copies = copies * 2 if name == "structured" else copies
        for _ in range(copies):
            spoken = lang or rng.choice(list(LOCALES))
            draw = Draw(rng, spoken, unseen)
            text, spans = disturb(*fill(template, draw), rng)
            pieces[unseen, name == "negative"].append((spoken, name, text, spans))
    for split, unseen in ((names[0], False), (names[1], True)):
        rest = pieces[unseen, False] + (pieces[unseen, True] if not unseen else [])
        rng.shuffle(rest)
        write(out / f"{split}.jsonl", rest, rng)
    write(out / f"{names[2]}.jsonl", pieces[True, True], rng)


def write(path, pieces, rng):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        number = 0
        while pieces:
            count = rng.choice([1, 1, 1, 2, 3])
            taken, pieces = pieces[:count], pieces[count:]
            text, spans = document([(t, s) for _, _, t, s in taken], rng)
            kinds = sorted({name for _, name, _, _ in taken if name in ("structured", "negative")})
            langs = {lang for lang, name, _, _ in taken if name not in ("structured", "negative")}
            lang = langs.pop() if len(langs) == 1 else "mixed" if langs else "structured"
            line = {"id": f"{path.stem}-{number}", "text": text, "lang": lang, "kinds": kinds, "source": path.stem,
                    "spans": [{"start": s, "end": e, "type": k} for s, e, k in spans]}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            number += 1


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
