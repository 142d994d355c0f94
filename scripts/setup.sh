#!/usr/bin/env bash
# Makes .venv from requirements.lock, finishes or repairs one that is there, and does nothing to one that is right.
# Usage: scripts/setup.sh [gpu|bench|cluster|docs]. `make` calls it before everything that needs .venv.
#
# 1. What cannot work is refused before anything is written: no git, no repository, a read-only folder, no room.
# 2. A .venv whose Python does not run here is removed. One that works is kept, whoever made it.
# 3. The pinned uv installs everything, by what is set for pip, too (scripts/pip_settings.py).
# 4. What runs in .venv does not name the project's path, so that the project can be moved.
# 5. .venv/ready says what .venv was made from. Without it, .venv is not finished.
set -euo pipefail
trap 'exit 130' INT
unset CDPATH GREP_OPTIONS BASH_ENV PYTHONHOME PYTHONPATH GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_INDEX_FILE
unset UV_REQUIRE_HASHES UV_EXCLUDE_NEWER UV_CONSTRAINT UV_OVERRIDE UV_BUILD_CONSTRAINT # everything is pinned
cd "$(dirname "$0")/.."
needed=4000000 # kB

fail() { echo "error: $*" >&2; exit 6; }

check_place() {
    local said start="git init && git add . && git commit -m start"
    case $PWD in *:*) fail "the project's path has a colon, which separates folders on the PATH; move it: $PWD" ;; esac
    case $PWD in *\?* | *%[0-9A-Fa-f][0-9A-Fa-f]*) fail "the project's path has a ? or a code such as %20, which" \
        "addresses of databases can't have; move it: $PWD" ;; esac
    command -v git >/dev/null || fail "git is not installed, and DVC needs it; on Debian and Ubuntu: apt install git"
    said=$(LC_ALL=C git rev-parse --git-dir 2>&1) || case $said in
        *"dubious ownership"* | *"unsafe repository"*) fail "git refuses this folder, which is somebody else's;" \
            "if you trust it: git config --global --add safe.directory ${said##*safe.directory }" ;;
        *"not a git repository (or"*) fail "this folder is no git repository (a ZIP has none), and DVC needs one;" \
            "clone the project instead, or make it one: $start" ;;
        *) fail "git does not work here: ${said##*fatal: }" ;;
    esac
    ! git check-ignore --quiet dvc.yaml ||
        fail "the git repository around this folder ignores it, so DVC refuses it; make it one of its own: $start"
}

check_folder() {
    [ -w . ] && { [ ! -e .venv ] || [ -w .venv ]; } || fail "this folder is read-only; clone the project to another one"
    [ ! -L .venv ] || [ -d .venv ] ||
        fail ".venv is a link to a folder that is not there; make it, or: rm .venv"
    [ ! -e .venv ] || [ -d .venv ] || fail ".venv is a file, and has to be a folder; move it away"
}

check_room() {
    local free
    free=$(df -Pk "$([ -d .venv ] && echo .venv/ || echo .)" | sed -nE '$s/.* ([0-9]+) +[0-9]+% .*/\1/p')
    [ -e .venv/ready ] || [ -e .venv/updating ] || [ "${free:-$needed}" -ge $needed ] ||
        fail "this disk has $((free / 1000)) MB free, and .venv takes up to $((needed / 1000)) MB; make room"
}

# Its Python runs, has a version that the packages are for, and is .venv's own.
venv_runs() {
    .venv/bin/python -I -c 'if True:
        import os, sys
        packages = "lib/python%d.%d/site-packages" % sys.version_info[:2]
        sys.exit(not (3, 11) <= sys.version_info < (3, 14) or not os.path.samefile(sys.prefix, ".venv")
                 or not os.path.isdir(os.path.join(sys.prefix, packages)))' 2>/dev/null
}

# A .venv behind a link can't be moved, so there the path counts.
made_from() { cat requirements.lock pyproject.toml scripts/setup.sh | cksum; [ ! -L .venv ] || echo "$PWD"; }

find_python() {
    local candidate candidates=(python3.13 python3.12 python3.11 python3 python)
    [ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
    for candidate in "${candidates[@]}"; do
        python=$("$candidate" -I -c 'if True:
            import sys
            print(sys.executable if (3, 11) <= sys.version_info < (3, 14) else "")' 2>/dev/null) || continue
        [ -z "$python" ] || return 0
    done
    [ -z "${PYTHON:-}" ] || fail "PYTHON=$PYTHON does not run, or is not Python 3.11, 3.12 or 3.13"
    fail "no Python 3.11, 3.12 or 3.13 on the PATH; install one, or name it: make setup PYTHON=/path/to/python"
}

# Folders for uv's cache and for temporary files, where the usual ones can't be used.
choose_folders() {
    local home=${HOME:-~} cache
    cache=${UV_CACHE_DIR:-${XDG_CACHE_HOME:-$home/.cache}/uv}
    { mkdir -p "$cache" && [ -w "$cache" ]; } 2>/dev/null || export UV_CACHE_DIR="$PWD/.venv/cache"
    { [ -d "${TMPDIR:-/tmp}" ] && [ -w "${TMPDIR:-/tmp}" ]; } || export TMPDIR="$PWD/.venv/tmp"
    mkdir -p .venv "${TMPDIR:-/tmp}"
}

# What uses the network. When it fails, the last line says why, and what to do. No password is shown. All is downloaded
# before anything is changed, so an environment that was ready still is, unless there was no room for the change.
fetch() {
    local reason
    "$@" 2>&1 | sed -E 's#://[^/ ]*@#://***@#g' | tee .venv/setup.log >&2 && return
    reason=$(.venv/bin/python scripts/pip_settings.py .venv/setup.log)
    [[ $reason == *disk* || ! -e .venv/updating ]] || mv .venv/updating .venv/ready
    fail "$reason"
}

install() { fetch "$uv" pip install --quiet --python .venv/bin/python ${uv_options:-} "$@"; }

install_extra() {
    if [ "$1" = gpu ]; then
        echo "setup: installing the CUDA libraries"
        install --constraint requirements.lock "tensorflow[and-cuda]"
    elif [ "$1" = cluster ]; then
        echo "setup: installing Ray, and what a team's servers need"
        install --compile-bytecode --require-hashes --requirements cluster.lock
    elif [ "$1" = docs ]; then
        echo "setup: installing Sphinx, which makes the documents a site"
        install --compile-bytecode --require-hashes --requirements docs.lock
    else
        echo "setup: installing PyTorch, which only the benchmarks use"
        install --constraint requirements.lock --group bench
    fi
    touch ".venv/$1"
}

make_environment() {
    find_python
    echo "setup: new environment in .venv ($("$python" --version))"
    uv venv --quiet --relocatable --allow-existing --python "$python" .venv 2>/dev/null ||
        "$python" -m venv .venv || fail "cannot make .venv; on Debian and Ubuntu: apt install python3-venv"
}

# The pinned uv, fetched by a uv that is there, or by pip; and what is set for either.
find_uv() {
    local settings pinned
    settings=$(.venv/bin/python scripts/pip_settings.py) && eval "$settings"
    uv=.venv/bin/uv
    ! "$uv" --version >/dev/null 2>&1 || return 0
    pinned=$(sed -n '/^uv==/,/[^\\]$/p' requirements.lock)
    if uv=$(command -v uv) && "$uv" --version >/dev/null 2>&1; then
        install --reinstall --require-hashes --requirements - <<<"$pinned"
    else
        .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
        PIP_USER=0 fetch .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
            --force-reinstall --require-hashes --requirement /dev/stdin <<<"$pinned"
    fi
    uv=.venv/bin/uv
}

# Scripts find Python beside themselves, which is how uv writes new ones where .venv is `relocatable`, and Python finds
# src/ from where it is. Files are replaced, not written into: uv's cache may share them.
make_movable() {
    .venv/bin/python -I -S - <<'END'
import pathlib, re, shutil
absolute = rb"#!([^\n]*/bin/python[\d.]*|/bin/sh\n'''exec' ['\"]/[^\n]*/bin/python[\d.]*['\"] \"\$0\" \"\$@\"\n' ''')\n"
relative = b"""#!/bin/sh\n'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python3' "$0" "$@"\n' '''\n"""
texts = {path: b"../../../../src\n" for path in pathlib.Path(".venv/lib").glob("*/site-packages/_editable_impl_*.pth")}
if pathlib.Path(".venv").is_symlink():
    texts = {}
activate = pathlib.Path(".venv/bin/activate")  # of the shells that don't say where it is, dash is one
texts[activate] = activate.read_bytes().replace(b'"$SCRIPT_PATH")")', b'"${SCRIPT_PATH:-.venv/bin/activate}")")')
for path in pathlib.Path(".venv/bin").iterdir():
    if path.is_file() and not path.is_symlink() and (begin := re.match(absolute, content := path.read_bytes())):
        texts[path] = relative + content[begin.end() :]
for path, text in texts.items():
    shutil.copy(path, new := path.with_name(".new"))
    new.write_bytes(text)
    new.replace(path)
END
}

make_all() {
    local again= extra extras
    extras=$(cd .venv 2>/dev/null && ls -d gpu bench cluster docs 2>/dev/null || true)
    if [ -e .venv ] && ! venv_runs; then
        echo "setup: the .venv here does not run, half-made or from elsewhere, or its Python gone; making it anew"
        find .venv/ -mindepth 1 -delete
    elif [ -e .venv/ready ]; then
        echo "setup: bringing .venv up to date"
    elif [ -e .venv ]; then
        echo "setup: .venv was not finished; installing everything again"
        again=--reinstall
    fi
    choose_folders
    venv_runs || make_environment
    find_uv
    if [ -e .venv/ready ]; then
        mv .venv/ready .venv/updating
    else
        rm -f .venv/updating
        echo "setup: installing the pinned packages (about 3 GB of disk; a few minutes the first time)"
    fi
    grep -q '^relocatable = true' .venv/pyvenv.cfg ||
        fetch "$uv" venv --quiet --relocatable --allow-existing --python .venv/bin/python .venv
    # Compiled now, once: importing TensorFlow from source files costs twice the time, in every stage.
    install --compile-bytecode $again --require-hashes --requirements requirements.lock
    install --no-deps --no-build-isolation --editable .
    make_movable
    for extra in $extras; do install_extra "$extra"; done
    rm -f .venv/setup.log .venv/updating
    made_from >.venv/ready
    for extra in $extras; do touch ".venv/$extra"; done
}

is_ready() { venv_runs && [ "$(made_from)" = "$(cat .venv/ready 2>/dev/null)" ]; }

# One at a time: a second `make`, in another terminal, would undo what the first one installs. The lock is a link to the
# number of whoever has it.
alone() {
    local other told= lock=.alexvgg/setup.lock
    [ -z "${is_alone:-}" ] || return 0
    mkdir -p .alexvgg
    until ln -s $$ $lock 2>/dev/null; do
        if ! other=$(readlink $lock); then
            [ -w .alexvgg ] && [ ! -e $lock ] || fail "$lock cannot be made; see whose .alexvgg is, and: rm -rf $lock"
        elif [ "$other" != $$ ] && { ps -p "$other" -o args= || cat "/proc/$other/cmdline"; } 2>/dev/null | grep -aq setup.sh; then
            [ -n "$told" ] || echo "setup: another \`make\` installs into .venv (process $other); waiting for it"
            told=1
            sleep 1
        elif [ "$(readlink $lock)" = "$other" ]; then
            rm -f $lock # of one that was killed
        fi
    done
    is_alone=1
    trap 'rm -f .alexvgg/setup.lock' EXIT
}

check_place
if ! is_ready; then
    check_folder
    alone
    is_ready || { check_room; make_all; }
fi
if [ -n "${1:-}" ]; then check_folder; alone; choose_folders; find_uv; install_extra "$1"; fi
