"""What the accurate tagger learns from: pieces of texts, each with the set of labels it may have.

The English corpora mark only people, places and bodies, so a piece without a mark there may be O or one of
the types that were not looked for. That doubt is kept to pieces that look like one: digits, handles, months
and days, forms of address, nationalities.
"""

import json
import re

from pieces import LABELS, TYPES, split, windows

NUMBERS = {kind: at for at, kind in enumerate(TYPES)}
CALENDAR = set("january february march april may june july august september october november december jan feb mar apr jun jul aug "
               "sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thurs fri sat sun "
               "today tomorrow yesterday tonight weekend morning evening night noon midnight christmas easter enero febrero marzo "
               "abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes martes miercoles jueves viernes sabado "
               "domingo".split())
TITLES = set("mr mrs ms miss dr prof sir lord lady president king queen prince princess rev st saint sr sra dra don doña dña doctor "
             "doctora professor capt captain col gen sgt".split())
PEOPLES = re.compile(r"(american|british|english|french|german|italian|spanish|canadian|australian|indian|chinese|japanese|russian|"
                     r"muslim|christian|jewish|catholic|\w+(ese|ish|ians?|icans?))$")
OPEN = {kind: 3 << (2 * at + 1) for kind, at in NUMBERS.items()}


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def doubt(text, start, end, unmarked):
    """Labels besides O that a piece without a mark may have, as bits."""
    left = right = None
    left, right = start, end
    while left and text[left - 1].isalnum():
        left -= 1
    while right < len(text) and text[right].isalnum():
        right += 1
    word = text[left:right].lower()
    handle = re.search(r"@\w*$", text[max(0, left - 40):left]) or (text[start:end] == "@" and text[end:end + 1].isalnum())
    kinds = set()
    if handle:
        kinds |= {"USERNAME", "PERSON", "ORGANIZATION"}
    if any(c.isdigit() for c in word) or (not word and re.search(r"\d.{0,2}$", text[max(0, start - 3):start])):
        kinds |= unmarked & {"DATE_TIME", "AGE", "CUSTOMER_ID", "EMPLOYEE_ID", "MRN", "ID", "PHONE_NUMBER", "USERNAME"}
    if word in CALENDAR:
        kinds |= unmarked & {"DATE_TIME"}
    if word in TITLES:
        kinds |= unmarked & {"TITLE"}
    if PEOPLES.match(word):
        kinds |= unmarked & {"NRP"}
    return sum(OPEN[kind] for kind in kinds)


def labelled(tokenizer, line):
    """Ids, and for each piece the labels it may have, as bits of one number."""
    text = line["text"]
    ids, places, _ = split(tokenizer, text)
    spans = sorted((s["start"], s["end"], NUMBERS[s["type"]]) for s in line["spans"] if s["type"] in NUMBERS)
    unmarked = set(TYPES) - set(line["marked"]) if "marked" in line else set()
    allowed, at, inside = [], 0, None
    for start, end in places:
        while at < len(spans) and spans[at][1] <= start:
            at += 1
        if at < len(spans) and spans[at][0] < end:
            label = 2 * spans[at][2] + (2 if inside == at else 1)
            inside = at
            allowed.append(1 << label)
        else:
            allowed.append(1 | (doubt(text, start, end, unmarked) if unmarked else 0))
    return ids, allowed


def examples(tokenizer, lines):
    """Windows of all texts: (ids, labels allowed)."""
    for line in lines:
        ids, allowed = labelled(tokenizer, line)
        if ids:
            for start, end in windows(len(ids)):
                yield ids[start:end], allowed[start:end]


def renamed(line, rng, names):
    """A text with its people exchanged for others: `names()` gives a name as the text writes them."""
    text, spans, out, moved, end = line["text"], sorted(line["spans"], key=lambda s: s["start"]), "", [], 0
    for span in spans:
        if span["start"] < end:
            return line
        out += text[end:span["start"]]
        value = text[span["start"]:span["end"]]
        if span["type"] == "PERSON" and not value.startswith("@") and rng.random() < 0.8:
            words = names().split()
            value = " ".join(words if " " in value else [rng.choice(words)])
        moved.append({"start": len(out), "end": len(out) + len(value), "type": span["type"]})
        out += value
        end = span["end"]
    return line | {"text": out + text[end:], "spans": moved}


assert len(LABELS) <= 63
