#!/bin/sh
# Makes .venv with everything a developer needs: `make build` runs this when pyproject.toml has changed.
#
# The interpreter is $PYTHON if given, else the distribution's (optimised and linked statically, it starts a
# millisecond sooner than one built from source with default flags), else `python3`, else the newest python3.N
# on PATH; provided that it is at least 3.11 and has its headers and venv. Version managers put shims on PATH
# that decide anew at every call, so the environment is made by the real executable behind the name.
# Packages of the system are installed only when something is missing, and only where that is possible.
set -eu

describe='
import os, sys, sysconfig
if sys.version_info < (3, 11) or sys.platform != "linux":
    raise SystemExit(1)
missing = []
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    missing.append("python{}.{}-dev".format(*sys.version_info))
try:
    import ensurepip, venv
except ImportError:
    missing.append("python{}.{}-venv".format(*sys.version_info))
print(os.path.realpath(sys.executable), *missing)
'

# Sets $interpreter and $missing to the first complete interpreter, else to the first that lacks only packages.
find_interpreter() {
    interpreter= missing=
    for name in ${PYTHON:-/usr/bin/python3 python3 python3.15 python3.14 python3.13 python3.12 python3.11}; do
        found=$("$name" -I -c "$describe" 2>/dev/null) || continue
        case $found in
            *' '*) [ -n "$interpreter" ] || { interpreter=${found%% *} missing=${found#* }; } ;;
            *) interpreter=$found missing=; return ;;
        esac
    done
}

install_packages() {
    echo "installing: $*"
    privileged=
    [ "$(id -u)" = 0 ] || privileged='sudo -n'
    if command -v apt-get >/dev/null &&
        { $privileged apt-get install -y "$@" || { $privileged apt-get update && $privileged apt-get install -y "$@"; }; }
    then
        return
    fi
    echo "cannot install what the build needs; please install these packages and run make again: $*" >&2
    exit 1
}

find_interpreter
if [ -z "$interpreter" ]; then
    echo "no Python 3.11 or newer found; please install one (package python3) or set PYTHON=/path/to/python3" >&2
    exit 1
fi
command -v gcc >/dev/null && command -v g++ >/dev/null || missing="$missing build-essential"
# shellcheck disable=SC2086  # a list of package names
[ -z "$missing" ] || install_packages $missing

# An environment made by another interpreter cannot be updated in place.
if [ "$(readlink -f .venv/bin/python 2>/dev/null)" != "$interpreter" ]; then
    rm -rf .venv
    "$interpreter" -I -m venv .venv
fi
requirements=$(.venv/bin/python -c '
import tomllib
with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)
print("\n".join(project["build-system"]["requires"] + project["dependency-groups"]["dev"]))
')
mkdir -p build
echo "$requirements" >build/requirements.txt
.venv/bin/python -m pip --disable-pip-version-check install --quiet --upgrade -r build/requirements.txt
