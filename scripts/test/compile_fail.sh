#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# compile_fail.sh [--kernel NAME]   checks that misuse of the public headers does not compile
#
# Each kunit/compile_fail/*.c must fail against a stock kernel's headers, with an error that matches each of its
# "expect:" lines (extended regular expressions). control.c has none: it uses everything correctly and must
# compile without a warning, so that the others fail for the right reason.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

kernel=
while test $# -gt 0; do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	*) bad_usage "unknown argument $1" ;;
	esac
	shift
done
kernel=${kernel:-$(default_kernel)}
"$SCRIPTS/packages.sh" build
kdir=$(realpath "$("$SCRIPTS/kernel.sh" "$kernel")/headers")
out=$BUILD/compile_fail-$kernel

# Compiles all; what the compiler says about NAME.c goes to NAME.log. make prints the output of each target in
# one piece (-O), below a line with the target's name.
compile() {
	# The C locale has plain quotes, as the expectations do; kbuild drops LC_ALL.
	# shellcheck disable=SC2046 # words
	env -u LC_ALL LANG=C LC_CTYPE=C LC_MESSAGES=C make -C "$kdir" M="$out" --no-print-directory -k -O -j"$(nproc)" \
		$(kernel_cc "$kdir") $(names | sed 's/$/.o/') >"$out/make.log" 2>&1 || :
	awk -v dir="$out" '
		/^  CC \[M\]  / { file = $NF; sub(".*/", "", file); sub(/\.o$/, ".log", file); file = dir "/" file }
		file { print >file }' "$out/make.log"
}

names() {
	for file in "$out"/*.c; do
		basename "$file" .c
	done
}

# missing NAME: the first expectation that the compiler's output does not meet.
missing() {
	sed -n 's/^ \* expect: //p' "$out/$1.c" | while IFS= read -r expected; do
		grep -q -E -e "$expected" "$out/$1.log" && continue
		echo "$expected"
		break
	done
}

judge() {
	compiled=
	test ! -f "$out/$1.o" || compiled=y
	if ! test -f "$out/$1.log"; then
		t_fail "$1" "was not compiled, see $out/make.log"
	elif ! grep -q '^ \* expect: ' "$out/$1.c"; then
		if test -z "$compiled"; then
			t_fail "$1" "does not compile, see $out/$1.log"
		elif grep -q ': warning: ' "$out/$1.log"; then
			t_fail "$1" "warns, see $out/$1.log"
		else
			t_pass "$1"
		fi
	elif test -n "$compiled"; then
		t_fail "$1" "compiles"
	elif ! grep -q -E "/$1\.c:[0-9]+:[0-9]+: (error|note): " "$out/$1.log"; then
		t_fail "$1" "fails elsewhere, see $out/$1.log"
	else
		unmet=$(missing "$1")
		if test -z "$unmet"; then
			t_pass "$1"
		else
			t_fail "$1" "no error matches \"$unmet\", see $out/$1.log"
		fi
	fi
}

run_all() {
	rm -rf "$out"
	sync_tree "$ROOT/kunit/compile_fail" "$out" .
	{
		echo "ccflags-y += -I$ROOT/include -include $ROOT/module/compat.h"
		names | sed 's/.*/obj-m += &.o/'
	} >"$out/Kbuild"
	test -f "$out/control.c" || die "no control.c: all might fail for the wrong reason"

	compile
	for name in $(names); do
		judge "$name"
	done
	t_done
}

with_lock "$out.lock" run_all
