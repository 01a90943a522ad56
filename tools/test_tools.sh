#!/bin/sh
# Installs what the tests use besides a C and C++ compiler: without it the tests that need it are skipped.
# Packages that this release of the distribution does not have are left out.
set -eu

packages='binutils clang-19 cmake gcc-12-plugin-dev gdb libclang-rt-19-dev lld-19 llvm-19 llvm-19-dev man-db meson mold
musl-tools ninja-build valgrind zstd'

privileged=
[ "$(id -u)" = 0 ] || privileged='sudo -n'
export DEBIAN_FRONTEND=noninteractive
if ! command -v apt-get >/dev/null; then
    echo "no apt-get here; tests whose tools are missing are skipped" >&2
    exit 0
fi
missing=
for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
$privileged apt-get update -qq || true
for package in $missing; do
    $privileged apt-get install -qq -y --no-install-recommends "$package" >/dev/null 2>&1 ||
        echo "cannot install $package; tests that need it are skipped" >&2
done
