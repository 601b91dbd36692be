#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [--full] [PART...]   everything that must hold; the last line is "N passed, N failed"
# test.sh [--full] --list      prints the parts: their names, and what runs each (a script here)
#
# Parts run LVBS_TEST_JOBS at a time (default: a CPU each); see part.sh for what is asked of one.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

# The longest come first, so that all end at about the same time.
parts() {
	echo "kunit-x86_64 kunit.sh --arch x86_64 --log build/test/kunit-x86_64.kernel.log"
	echo "lint lint.sh"
	suites
	echo "vm vm-test.sh"
	echo "fuzz fuzz.sh"
	echo "panic panic-test.sh"
	echo "kunit-um kunit.sh --arch um --log build/test/kunit-um.kernel.log"
	echo "dkms dkms-test.sh"
	echo "build build-test.sh"
	echo "compile_fail compile_fail.sh"
	echo "install install-test.sh"
	echo "splat splat-test.sh"
}

suites() {
	"$SCRIPTS/suite.sh" --list | while read -r name kernel; do
		echo "suite_$name-$kernel suite.sh $name $kernel"
	done
}

long_parts() {
	# All that are not among parts() on this kernel.
	for name in heki hotplug live lockdown offline pti reload ring soak unplug; do
		echo "suite_$name-6.1-debug env LVBS_VM_TIMEOUT=1800 suite.sh $name 6.1-debug"
	done
	for part in phys rings heki live load; do
		echo "fault-$part env LVBS_VM_TIMEOUT=5400 suite.sh fault 6.1-debug $part"
	done
	echo "race race-test.sh"
	echo "suite_race-6.1-kcsan env LVBS_VM_TIMEOUT=1800 suite.sh race 6.1-kcsan"
	for kernel in 6.1 6.12; do
		echo "soak-2000000-$kernel env LVBS_VM_TIMEOUT=1800 suite.sh soak $kernel 2000000"
		echo "reload-1000-$kernel env LVBS_VM_TIMEOUT=5400 suite.sh reload $kernel 1000"
		echo "fuzz-1000000-$kernel fuzz.sh --kernel $kernel --count 1000000"
	done
	for name in phys heki ring live; do
		echo "suite_$name-7.2 suite.sh $name 7.2"
	done
	echo "coccicheck coccicheck.sh"
	kunit_parts
}

kunit_parts() {
	while read -r kernel arch; do
		name=kunit-$(echo "$arch" | sed 's/ --variant /_/')-$kernel
		echo "$name kunit.sh --arch $arch --kernel $kernel --config kunit/small.config --log build/test/$name.kernel.log"
	done <<-END
		6.1 x86_64 --variant kasan
		6.12 um
		6.12 x86_64
		6.12 i386
		6.12 arm64
		6.12 arm64 --variant 64k
		7.2 um
		7.2 x86_64
	END
}

full=
list=
while test $# -gt 0; do
	case $1 in
	--full) full=y ;;
	--list) list=y ;;
	-*) die "unknown option $1" ;;
	*) break ;;
	esac
	shift
done

# wanted PART...: the lines of parts() and long_parts() that are asked for, without names: all.
wanted() {
	{
		test -z "$full" || long_parts
		parts
	} | awk -v asked="$*" '
		BEGIN { n = split(asked, names); for (i = 1; i <= n; i++) want[names[i]] }
		n == 0 || $1 in want { print; delete want[$1] }
		END { for (i in want) { print "no part " i >"/dev/stderr"; bad = 1 } exit bad }'
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
wanted "$@" >"$tmp/parts" || die "some parts do not exist (--list tells them)"
if test -n "$list"; then
	cat "$tmp/parts"
	exit
fi

start=$(date +%s)
"$SCRIPTS/packages.sh" build vm kunit lint dkms sign
LVBS_TEST_JOBS=${LVBS_TEST_JOBS:-$(nproc)}
test "$(wc -l <"$tmp/parts")" -gt 1 || LVBS_TEST_JOBS=1
export LVBS_TEST_JOBS
while read -r name command; do
	rm -f "$BUILD/test/$name.totals"
done <"$tmp/parts"
# A part that fails says so by its totals; one without totals did not run.
xargs -P "$LVBS_TEST_JOBS" -L 1 "$SCRIPTS/part.sh" <"$tmp/parts" || :

passed=0
failed=0
while read -r name command; do
	if ! test -f "$BUILD/test/$name.totals"; then
		echo "not ok $name: did not run ($command)"
		failed=$((failed + 1))
		continue
	fi
	read -r part_passed part_failed <"$BUILD/test/$name.totals"
	passed=$((passed + part_passed))
	failed=$((failed + part_failed))
	test "$part_failed" = 0 || echo "=== failed: $name, see build/test/$name.log"
done <"$tmp/parts"
echo "=== all: $(($(date +%s) - start)) s"
echo "$passed passed, $failed failed"
test $failed = 0 && test $passed != 0
