#!/bin/sh
# Makes .venv with exactly the packages of a lock file and the project itself; repeats cheaply.
# usage: deploy/make-environment.sh requirements/run.txt|requirements/test.txt|requirements/bench.txt
set -eu
cd "$(dirname "$0")/.."
lock=$1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore

is_recent() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in "${PYTHON3:-}" python3.13 python3.12 python3.11 python3 python3.14 python; do
        if [ -n "$candidate" ] && is_recent "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "expected Python 3.11 or newer, found none; install it, or name it: PYTHON3=/path/to/python3 make ..." >&2
    return 1
}

# an environment whose interpreter has gone is made again
if ! is_recent .venv/bin/python; then
    python=$(find_python)
    echo "making .venv with $("$python" --version)"
    rm -rf .venv
    # Debian splits ensurepip off: without it the environment has no pip of its own
    "$python" -m venv .venv >/dev/null 2>&1 || { rm -rf .venv && "$python" -m venv --without-pip .venv; }
fi

if .venv/bin/python -m pip --version >/dev/null 2>&1; then
    pip() { .venv/bin/python -m pip "$@"; }
else
    # pip from outside installs into the environment
    python=$(find_python)
    pip() { "$python" -m pip --python .venv/bin/python "$@"; }
fi

echo "installing the packages of $lock"
# The lock is complete: pip must not resolve. A pip before 24 asks for `coverage[toml]` although `coverage` is pinned,
# finds the newest release, which has no hash here, and stops.
pip install --quiet --no-deps --require-hashes -r "$lock"
pip install --quiet --no-deps --no-build-isolation -e .
if ! pip check; then
    echo "expected packages that fit together in .venv, found the above; if they are of an older lock: rm -rf .venv, repeat" >&2
    exit 1
fi

# what the tests need in other versions gets folders of its own: the Sparkplug edge node, which is not ours, an older
# paho-mqtt; the test of this script the oldest pip
if [ "$lock" = requirements/test.txt ]; then
    for name in sparkplug-edge oldest-pip; do
        folder=.venv/$(echo $name | tr - _)
        pip install --quiet --no-deps --require-hashes --upgrade --target "$folder" -r requirements/$name.txt
    done
fi
