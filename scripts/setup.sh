#!/usr/bin/env bash
# Makes .venv from requirements.lock. With `uv` where there is one, otherwise with a uv of its own.
# Usage: scripts/setup.sh [gpu|bench]
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "error: $*" >&2; exit 6; }

python=${PYTHON:-}
if [ -z "$python" ]; then
    for candidate in python3.13 python3.12 python3.11 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
fi
[ -n "$python" ] || fail "no Python 3.11, 3.12 or 3.13 on the PATH; install one, or name it: make setup PYTHON=/path/to/python"

if [ ! -x .venv/bin/python ]; then
    echo "setup: new environment in .venv ($("$python" --version))"
    if command -v uv >/dev/null; then uv venv --quiet --python "$python" .venv
    else "$python" -m venv .venv || fail "cannot make .venv; on Debian and Ubuntu: apt install python3-venv"
    fi
fi

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    [ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        "$(sed -nE 's/^(uv==[0-9.]+).*/\1/p' requirements.lock)"
    uv=.venv/bin/uv
fi

if [ "${1:-}" = gpu ]; then
    echo "setup: installing the CUDA libraries"
    "$uv" pip install --quiet --python .venv/bin/python --constraint requirements.lock "tensorflow[and-cuda]"
    exit 0
fi

if [ "${1:-}" = bench ]; then
    echo "setup: installing PyTorch, which only the benchmarks use"
    "$uv" pip install --quiet --python .venv/bin/python --constraint requirements.lock --group bench
    exit 0
fi

echo "setup: installing the pinned packages (about 3 GB of disk; a few minutes the first time)"
# Compiled now, once: importing TensorFlow from source files costs twice the time, in every stage.
"$uv" pip install --quiet --python .venv/bin/python --compile-bytecode --require-hashes -r requirements.lock
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
echo "setup: done"
