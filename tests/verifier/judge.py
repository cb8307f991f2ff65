"""Runs verify.py over a folder of bundles: those named good-* must be believed, those named bad-* refused."""
import json
import pathlib
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])
trust = json.loads((folder / "trust.json").read_text())
options = [part for key in trust["keys"] for part in ("--key", key)]
options += [part for key in trust["witnesses"] for part in ("--witness", key)]
verifier = pathlib.Path(__file__).with_name("verify.py")
passed = failed = 0
for bundle in sorted(folder.glob("good-*")) + sorted(folder.glob("bad-*")):
    ran = subprocess.run([sys.executable, verifier, bundle, *options], capture_output=True, text=True)
    is_good = bundle.name.startswith("good-")
    # A verifier that stops with an error of its own has judged nothing.
    judged = ran.returncode == (0 if is_good else 1) and ran.stdout.startswith("good: " if is_good else "bad: ")
    passed, failed = (passed + 1, failed) if judged else (passed, failed + 1)
    print(f"{'ok' if judged else 'FAILED'}  {bundle.name}: {ran.stdout.strip()} {ran.stderr.strip()}")
need = {"good": 2, "bad": 20}
few = [kind for kind, least in need.items() if len(list(folder.glob(f"{kind}-*"))) < least]
failed += len(few)
print(f"verifier: {passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
