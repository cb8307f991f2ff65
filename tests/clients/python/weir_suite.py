"""pytest plugin for the openai package's own tests: gives them a key and skips what the skip list names.

WEIR_KEY replaces the key written in their conftest.py; SKIP_LIST is a file of `PATTERN  REASON` lines, a
pattern being a regular expression found in a test's id. Refused here: a pattern that fits no test.
"""
import os
import re
import sys

import pytest


def rules():
    with open(os.environ["SKIP_LIST"], encoding="utf-8") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                pattern, reason = line.split(None, 1)
                yield pattern, reason.strip()


def pytest_collection_modifyitems(items):
    sys.modules["tests.conftest"].api_key = os.environ["WEIR_KEY"]
    unused = dict(rules())
    for pattern, reason in list(unused.items()):
        hits = [item for item in items if re.search(pattern, item.nodeid)]
        for item in hits:
            item.add_marker(pytest.mark.skip(reason=reason))
        if hits:
            del unused[pattern]
    if unused:
        raise pytest.UsageError(f"the skip list names tests that don't exist: {sorted(unused)}")
