#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kunit_module.sh KERNEL   prints the path of a directory "kunit", for the guest: lvbs_kunit.ko, the kernel's kunit.ko
#                          if KUnit is a module, and "suites", the names of all suites in the sources
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

test $# = 1 || bad_usage "name a kernel"
kernel=$1
kernel_dir=$("$SCRIPTS/kernel.sh" "$kernel")
ko=$("$SCRIPTS/build.sh" --kernel "$kernel" --module kunit)
kunit=$kernel_dir/headers/lib/kunit/kunit.ko
out=$BUILD/kunit/$kernel/kunit

fill() {
	rm -rf "$out.new"
	mkdir -p "$out.new"
	# The guest does not read debugging information, which is most of the files.
	strip --strip-debug -o "$out.new/lvbs_kunit.ko" "$ko" || return 1
	if grep -q '^CONFIG_KUNIT=m$' "$kernel_dir/headers/.config"; then
		strip --strip-debug -o "$out.new/kunit.ko" "$kunit" || return 1
	fi
	kunit_suites >"$out.new/suites"
	rm -rf "$out"
	mv "$out.new" "$out"
}

with_lock "$out.lock" fill || die "cannot collect the modules of the unit tests for Linux $kernel"
echo "$out"
