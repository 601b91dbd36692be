#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# program.sh NAME   builds the guest program scripts/guest/programs/NAME.c and prints its path
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

test $# = 1 || bad_usage "name one program"
name=$1
out=$BUILD/programs/$name
"$SCRIPTS/packages.sh" build

build() {
	# Replaced at once: other processes must not see a file that is being linked.
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -static -pthread -o "$out.new" \
		"$SCRIPTS/guest/programs/$name.c"
	mv "$out.new" "$out"
}

with_lock "$out.lock" build || die "the build of $name failed"
echo "$out"
