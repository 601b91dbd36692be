#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# usage: copy.sh
# Prints the speed of the module's copy routine against other strategies, in
# user space on this machine. Takes a second or two.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)

case $(uname -m) in
x86_64) ;;
*)
	echo "copy.sh: the routine is x86-64 only, this is $(uname -m)" >&2
	exit 1
	;;
esac

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# -fno-builtin: memcpy is to be the library's, not the compiler's idea of it.
"${CC:-cc}" -O2 -Wall -Wextra -fno-builtin -I "$root/module" \
	-o "$out/copy_harness" "$root/scripts/bench/copy_harness.c"
"$out/copy_harness"
