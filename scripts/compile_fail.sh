#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compile_fail.sh [--kernel NAME]
#
# Misuse of the public headers does not compile: each kunit/compile_fail/*.c must fail against a stock
# kernel's headers, with an error that matches each of its "expect:" lines (extended regular
# expressions). control.c, which has none, uses everything rightly and must compile without a warning,
# so that the others fail for their own reason. The last line is "N passed, N failed".
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

kernel=6.1
while test $# -gt 0; do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	*) die "unknown argument $1" ;;
	esac
	shift
done

kdir=$("$SCRIPTS/kernel.sh" "$kernel")/headers
out=$BUILD/compile_fail-$kernel

# Stock headers name the compiler that built the kernel; another one serves when it is not there.
compiler() {
	sed -n 's/^CC *=.*\(gcc-[0-9]*\)$/\1/p' "$kdir/.kernelvariables" 2>/dev/null | while read -r cc; do
		command -v "$cc" >/dev/null || echo CC=gcc
	done
}

# compiles NAME: what the compiler says goes to NAME.log.
compiles() {
	rm -f "$out/$1.o"
	# The C locale has plain quotes, which the expectations are written with; kbuild drops LC_ALL.
	# shellcheck disable=SC2046 # empty or one word
	env -u LC_ALL LANG=C LC_CTYPE=C LC_MESSAGES=C make -C "$kdir" M="$out" --no-print-directory $(compiler) "$1.o" >"$out/$1.log" 2>&1
}

# missing NAME: the first expectation that the compiler's words do not meet.
missing() {
	sed -n 's/^ \* expect: //p' "$out/$1.c" | while IFS= read -r expected; do
		grep -q -E -e "$expected" "$out/$1.log" && continue
		echo "$expected"
		break
	done
}

judge() {
	status=0
	compiles "$1" || status=$?
	if ! grep -q '^ \* expect: ' "$out/$1.c"; then
		if test $status != 0; then
			not_ok "$1" "does not compile, see $out/$1.log"
		elif grep -q ': warning: ' "$out/$1.log"; then
			not_ok "$1" "warns, see $out/$1.log"
		else
			ok "$1"
		fi
	elif test $status = 0; then
		not_ok "$1" "compiles"
	elif ! grep -q -E "/$1\.c:[0-9]+:[0-9]+: (error|note): " "$out/$1.log"; then
		not_ok "$1" "fails elsewhere, see $out/$1.log"
	else
		unmet=$(missing "$1")
		test -n "$unmet" || { ok "$1" && return; }
		not_ok "$1" "no error matches \"$unmet\", see $out/$1.log"
	fi
}

run_all() {
	sync_tree "$ROOT/kunit/compile_fail" "$out" .
	{
		echo "ccflags-y += -I$ROOT/include -include $ROOT/module/compat.h"
		for file in "$out"/*.c; do
			echo "obj-m += $(basename "$file" .c).o"
		done
	} >"$out/Kbuild"
	test -f "$out/control.c" || die "no control.c: all might fail for one wrong reason"

	for file in "$out"/*.c; do
		judge "$(basename "$file" .c)"
	done
	totals
}

with_lock "$out.lock" run_all
