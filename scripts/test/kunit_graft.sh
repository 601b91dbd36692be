#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# kunit_graft.sh   runs the lines of HACKING.md that put lvbs into a kernel tree and call kunit.py, as they are, in
#                  a copy of a kernel's source
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

"$SCRIPTS/packages.sh" kunit
source=$("$SCRIPTS/kernel.sh" --source "$(default_kernel)")
# The same path in each run, for ccache.
tree=$BUILD/kunit-graft/linux
use_ccache "$tree"

# The first block of code under a heading.
block_of() {
	awk -v heading="## $1" '
		/^## / { on = $0 == heading }
		on && /^    / { print substr($0, 5); seen = 1 }
		seen && /^$/ { exit }' "$ROOT/HACKING.md"
}

# Hard links, except the files that the lines may write to.
new_tree() {
	rm -rf "$tree"
	mkdir -p "$tree"
	cp -al "$source/." "$tree" || cp -a "$source/." "$tree" || return 1
	for file in drivers/Kconfig drivers/Makefile; do
		cp --remove-destination "$source/$file" "$tree/$file" || return 1
	done
}

in_tree() {
	(cd "$tree" && export LVBS="$ROOT" && "$@" </dev/null)
}

# Without um.config, kunit.py says at once which option it cannot have: the kernel would hang.
refused_without_um_config() {
	! in_tree tools/testing/kunit/kunit.py config --build_dir="$tmp/build" \
		--kunitconfig=drivers/lvbs/kunit/.kunitconfig 2>&1 | tee "$tmp/refused" | grep -q 'Starting KUnit Kernel' &&
		grep 'Missing: .*CONFIG_LVBS_KUNIT_TEST=y' "$tmp/refused"
}

# kunit.py's output has each suite, and says that nothing failed. Some need faults, which UML does not catch.
all_suites_ran() {
	kunit_suites >"$tmp/suites"
	test -s "$tmp/suites" || return 1
	while read -r suite; do
		grep -q "\[\(PASSED\|SKIPPED\)\] $suite =" "$tmp/output" || echo "$suite did not pass"
	done <"$tmp/suites" >"$tmp/missing"
	cat "$tmp/missing"
	test ! -s "$tmp/missing" && grep -q 'Testing complete\. Ran [0-9]* tests: passed: [0-9]*' "$tmp/output" &&
		! grep -q 'Testing complete.*\(failed\|crashed\|errors\)' "$tmp/output"
}

run_all() {
	block_of "KUnit in your own kernel tree" >"$tmp/lines"
	t_is "$(wc -l <"$tmp/lines")" 5 lines_in_hacking
	t_ok tree new_tree
	t_ok lines_run in_tree sh -e "$tmp/lines"
	cp "$t_out" "$tmp/output"
	tail -n 5 "$tmp/output"
	t_ok all_suites_ran all_suites_ran
	t_ok refused_without_um_config refused_without_um_config
	rm -rf "$tree"
	t_done
}

with_lock "$BUILD/kunit-graft.lock" run_all
