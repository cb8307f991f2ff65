"""Brings the marked corpora and plain code into the trainer's form: `prepare.py SHARED OUT`.

SHARED is the folder with `pii/`. The English corpora mark only people, places and bodies, which `marked`
says. Code (of pinned packages: numpy, PyYAML, click; comments and docstrings taken out, since they
name people) teaches what no type is.
"""

import gzip
import importlib.resources
import io
import itertools
import json
import pathlib
import sys
import tokenize

MARKED = {"wnut17": ["PERSON", "LOCATION", "ORGANIZATION"], "btc": ["PERSON", "LOCATION", "ORGANIZATION"],
          "meddocan": ["PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "AGE", "ID", "PHONE_NUMBER"]}
# Of the long clinical texts, so many are enough.
MOST = {("meddocan", "train"): 200}
PACKAGES = ["numpy", "yaml", "click"]
CODE_LINES = 25
CODE_TEXTS = 900


def corpora(shared, out):
    for name, marked in MARKED.items():
        for split in ("train", "dev"):
            path = out / split / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(shared / "pii" / split / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines, \
                    path.open("w", encoding="utf-8") as file:
                for line in itertools.islice(lines, MOST.get((name, split))):
                    file.write(json.dumps(json.loads(line) | {"marked": marked}, ensure_ascii=False) + "\n")


def bare(source):
    """Lines of code without comments and without strings of several lines."""
    lines = source.splitlines(keepends=True)
    hidden = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string[-3:] in ('"""', "'''")):
            hidden.update(range(token.start[0], token.end[0] + 1))
    return [line for number, line in enumerate(lines, 1) if number not in hidden]


def code(out):
    texts = []
    for package in PACKAGES:
        for file in sorted(pathlib.Path(str(importlib.resources.files(package))).rglob("*.py")):
            if "test" in file.name or len(texts) >= CODE_TEXTS:
                continue
            try:
                lines = bare(file.read_text(encoding="utf-8"))
            except (tokenize.TokenError, UnicodeDecodeError, IndentationError):
                continue
            pieces = ["".join(lines[at:at + CODE_LINES]) for at in range(0, len(lines), CODE_LINES * 4)]
            texts += [piece for piece in pieces if len(piece) > 200]
    with (out / "train" / "code.jsonl").open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts[:CODE_TEXTS]):
            file.write(json.dumps({"id": f"code-{number}", "text": text, "spans": []}, ensure_ascii=False) + "\n")
    print(f"{min(len(texts), CODE_TEXTS)} pieces of code")


if __name__ == "__main__":
    shared, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    corpora(shared, out)
    code(out)
