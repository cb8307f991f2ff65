"""Measures detectors side by side on the dev files:
`evaluate.py OUT TAG [--peer MODEL] [--rampart FOLDER] [--code FOLDER]`.

OUT is the trainer's folder, TAG the built example `tag`, MODEL a spaCy model for Presidio (which must be
installed), RAMPART the model's folder with `onnx/model_q4.onnx` (by ONNX Runtime), CODE a folder of Rust
sources (comments are cut off) for false positives. Prints Markdown.

A span counts at IoU 0.5 or 0.9 when one found span of the same type overlaps it by that share, each found
span used once. F2 weighs recall twice. Leak: the share of texts in which a character of a marked value,
white space aside, is covered by no finding of any type. Only types marked in a file are judged there.
"""

import argparse
import json
import pathlib
import re
import resource
import statistics
import subprocess
import time
from collections import defaultdict

COMMON = {"PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "NRP", "EMAIL_ADDRESS", "PHONE_NUMBER"}
TYPES = ["PERSON", "LOCATION", "ORGANIZATION", "DATE_TIME", "AGE", "NRP", "TITLE", "USERNAME", "CUSTOMER_ID", "EMPLOYEE_ID",
         "MRN", "ID", "EMAIL_ADDRESS", "PHONE_NUMBER"]


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rust_sources(folder):
    """Pieces of Rust code without comments."""
    lines = []
    for file in sorted(pathlib.Path(folder).glob("*/src/*.rs"))[::40][:120]:
        text = file.read_text(encoding="utf-8", errors="ignore")
        kept = [line for line in text.splitlines() if not line.strip().startswith(("//", "*", "/*"))][:120]
        lines.append({"id": file.name, "text": "\n".join(kept), "spans": [], "lang": "code"})
    return lines


class Ours:
    def __init__(self, tag, mode):
        self.tag, self.name = tag, mode

    def run(self, texts):
        sent = "".join(json.dumps({"id": t["id"], "text": t["text"]}) + "\n" for t in texts)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([self.tag, self.name], input=sent, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        spans = [[(e["start"], e["end"], e["type"]) for e in line["entities"]] for line in lines]
        return spans, [line["seconds"] for line in lines], after.ru_utime - before.ru_utime


class Presidio:
    def __init__(self, model):
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
        # Its defaults, but for organisations, which the default configuration leaves out.
        kinds = {"PER": "PERSON", "PERSON": "PERSON", "LOC": "LOCATION", "GPE": "LOCATION", "FAC": "LOCATION", "ORG": "ORGANIZATION",
                 "DATE": "DATE_TIME", "TIME": "DATE_TIME", "NORP": "NRP"}
        ignore = ["CARDINAL", "EVENT", "LANGUAGE", "LAW", "MONEY", "ORDINAL", "PERCENT", "PRODUCT", "QUANTITY", "WORK_OF_ART"]
        settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}],
                    "ner_model_configuration": {"model_to_presidio_entity_mapping": kinds, "labels_to_ignore": ignore}}
        self.engine = AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=settings).create_engine())
        self.name = f"Presidio, {model}"

    def run(self, texts):
        spans, seconds, begin = [], [], time.process_time()
        for text in texts:
            at = time.perf_counter()
            found = self.engine.analyze(text=text["text"], language="en")
            seconds.append(time.perf_counter() - at)
            spans.append([(r.start, r.end, r.entity_type) for r in found])
        return spans, seconds, time.process_time() - begin


class Rampart:
    """Windows of 160 tokens that overlap by 32; the best label of each token; neighbours of one type
    are one span."""

    name = "Rampart, ONNX Runtime 4-bit"
    KINDS = {"GIVEN_NAME": "PERSON", "SURNAME": "PERSON", "EMAIL": "EMAIL_ADDRESS", "PHONE": "PHONE_NUMBER", "URL": "URL",
             "BUILDING_NUMBER": "LOCATION", "STREET_NAME": "LOCATION", "SECONDARY_ADDRESS": "LOCATION", "CITY": "LOCATION",
             "STATE": "LOCATION", "ZIP_CODE": "LOCATION"}

    def __init__(self, folder):
        import numpy
        import onnxruntime
        import tokenizers
        self.numpy = numpy
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "onnx/model_q4.onnx"), options)
        self.inputs = {entry.name for entry in self.session.get_inputs()}
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.labels = json.loads((folder / "config.json").read_text())["id2label"]

    def window(self, ids):
        ids = self.numpy.array([[2, *ids, 3]], dtype=self.numpy.int64)
        feed = {"input_ids": ids, "attention_mask": self.numpy.ones_like(ids), "token_type_ids": self.numpy.zeros_like(ids)}
        logits = self.session.run(None, {name: value for name, value in feed.items() if name in self.inputs})[0]
        return [self.labels[str(label)] for label in logits[0, 1:-1].argmax(-1)]

    def find(self, text):
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        labels = []
        for at in range(0, max(len(encoding.ids) - 32, 1), 128):
            found = self.window(encoding.ids[at:at + 160])
            cut = 16 if at else 0
            labels[at + cut:] = found[cut:]
        spans = []
        for (start, end), label in zip(encoding.offsets, labels):
            kind = None if label == "O" else self.KINDS.get(label[2:], "ID")
            if kind and spans and spans[-1][2] == kind and not text[spans[-1][1]:start].strip(" ."):
                spans[-1] = (spans[-1][0], end, kind)
            elif kind:
                spans.append((start, end, kind))
        return spans

    def run(self, texts):
        spans, seconds, begin = [], [], time.process_time()
        for text in texts:
            at = time.perf_counter()
            spans.append(self.find(text["text"]))
            seconds.append(time.perf_counter() - at)
        return spans, seconds, time.process_time() - begin


def iou(a, b):
    both = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    return both / ((a[1] - a[0]) + (b[1] - b[0]) - both)


def matched(gold, found, least):
    """Pairs, best first, each span once."""
    pairs = sorted(((iou(g, f), i, j) for i, g in enumerate(gold) for j, f in enumerate(found)
                    if g[2] == f[2] and iou(g, f) >= least), reverse=True)
    used_gold, used_found, kinds = set(), set(), []
    for _, i, j in pairs:
        if i not in used_gold and j not in used_found:
            used_gold.add(i)
            used_found.add(j)
            kinds.append(gold[i][2])
    return kinds


class Score:
    def __init__(self):
        self.there = self.found = self.right = 0

    def f(self, beta=1):
        weight = beta * beta
        under = weight * self.there + self.found
        return (1 + weight) * self.right / under if under else float("nan")


def judge(texts, spans, only=None):
    """Scores by threshold and type, character recall, leaks."""
    scores = defaultdict(Score)
    chars = covered_chars = leaks = with_values = 0
    for text, found in zip(texts, spans):
        marked = set(text.get("marked") or TYPES)
        if only:
            marked &= only
        gold = [(s["start"], s["end"], s["type"]) for s in text["spans"] if s["type"] in marked]
        judged = [span for span in found if span[2] in marked]
        for name, least in (("strict", 1.0), ("0.5", 0.5), ("0.9", 0.9)):
            for kind in [g[2] for g in gold]:
                scores[name, kind].there += 1
                scores[name, "all"].there += 1
            for kind in [f[2] for f in judged]:
                scores[name, kind].found += 1
                scores[name, "all"].found += 1
            for kind in matched(gold, judged, least):
                scores[name, kind].right += 1
                scores[name, "all"].right += 1
        if gold:
            covered = {at for start, end, _ in found for at in range(start, end)}
            wanted = {at for start, end, _ in gold for at in range(start, end) if not text["text"][at].isspace()}
            chars += len(wanted)
            covered_chars += len(wanted & covered)
            with_values += 1
            leaks += bool(wanted - covered)
    return scores, covered_chars / max(chars, 1), leaks / max(with_values, 1)


def speed(texts, seconds):
    each = sorted(1000 * s * 1024 / len(t["text"].encode()) for t, s in zip(texts, seconds) if len(t["text"]) >= 200)
    if not each:
        return float("nan"), float("nan")
    return statistics.median(each), each[int(len(each) * 0.95)]


def number(value):
    return "–" if value != value else f"{value:.3f}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("tag")
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--rampart", type=pathlib.Path)
    parser.add_argument("--code")
    parser.add_argument("--most", type=int, help="only so many texts of each corpus")
    parser.add_argument("--modes", default="rules,fast,both")
    options = parser.parse_args()
    unseen = read(options.out / "dev/unseen.jsonl")
    english = [t for t in unseen if t["lang"] == "en" and not t["kinds"]]
    sets = {"unseen, all languages": unseen, "unseen, English prose": english,
            "unseen, structured": [t for t in unseen if t["kinds"]]}
    # Templates written later stand apart, so that the older figures stay comparable.
    more = read(options.out / "dev/more.jsonl")
    sets |= {"unseen, newer templates": more, "unseen, older and newer": unseen + more}
    sets |= {name: read(options.out / f"dev/{name}.jsonl")[:options.most] for name in ("wnut17", "btc", "meddocan")}
    foreign = {"unseen, all languages", "unseen, newer templates", "unseen, older and newer", "meddocan"}
    empty = {"negative templates": read(options.out / "dev/negative.jsonl") + read(options.out / "dev/negative-more.jsonl")}
    if options.code:
        empty["Rust sources"] = rust_sources(options.code)
    detectors = [Ours(options.tag, mode) for mode in options.modes.split(",") if mode] + [Presidio(model) for model in options.peer]
    if options.rampart:
        detectors.append(Rampart(options.rampart))
    print("| set | detector | strict F1 | F1 IoU .5 | F2 IoU .5 | F2 IoU .9 | char recall | leaking texts | ms/KB p50 | p95 | CPU ms/KB |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    by_type, by_lang = {}, []
    for name, texts in sets.items():
        size = sum(len(t["text"].encode()) for t in texts) / 1024
        for detector in detectors:
            if isinstance(detector, Presidio) and name in foreign:
                continue
            spans, seconds, cpu = detector.run(texts)
            scores, recall, leak = judge(texts, spans)
            p50, p95 = speed(texts, seconds)
            row = [scores["strict", "all"].f(), scores["0.5", "all"].f(), scores["0.5", "all"].f(2), scores["0.9", "all"].f(2), recall, leak]
            print(f"| {name} | {detector.name} | {' | '.join(map(number, row))} | {p50:.3f} | {p95:.3f} | {1000 * cpu / size:.3f} |", flush=True)
            by_type[name, detector.name] = scores
            if name == "unseen, all languages":
                for lang in sorted({t["lang"] for t in texts}):
                    chosen = [(t, s) for t, s in zip(texts, spans) if t["lang"] == lang]
                    result, recall, leak = judge([t for t, _ in chosen], [s for _, s in chosen])
                    by_lang.append((lang, detector.name, result["strict", "all"].f(), result["0.5", "all"].f(2), recall, leak, len(chosen)))
    print("\nF1 at IoU .5 by type (spans marked)\n")
    print("| set | detector | " + " | ".join(TYPES) + " |\n|---|---|" + "---:|" * len(TYPES))
    for (name, detector), scores in by_type.items():
        cells = [f"{number(scores['0.5', k].f())} ({scores['0.5', k].there})" if scores["0.5", k].there else "" for k in TYPES]
        print(f"| {name} | {detector} | {' | '.join(cells)} |")
    print("\nBy language, unseen\n\n| language | detector | strict F1 | F2 IoU .5 | char recall | leaking texts | texts |\n|---|---|---:|---:|---:|---:|---:|")
    for lang, detector, *values, count in by_lang:
        print(f"| {lang} | {detector} | {' | '.join(map(number, values))} | {count} |")
    print("\nFalse positives per 1,000 tokens\n\n| set | detector | tokens | all | by type |\n|---|---|---:|---:|---|")
    for name, texts in empty.items():
        tokens = sum(len(re.findall(r"\w+|[^\w\s]", t["text"])) for t in texts)
        for detector in detectors:
            counts = defaultdict(int)
            for found in detector.run(texts)[0]:
                for span in found:
                    counts[span[2]] += 1
            total = sum(counts.values())
            kinds = ", ".join(f"{k} {v}" for k, v in sorted(counts.items(), key=lambda kv: -kv[1])[:6])
            print(f"| {name} | {detector.name} | {tokens} | {1000 * total / max(tokens, 1):.2f} | {kinds} |", flush=True)


if __name__ == "__main__":
    main()
