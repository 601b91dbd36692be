#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# program.sh NAME [KERNEL]   builds the guest program scripts/guest/programs/NAME.c for a guest with that kernel, and
#                            prints its path
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

test $# = 1 || test $# = 2 || bad_usage "name one program"
name=$1
cross=$(cross_of "${2:-}")
out=$BUILD/programs/${cross:+${cross%-}/}$name
"$SCRIPTS/packages.sh" build ${cross:+arm64}

build() {
	# Replaced at once: other processes must not see a file that is being linked.
	"${cross}gcc" -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -o "$out.new" \
		"$SCRIPTS/guest/programs/$name.c"
	mv "$out.new" "$out"
}

with_lock "$out.lock" build || die "the build of $name failed"
echo "$out"
