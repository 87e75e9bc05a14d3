#!/bin/sh
# Builds the drawing server: build.sh OUTPUT. Needs a C compiler, pkg-config and libspice-server-dev.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck disable=SC2046
exec "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror=implicit-function-declaration \
    -pthread -o "$1" "$here"/*.c $(pkg-config --cflags --libs spice-server)
