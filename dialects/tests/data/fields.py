"""Lists every string field of OpenAI's request types: `python fields.py > fields.tsv` (needs the package `openai`).

One line a field: endpoint, path (`*` is an array element or a free key), sort. Sorts: `text` a free string,
`enum` a closed set, `keys` an object with free keys, `any` a value of any type. A type met again inside
itself is not entered a second time.
"""

import importlib
import typing
from typing import get_args, get_origin

import openai

CLASSES = {
    "chat": "openai.types.chat.completion_create_params:CompletionCreateParamsStreaming",
    "completions": "openai.types.completion_create_params:CompletionCreateParamsStreaming",
    "responses": "openai.types.responses.response_create_params:ResponseCreateParamsStreaming",
    "embeddings": "openai.types.embedding_create_params:EmbeddingCreateParams",
}


def is_typed_dict(kind):
    return isinstance(kind, type) and hasattr(kind, "__required_keys__")


def walk(kind, path, inside, out):
    origin = get_origin(kind)
    if isinstance(kind, typing.TypeAliasType) if hasattr(typing, "TypeAliasType") else False:
        walk(kind.__value__, path, inside, out)
    elif is_typed_dict(kind):
        if kind in inside:
            return
        for name, hint in typing.get_type_hints(kind, include_extras=False).items():
            walk(hint, f"{path}/{name}", inside | {kind}, out)
    elif origin is typing.Literal:
        out.add((path, "enum"))
    elif kind is str:
        out.add((path, "text"))
    elif kind is object or kind is typing.Any:
        out.add((path, "any"))
    elif str(origin) in ("<class 'dict'>", "<class 'collections.abc.Mapping'>"):
        out.add((path, "keys"))
        walk(get_args(kind)[1], f"{path}/*", inside, out)
    elif str(origin) in ("<class 'list'>", "<class 'collections.abc.Iterable'>", "<class 'collections.abc.Sequence'>") or "SequenceNotStr" in str(origin):
        walk(get_args(kind)[0], f"{path}/*", inside, out)
    elif origin is not None:
        for arg in get_args(kind):
            walk(arg, path, inside, out)
    elif kind not in (int, float, bool, type(None)):
        raise SystemExit(f"unknown type at {path}: {kind}")


def main():
    print(f"# string fields of the request types of the Python package openai {openai.__version__}")
    for endpoint, name in CLASSES.items():
        module, cls = name.split(":")
        out = set()
        walk(getattr(importlib.import_module(module), cls), "", frozenset(), out)
        for path, sort in sorted(out):
            print(f"{endpoint}\t{path}\t{sort}")


main()
