#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [--full] [PART...]   runs all tests; the last line is "N passed, N failed"
# test.sh [--full] --list      prints the parts, each with its command
#
# Parts run LVBS_TEST_JOBS at a time (default: one per CPU), the longest first. Suites that need the same VM
# share one. scripts/test/part.sh judges each part; its log is build/test/PART.log.
#
# --full adds the long runs. If it is interrupted, or something fails, the next run skips the parts that have
# passed with the same sources. It leaves build/test-full.summary.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$ROOT"

logs=$BUILD/test
summary=$BUILD/test-full.summary

# Lines of "NAME GROUP COMMAND". Parts of a group other than "-" share a VM. The order is that of the first run,
# until the times are known.
parts() {
	echo "kunit-x86_64 - scripts/kunit.sh --arch x86_64 --log build/test/kunit-x86_64.kernel.log"
	"$SCRIPTS/suite.sh" --list | while read -r name kernel options; do
		echo "suite_$name-$kernel $kernel,$options scripts/suite.sh $name $kernel"
	done
	echo "lint - scripts/lint.sh"
	echo "vm - scripts/test/vm.sh"
	echo "demo - scripts/test/demo.sh"
	echo "fuzz - scripts/fuzz.sh"
	echo "panic - scripts/test/panic.sh"
	echo "kunit-um - scripts/kunit.sh --arch um --log build/test/kunit-um.kernel.log"
	echo "dkms - scripts/test/dkms.sh"
	echo "install - scripts/test/install.sh"
	echo "compile_fail - scripts/test/compile_fail.sh"
	echo "build - scripts/test/build.sh"
	echo "splat - scripts/test/splat.sh"
}

long_parts() {
	"$SCRIPTS/suite.sh" --list --full | while read -r name kernel options; do
		echo "suite_$name-$kernel - env LVBS_VM_TIMEOUT=1800 scripts/suite.sh $name $kernel"
	done
	for kernel in $(kernels_of debug); do
		for part in phys rings heki live load; do
			echo "fault-$part-$kernel - env LVBS_VM_TIMEOUT=5400 scripts/suite.sh fault $kernel $part"
		done
	done
	for suite in heki_boot heki_model; do
		echo "kunit-$suite - scripts/kunit.sh --append lvbs.kunit_times=20 --log build/test/kunit-$suite.kernel.log lvbs_$suite"
	done
	for kernel in $(kernels_of kcsan); do
		echo "race-$kernel - scripts/test/race.sh $kernel"
	done
	for kernel in $(kernels_of stock); do
		echo "soak-2000000-$kernel - env LVBS_VM_TIMEOUT=1800 scripts/suite.sh soak $kernel 2000000"
		echo "forged-all-$kernel - env LVBS_VM_TIMEOUT=1800 scripts/suite.sh forged $kernel all"
		echo "offline_race-1000-$kernel - env LVBS_VM_TIMEOUT=5400 scripts/suite.sh offline_race $kernel 1000"
		echo "reload-1000-$kernel - env LVBS_VM_TIMEOUT=5400 scripts/suite.sh reload $kernel 1000"
		echo "fuzz-1000000-$kernel - scripts/fuzz.sh --kernel $kernel --count 1000000"
	done
	for kernel in $(kernels_of stock rt arm64); do
		test "$kernel" != "$(default_kernel)" || continue
		echo "demo-$kernel - scripts/test/demo.sh --kernel $kernel"
	done
	echo "load_tools-1000 - env LVBS_VM_TIMEOUT=5400 scripts/suite.sh load_tools $(default_kernel) 1000"
	for kernel in $(kernels_of stock next); do
		for suite in load_tools load_smp4; do
			echo "$suite-200-$kernel - env LVBS_VM_TIMEOUT=3600 scripts/suite.sh $suite $kernel 200"
		done
	done
	echo "dkms-chroot - scripts/test/dkms.sh --chroot"
	echo "dump - scripts/test/dump.sh"
	echo "coccicheck - scripts/test/coccicheck.sh"
	echo "kunit_graft - scripts/test/kunit_graft.sh"
	echo "mutate - scripts/test/mutate.sh --sample 30"
	awk '!/^(#|$)/ && $3 != "-" { n = split($3, run, ","); for (i = 1; i <= n; i++) print $1, run[i] }' "$SCRIPTS/kernels" |
		while read -r kernel run; do
			arch=$run
			case $run in
			x86_64*) arch=x86_64 ;;
			*_*) arch=${run%%_*} ;;
			esac
			variant=${run#"$arch"}
			echo "kunit-$run-$kernel - scripts/kunit.sh --arch $arch${variant:+ --variant ${variant#_}} --kernel $kernel" \
				"--config kunit/small.config --log build/test/kunit-$run-$kernel.kernel.log"
		done
}

# wanted PART...: the lines that are asked for; without names, all.
wanted() {
	{
		parts
		test -z "$full" || long_parts
	} | awk -v asked="$*" '
		BEGIN { n = split(asked, names); for (i = 1; i <= n; i++) want[names[i]] }
		n == 0 || $1 in want { print; delete want[$1] }
		END { for (i in want) { print "no part " i >"/dev/stderr"; bad = 1 } exit bad }'
}

# What the result of a part depends on, besides kernels and compilers.
sources_key() {
	find Kbuild Kconfig Makefile dkms.conf include module kunit scripts -type f | sort | tr '\n' '\0' | xargs -0 sha256sum |
		sha256sum | cut -c 1-16
}

passed_before() {
	test -n "$full" && test "$(cat "$logs/$1.passed" 2>/dev/null)" = "$key" && test -f "$logs/$1.totals"
}

# jobs: a line for each job, its part.sh arguments, the longest first by the times of the last run.
jobs() {
	while read -r name group command; do
		seconds=$(cut -s -d ' ' -f 3 "$logs/$name.totals" 2>/dev/null || :)
		echo "${seconds:-600} $name $group $command"
	done <"$tmp/todo" | awk '
		$3 == "-" { seconds[++n] = $1; $1 = $3 = ""; line[n] = $0; next }
		{ split($3, part, ",") }
		!($3 in job) { job[$3] = ++n; line[n] = "--suites " part[1] }
		{
			suite = $2
			sub(/^suite_/, "", suite)
			sub("-" part[1] "$", "", suite)
			seconds[job[$3]] += $1
			line[job[$3]] = line[job[$3]] " " suite
		}
		END { for (i = 1; i <= n; i++) print seconds[i], line[i] }' | sort -s -k 1,1nr | sed 's/^[0-9]* *//; s/  */ /g'
}

slowest() {
	while read -r name group command; do
		sed "s/^[0-9]* [0-9]* \([0-9]*\)$/\1 s $name/" "$logs/$name.totals" 2>/dev/null || :
	done <"$tmp/todo" | sort -k 1,1nr | head -n 5 | paste -s -d , | sed 's/,/, /g'
}

write_summary() {
	{
		echo "make test-full: $(date '+%F %T'), $(nproc) CPUs, sources $key"
		for kernel in $(kernels_of stock rt arm64 debug clang kcsan next); do
			echo "Linux $kernel: $(find "$LVBS_CACHE/kernel/$kernel" -mindepth 2 -maxdepth 2 -name release -exec cat {} + 2>/dev/null |
				paste -s -d ' ')"
		done
		echo
		while read -r name group command; do
			if read -r part_passed part_failed seconds <"$logs/$name.totals"; then
				printf '%-34s %6d passed %4d failed %6d s%s\n' "$name" "$part_passed" "$part_failed" "$seconds" \
					"$(grep -q "^$name " "$tmp/todo" || echo "  (an earlier run)")"
			else
				printf '%-34s did not run\n' "$name"
			fi 2>/dev/null
		done <"$tmp/parts"
		echo
		cat "$tmp/end"
	} >"$summary.new"
	mv "$summary.new" "$summary"
}

full=
list=
while test $# -gt 0; do
	case $1 in
	--full) full=y ;;
	--list) list=y ;;
	-*) bad_usage "unknown option $1" ;;
	*) break ;;
	esac
	shift
done

make_tmp
wanted "$@" >"$tmp/parts" || bad_usage "some parts do not exist: --list prints them"
if test -n "$list"; then
	cut -d ' ' -f 1,3- "$tmp/parts"
	exit
fi

start=$(date +%s)
sets="build vm kunit lint dkms deb sign"
# shellcheck disable=SC2086 # a list of names
"$SCRIPTS/packages.sh" $sets
export LVBS_INSTALLED="$sets"
mkdir -p "$logs"
key=
test -z "$full" || key=$(sources_key)
while read -r line; do
	passed_before "${line%% *}" || echo "$line"
done <"$tmp/parts" >"$tmp/todo"
skipped=$(($(wc -l <"$tmp/parts") - $(wc -l <"$tmp/todo")))
test $skipped = 0 || echo "=== $skipped parts have passed with these sources and do not run again"
jobs >"$tmp/jobs"
LVBS_TEST_JOBS=${LVBS_TEST_JOBS:-$(nproc)}
test "$(wc -l <"$tmp/jobs")" -gt 1 || LVBS_TEST_JOBS=1
export LVBS_TEST_JOBS
while read -r name group command; do
	rm -f "$logs/$name.totals" "$logs/$name.passed"
done <"$tmp/todo"
# A part that fails says so in its totals; one without totals did not run.
LVBS_TEST_KEY=$key xargs -P "$LVBS_TEST_JOBS" -L 1 "$SCRIPTS/test/part.sh" <"$tmp/jobs" || :

passed=0
failed=0
while read -r name group command; do
	if ! test -f "$logs/$name.totals"; then
		echo "not ok $name: did not run ($command)"
		failed=$((failed + 1))
		continue
	fi
	read -r part_passed part_failed seconds <"$logs/$name.totals"
	passed=$((passed + part_passed))
	failed=$((failed + part_failed))
	test "$part_failed" = 0 || echo "=== failed: $name, see build/test/$name.log"
done <"$tmp/parts" >"$tmp/end"
{
	echo "=== slowest: $(slowest)"
	echo "=== all: $(($(date +%s) - start)) s"
	echo "$passed passed, $failed failed"
} >>"$tmp/end"
if test -n "$full"; then
	write_summary
	echo "=== summary: $summary"
	# A run that is complete and clean is not to be resumed.
	test $failed != 0 || test $# != 0 || rm -f "$logs"/*.passed
fi
cat "$tmp/end"
test $failed = 0 && test $passed != 0
