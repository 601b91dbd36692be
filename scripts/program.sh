#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# program.sh NAME   builds the guest's program scripts/guest/programs/NAME.c, and prints its path
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

name=$1
out=$BUILD/programs/$name
"$SCRIPTS/packages.sh" build

build() {
	# Whoever copies it must not meet one that is being linked.
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -o "$out.new" \
		"$SCRIPTS/guest/programs/$name.c"
	mv "$out.new" "$out"
}

with_lock "$out.lock" build || die "lvbs: the build of $name failed"
echo "$out"
