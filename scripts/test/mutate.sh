#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# mutate.sh [--list FILE] [--operators] [--seed N] [--sample N] [--print] [ID...]
#
# Checks the tests: makes errors on purpose (mutants) in a copy of the sources, and runs the suites that should fail.
# The mutants are those of FILE (default: scripts/test/mutants), and with --operators also what simple operators make
# of its source files: dropped checks, other errnos and comparisons, missing undo, missing barriers. --sample draws N
# of them; the seed is printed, and --seed draws the same ones again. --print prints the list of them only.
#
# Most mutants are compiled together, and the parameter lvbs.mutant chooses one: a kernel is built for each set of
# mutants that do not overlap. A run that does not end in LVBS_MUTATE_TIMEOUT seconds (default 300) counts as killed,
# and says so. Fails if a mutant does not build, or survives and the list does not have it as open. The last lines are
# a table by directory, the survivors, "N killed, N survived, N open, N equivalent", and "N passed, N failed".
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

list=$SCRIPTS/test/mutants
operators=
seed=$(date +%s)
sample=
print=
while test $# -gt 0; do
	case $1 in
	--list) list=$(realpath "$2") && shift ;;
	--operators) operators=y ;;
	--seed) seed=$2 && shift ;;
	--sample) sample=$2 && shift ;;
	--print) print=y ;;
	-*) bad_usage "unknown option $1" ;;
	*) break ;;
	esac
	shift
done
case $seed:${sample:-1} in
*[!0-9:]*) bad_usage "--seed and --sample take numbers" ;;
esac

"$SCRIPTS/packages.sh" kunit
make_tmp
cd "$ROOT"
work=$BUILD/mutate
tree=$work/tree
time_limit=${LVBS_MUTATE_TIMEOUT:-300}
tab=$(printf '\t')

mutate_awk() {
	awk_task=$1
	shift
	awk -v "task=$awk_task" "$@"
}

# The mutants that are asked for, in the list's order.
wanted() {
	awk -F "$tab" -v asked="$*" '
		BEGIN { n = split(asked, ids, " "); for (i = 1; i <= n; i++) want[ids[i]] }
		n == 0 || $1 in want { print; delete want[$1] }
		END { for (i in want) { print "no mutant " i >"/dev/stderr"; bad = 1 } exit bad }' "$tmp/all"
}

# Draws by a generator of its own: awks differ in rand().
draw() {
	awk -v seed="$seed" -v left="$sample" '
		BEGIN { x = seed % 2147483646 + 1 }
		{ line[NR] = $0 }
		END {
			for (i = 1; i <= NR; i++) {
				x = x * 16807 % 2147483647
				if (x / 2147483647 * (NR - i + 1) < left) { print line[i]; left-- }
			}
		}' "$1"
}

# A copy that has the parameter, with the sources of one round.
prepare() {
	rm -rf "$work/clean"
	mkdir -p "$work/clean" "$tree"
	# shellcheck disable=SC2046 # a list of names
	cp -a $(module_sources) scripts "$work/clean"
	echo "extern int lvbs_mutant;" >"$tmp/extern"
	sed -i "/^#include <linux\/module.h>/r $tmp/extern" "$work/clean/module/compat.h"
	cat >>"$work/clean/module/main.c" <<-END

		int lvbs_mutant;
		module_param_named(mutant, lvbs_mutant, int, 0400);
	END
}

enter_round() {
	rm -rf "$work/round"
	cp -a "$work/clean" "$work/round"
	cp -a "$tmp/rounds/$1/." "$work/round"
	rsync -a --checksum --delete --exclude /build "$work/round/" "$tree/"
}

# kunit NUMBER FILTER: unit tests of the tree.
kunit() {
	timeout -k 20 "$time_limit" "$tree/scripts/kunit.sh" --arch um --tree mutate --append "lvbs.mutant=$1" "$2" \
		>"$tmp/out" 2>&1 </dev/null
}

# Sources in which the compiler found errors.
wrong_files() {
	sed -n 's|.*drivers/lvbs/\(module/[^:]*\):[0-9]*:[0-9]*: \(fatal \)\{0,1\}error:.*|\1|p' "$tmp/out" | sort -u
}

# Builds the round without its mutants being chosen: tests pass. Files that do not compile are left out.
build_round() {
	while ! "$tree/scripts/kunit.sh" --arch um --tree mutate 'lvbs_*' >"$tmp/out" 2>&1 </dev/null; do
		wrong=$(wrong_files)
		if test -z "$wrong"; then
			tail -n 20 "$tmp/out" >&2
			die "the tests fail without a mutant"
		fi
		for file in $wrong; do
			test -f "$tmp/rounds/$1/$file" || die "$file does not compile"
			grep "$file:.*error:" "$tmp/out" >&2
			rm "$tmp/rounds/$1/$file"
			echo "$1 $file" >>"$tmp/wrong"
		done
		enter_round "$1"
	done
}

verdict() {
	echo "$1 $2${4:+: $4}"
	echo "$1 $2 $3" >>"$tmp/verdicts"
}

# run_suites NUMBER SUITES: until one fails.
run_suites() {
	case $2 in
	suite:*)
		"$tree/scripts/suite.sh" "${2#suite:}" "$(default_kernel)" >"$tmp/out" 2>&1 </dev/null
		return
		;;
	esac
	echo "$2" | tr , '\n' >"$tmp/filters"
	while read -r filter; do
		kunit "$1" "$filter" || return
	done <"$tmp/filters"
}

# run_mutant NUMBER ID FILE SUITES
run_mutant() {
	status=0
	run_suites "$1" "$4" || status=$?
	cp "$tmp/out" "$work/log/$2"
	case $status:$4 in
	0:*)
		if cut -f 1 "$tmp/open" | grep -q -x -e "$2"; then
			verdict open "$2" "$3" "survives, as the list says"
		else
			verdict survived "$2" "$3"
		fi
		;;
	*:suite:*) verdict killed "$2" "$3" ;;
	124:* | 137:*) verdict killed "$2" "$3" "time-out" ;;
	*)
		grep -q -x '[0-9]* passed, [0-9]* failed' "$tmp/out" || die "$2: kunit.sh failed, see build/mutate/log/$2"
		verdict killed "$2" "$3"
		;;
	esac
}

run_round() {
	say "--> round $1"
	enter_round "$1"
	if grep -q "^$1 .* suite:[^ ]* alone$" "$tmp/plan"; then
		if ! "$tree/scripts/build.sh" --kernel "$(default_kernel)" >"$tmp/out" 2>&1; then
			awk -v round="$1" '$1 == round { print $1, $4 }' "$tmp/plan" >>"$tmp/wrong"
		fi
	elif grep -q "^$1 .* choice$" "$tmp/plan"; then
		build_round "$1"
	elif ! kunit 0 lvbs_parse && grep -q ' error:' "$tmp/out"; then
		awk -v round="$1" '$1 == round { print $1, $4 }' "$tmp/plan" >>"$tmp/wrong"
	fi
	grep "^$1 " "$tmp/plan" >"$tmp/of_round"
	while read -r round number id file suites _; do
		if grep -q -x "$round $file" "$tmp/wrong"; then
			verdict bad "$id" "$file" "does not build"
		else
			run_mutant "$number" "$id" "$file" "$suites"
		fi
	done <"$tmp/of_round"
}

run_all() {
	: >"$tmp/verdicts"
	: >"$tmp/wrong"
	mkdir -p "$work"
	rm -rf "$work/log"
	mkdir "$work/log"
	prepare
	mutate_awk weave -v from="$ROOT" -v to="$tmp/rounds" -f "$SCRIPTS/test/mutate.awk" "$tmp/run" >"$tmp/plan"
	cut -d ' ' -f 1 "$tmp/plan" | sort -n -u >"$tmp/order"
	while read -r round; do
		run_round "$round"
	done <"$tmp/order"
}

summary() {
	awk -F "$tab" '{ print "equivalent", $1, $2 }' "$tmp/equivalent" >>"$tmp/verdicts"
	awk '
		{ dir = $3; sub("/[^/]*$", "", dir); n[dir, $1]++; all[$1]++; dirs[dir]; if ($1 == "survived") left[$2] = $3 }
		END {
			printf "%-18s %8s %8s %8s %10s %5s\n", "", "killed", "survived", "open", "equivalent", "bad"
			for (dir in dirs)
				printf "%-18s %8d %8d %8d %10d %5d\n", dir, n[dir, "killed"], n[dir, "survived"],
					n[dir, "open"], n[dir, "equivalent"], n[dir, "bad"] | "sort"
			close("sort")
			for (id in left)
				print "survived: " id " (" left[id] ")" | "sort"
			close("sort")
			printf "%d killed, %d survived, %d open, %d equivalent\n", all["killed"], all["survived"], all["open"],
				all["equivalent"]
			printf "%d passed, %d failed\n", all["killed"], all["survived"] + all["bad"]
			exit all["survived"] + all["bad"] > 0 || !all["killed"]
		}' "$tmp/verdicts"
}

cp "$list" "$tmp/list"
if test -n "$operators"; then
	# shellcheck disable=SC2046 # a list of names without blanks
	mutate_awk operators -f "$SCRIPTS/test/mutate.awk" "$list" $(sed -n 's/^@ \([^ ]*\) .*/\1/p' "$list") >>"$tmp/list"
fi
mutate_awk parse -f "$SCRIPTS/test/mutate.awk" "$tmp/list" >"$tmp/all"
wanted "$@" >"$tmp/wanted"
if test -n "$sample"; then
	echo "seed $seed"
	draw "$tmp/wanted" >"$tmp/drawn"
	mv "$tmp/drawn" "$tmp/wanted"
fi
awk -F "$tab" '$7 != ""' "$tmp/wanted" >"$tmp/equivalent"
awk -F "$tab" '$7 == ""' "$tmp/wanted" >"$tmp/run"
awk -F "$tab" '$8 != ""' "$tmp/wanted" >"$tmp/open"
if test -n "$print"; then
	cat "$tmp/wanted"
	exit
fi
awk -F "$tab" '{ print "equivalent " $1 ": " $7 }' "$tmp/equivalent"
with_lock "$work/lock" run_all
summary
