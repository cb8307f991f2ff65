# Shared by the scripts of this folder: where the repository is, how to speak, how to be root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"

step() { printf '\n== %s (after %ss)\n' "$*" "$SECONDS"; }
skip() { printf 'skipped: %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
