#!/bin/sh
# Starts an installed wild without forking: bin/wild, bin/ld.wild, and ld in the package's gcc directory.
# A wheel does not know where it will be installed, so the package is found relative to this file. The
# interpreter is the one the kernels were compiled for; isolated (-I) and without site (-S) it starts in a
# quarter of the time that environments with many .pth files take.
self=$0
[ ! -L "$self" ] || self=$(readlink -f -- "$self")
case $self in
    /*) here=${self%/*} ;;
    */*) here=$PWD/${self#./} here=${here%/*} ;;
    *) here=$PWD ;;
esac
python=@PYTHON@
for interpreter in "$here/$python" "$here/../../../../../bin/$python" "$here/python3" "$python"; do
    [ ! -x "$interpreter" ] || break
done
for launch in "$here/../lib/$python/site-packages/wild/launch.py" \
    "${here%/gcc}/launch.py" \
    "$here/../lib64/$python/site-packages/wild/launch.py" \
    "$here/../lib/$python/dist-packages/wild/launch.py" \
    "$here/../wild/launch.py"
do
    [ ! -f "$launch" ] || exec "$interpreter" -ISXutf8 "$launch" "$0" "$@"
done
# An editable install, or a layout that nobody thought of: let site find the package.
exec "$interpreter" -I -c 'import sys; from wild.cli import main; main(sys.argv[1:])' "$0" "$@"
