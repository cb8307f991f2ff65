"""Verifies an evidence bundle. Written from docs/audit-format.md alone; shares no code with Weir.

usage: verify.py BUNDLE [--key VERIFIER_KEY]... [--witness VERIFIER_KEY]...
Exit code 0 if the bundle is sound, 1 if not; says why on standard output.
"""
import argparse
import base64
import hashlib
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KINDS = "intent completion abandoned gap admin reveal review export erasure hold key".split()


class Bad(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Bad(why)


def b64(text):
    return base64.b64decode(text, validate=True)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def strict_json(data):
    """JSON without doubled members and without anything but integers as numbers."""
    def members(pairs):
        need(len(dict(pairs)) == len(pairs), "a member is doubled")
        return dict(pairs)

    def number(_):
        raise Bad("a number is no integer")

    return json.loads(data, object_pairs_hook=members, parse_float=number, parse_constant=number)


class Key:
    """A verifier key: NAME+ID+KEY (section 5)."""

    def __init__(self, text):
        self.text = text
        self.name, key_id, key = text.split("+", 2)
        key = b64(key)
        self.type, self.public = key[0], key[1:]
        self.id = sha256(self.name.encode(), b"\n", key)[:4]
        need(self.id.hex() == key_id and self.type in (1, 4) and len(self.public) == 32, "not a verifier key")

    def signed(self, text, signature):
        if self.type == 4:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            text = b"cosignature/v1\ntime %d\n" % time + text
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
            return True
        except InvalidSignature:
            return False


class Checkpoint:
    """A signed note with the name of a log, its size and its root (section 5)."""

    def __init__(self, data):
        text, _, signatures = data.decode().rpartition("\n\n")
        need(text and signatures.endswith("\n"), "not a note")
        self.text = (text + "\n").encode()
        self.origin, size, root = text.split("\n")[:3]
        self.size, self.root = int(size), b64(root)
        need(str(self.size) == size and self.size >= 0 and len(self.root) == 32, "not a checkpoint")
        self.signatures = []
        for line in signatures[:-1].split("\n"):
            dash, name, signature = line.split(" ")
            need(dash == "\u2014", "not a signature line")
            self.signatures.append((name, b64(signature)[:4], b64(signature)[4:]))

    def signed_by(self, key):
        if key.type == 1 and key.name != self.origin:
            return False
        by_key = [s for name, key_id, s in self.signatures if (name, key_id) == (key.name, key.id)]
        return bool(by_key) and all(key.signed(self.text, signature) for signature in by_key)


def includes(checkpoint, index, leaf, proof):
    """Whether the tree has this leaf at this index (section 4)."""
    if not 0 <= index < checkpoint.size:
        return False
    fn, sn, r = index, checkpoint.size - 1, sha256(b"\0", leaf)
    for p in map(b64, proof):
        if sn == 0 or len(p) != 32:
            return False
        if fn % 2 or fn == sn:
            r = sha256(b"\1", p, r)
            while fn % 2 == 0 and fn != 0:
                fn, sn = fn // 2, sn // 2
        else:
            r = sha256(b"\1", r, p)
        fn, sn = fn // 2, sn // 2
    return sn == 0 and r == checkpoint.root


def record(leaf):
    """A record that is canonical and has the body of its kind, and no other (section 3)."""
    value = strict_json(leaf)
    # Names in records are ASCII, so that sorting by code point is sorting as RFC 8785 does.
    spelled = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    need(spelled == leaf, "a record is not canonical")
    need(value["schema"] == 1 and [kind for kind in KINDS if kind in value] == [value["kind"]], "not a record")
    need(("intent_id" in value) == (value["kind"] in ("completion", "abandoned")), "not a record")
    return value


def successor(evidence, trusted):
    """The key that a trusted one named (section 8)."""
    value, note = record(evidence["record"].encode()), Checkpoint(evidence["checkpoint"].encode())
    need(value["kind"] == "key" and value["key"]["purpose"] == "checkpoint", "a handover names no key")
    key = Key(value["key"]["public"])
    need(key.type == 1 and note.signed_by(key), "a handover is not signed by the key it names")
    need(any(note.signed_by(k) for k in trusted if k.text != key.text), "a handover is not signed by a trusted key")
    need(value["node_seq"] == evidence["index"] + 1, "a handover's record is another")
    need(includes(note, evidence["index"], evidence["record"].encode(), evidence["proof"]), "a handover has no proof")
    return key


def read_files(folder):
    manifest = strict_json((folder / "manifest.json").read_bytes())
    need(manifest["format"] == "weir-evidence/1", "unknown format")
    there = {path.name for path in folder.iterdir()} - {"manifest.json"}
    need(there == set(manifest["files"]), "the files are not those of the manifest")
    files = {name: (folder / name).read_bytes() for name in there}
    for name, data in files.items():
        need(hashlib.sha256(data).hexdigest() == manifest["files"][name], f"{name} is not what the manifest says")
    return files


def verify(folder, given, witnesses):
    files = read_files(folder)
    keys = {}
    for entry in strict_json(files["keys.json"]):
        first = given or ([Key(entry["first"])] if entry["first"] else [])
        trusted = [key for key in first if key.name == entry["origin"]]
        for evidence in entry["evidence"]:
            trusted.append(successor(evidence, trusted))
        keys[entry["origin"]] = trusted
    checkpoints = {name: Checkpoint(data) for name, data in files.items() if name.startswith("checkpoint")}
    for name, checkpoint in checkpoints.items():
        need(any(map(checkpoint.signed_by, keys.get(checkpoint.origin, []))), f"no trusted key signed {name}")
        need(not witnesses or any(map(checkpoint.signed_by, witnesses)), f"no witness signed {name}")
    records, proofs = (files[name].split(b"\n")[:-1] for name in ("records.jsonl", "proofs.jsonl"))
    need(len(records) == len(proofs) > 0, "there are not as many proofs as records")
    for leaf, line in zip(records, proofs):
        value, proof = record(leaf), strict_json(line)
        need(value["node_seq"] == proof["index"] + 1, f"record {value['node_seq']} has another's proof")
        held = includes(checkpoints[proof["checkpoint"]], proof["index"], leaf, proof["proof"])
        need(held, f"record {value['node_seq']} is not the one that was signed")
    return len(records)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bundle", type=pathlib.Path)
    parser.add_argument("--key", type=Key, action="append", default=[])
    parser.add_argument("--witness", type=Key, action="append", default=[])
    arguments = parser.parse_args()
    try:
        count = verify(arguments.bundle, arguments.key, arguments.witness)
    except (Bad, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        print(f"bad: {type(error).__name__ if not isinstance(error, Bad) else error}")
        return 1
    print(f"good: {count} records")
    return 0


if __name__ == "__main__":
    sys.exit(main())
