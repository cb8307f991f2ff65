#!/usr/bin/env bash
# Installs what a fresh Debian machine lacks for the parts named: build, models, clients, postgres.
# As root it installs; otherwise it prints the commands and fails.
source "$(dirname "$0")/lib.sh"

packages=()
need() { "${@:2}" >/dev/null 2>&1 || packages+=("$1"); }

for part in "$@"; do
  case "$part" in
    build)
      # zlib-ng and mimalloc are C: they need cmake, a C compiler and make.
      need cmake have cmake; need gcc have cc; need g++ have c++; need make have make ;;
    run) need curl have curl ;;
    models) need python3 have python3; need python3-pip python3 -m pip --version ;;
    clients)
      need python3 have python3; need python3-pip python3 -m pip --version
      need python3-venv python3 -c 'import ensurepip' ;;
    # The server's programs; the tests start servers of their own.
    postgres) need postgresql compgen -G '/usr/lib/postgresql/*/bin/initdb' ;;
    *) die "unknown part: $part (build, run, models, clients, postgres)" ;;
  esac
done

no_cargo="cargo is missing: install Rust 1.95 or later, see https://rustup.rs"
if [ ${#packages[@]} -eq 0 ]; then
  have cargo || die "$no_cargo"
  exit 0
fi

mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
  printf 'These packages are missing. Install them, then run the same command again:\n\n  sudo apt-get update && sudo apt-get install -y --no-install-recommends %s\n\n' "${packages[*]}" >&2
  have cargo || die "$no_cargo"
  exit 1
fi
step "installing ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
have cargo || die "$no_cargo"
