#!/bin/sh
# Makes the virtual environment that the Makefile works in: `sh scripts/environment.sh FOLDER [PYTHON]`.
# Needs Python 3.11 or later; works with a Python whose ensurepip a distribution has split off, and never touches the
# system's own packages.
set -eu
folder=$1
asked=${2:-}

suits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

python=
if [ -n "$asked" ]; then
    suits "$asked" || {
        echo "PYTHON=$asked is not Python 3.11 or later ($("$asked" --version 2>&1 || true))" >&2
        exit 1
    }
    python=$asked
else
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if command -v "$candidate" >/dev/null && suits "$candidate"; then
            python=$candidate
            break
        fi
    done
fi
if [ -z "$python" ]; then
    echo "safar needs Python 3.11 or later; none was found. Install one, or name it: make PYTHON=/path/to/python3.12" >&2
    exit 1
fi

rm -rf "$folder"
if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    "$python" -m venv "$folder"
elif "$python" -c 'import venv, pip' >/dev/null 2>&1; then
    # Debian and Ubuntu ship ensurepip apart; the system's pip can fill an environment from outside.
    "$python" -m venv --without-pip "$folder"
    "$python" -m pip --python "$folder/bin/python" install --quiet pip
elif command -v uv >/dev/null; then
    uv venv --quiet --seed --python "$python" "$folder"
else
    echo "$python ($("$python" --version 2>&1)) can't make a virtual environment: it has neither ensurepip nor pip." >&2
    echo "On Debian and Ubuntu: sudo apt-get install python3-venv. Or name another one: make PYTHON=/path/to/python3" >&2
    exit 1
fi
