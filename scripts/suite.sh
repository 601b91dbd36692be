#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# suite.sh NAME [KERNEL [ARG...]]   runs scripts/guest/suite_NAME.sh in a VM
# suite.sh --together KERNEL NAME...  runs several in one VM (see scripts/guest/suites.sh)
# suite.sh --list [--full]          prints "NAME KERNEL OPTIONS" for each suite and kernel; --full: for those that
#                                   only make test-full runs
#
# Comments in a suite say what it needs:
#
#   # kernels: CLASS...   where make test runs it: classes of scripts/kernels, "first" of the stock kernels,
#                         "others" of them, "none"
#   # full: CLASS...      where make test-full runs it as well
#   # vm: OPTION...       options for vm.sh; suites with the same ones can share a VM
#   # last: WHY           run it after all others in its VM
#   # modules: NAME...    test modules (scripts/guest/modules)
#   # programs: NAME...   test programs (scripts/guest/programs)
#   # files: PATH...     files of the project, in the guest's /
#   # stock: NAME...      modules of the stock kernel, in the guest's /stock (scripts/vm/stock_modules.sh)
#   # kunit: module       the unit tests as a module, in the guest's /kunit (scripts/vm/kunit_module.sh)
#   # tools: debian       programs of Debian, in the guest's /tools (scripts/vm/tools.sh)
#   # suites: NAME...     other suites, which it runs itself
#
# The kernel's log is build/test/suite_NAME-KERNEL.kernel.log.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

file_of() {
	echo "$SCRIPTS/guest/suite_$1.sh"
}

# says WORD NAME...: what these suites say about WORD.
says() {
	says_what=$1
	shift
	for says_name in "$@"; do
		sed -n "s/^# $says_what: //p" "$(file_of "$says_name")"
	done
}

names() {
	for file in "$SCRIPTS"/guest/suite_*.sh; do
		name=${file##*/suite_}
		echo "${name%.sh}"
	done
}

# list WORD: "LAST NAME KERNEL OPTIONS"
list() {
	for name in $(names); do
		last=$(says last "$name" | wc -l)
		for class in $(says "$1" "$name"); do
			case $class in
			first) kernels=$(default_kernel) ;;
			others) kernels=$(kernels_of stock | tail -n +2) ;;
			*) kernels=$(kernels_of "$class") ;;
			esac
			for kernel in $kernels; do
				echo "$last $name $kernel $(says vm "$name" | tr ' ' ,)"
			done
		done
	done
}

case ${1:-} in
"") bad_usage "name a suite: $(names | tr '\n' ' ')" ;;
--list)
	words=kernels
	test "${2:-}" != --full || words=full
	list $words | sort -s -k 1,1n | cut -d ' ' -f 2-
	exit
	;;
--together)
	test $# -gt 2 || bad_usage "name a kernel and suites"
	kernel=$2
	shift 2
	suites=$*
	log=suites-$kernel.$$
	;;
-*) bad_usage "unknown option $1" ;;
*)
	suites=$1
	kernel=${2:-$(default_kernel)}
	shift
	test $# = 0 || shift
	log=suite_$suites-$kernel
	;;
esac

for name in $suites; do
	test -r "$(file_of "$name")" || die "no suite '$name' (there are: $(names | tr '\n' ' '))"
done
# shellcheck disable=SC2086 # a list of names
inner=$(says suites $suites)
added=$inner
if test "$log" = "suites-$kernel.$$"; then
	set -- "$SCRIPTS/guest/suites.sh" "$@"
	added="$inner $suites"
else
	set -- "$(file_of "$suites")" "$@"
fi
for name in $added; do
	set -- --add "$(file_of "$name")" "$@"
done
# shellcheck disable=SC2046,SC2086 # words
set -- $(says vm ${suites%% *}) "$@"
suites="$suites $inner"
# shellcheck disable=SC2086 # a list of names
for module in $(says modules $suites | tr ' ' '\n' | sort -u); do
	set -- --module "$module" "$@"
done
# shellcheck disable=SC2086 # a list of names
for program in $(says programs $suites | tr ' ' '\n' | sort -u); do
	set -- --add "$("$SCRIPTS/vm/program.sh" "$program" "$kernel")" "$@"
done
# shellcheck disable=SC2086 # a list of names
for path in $(says files $suites | tr ' ' '\n' | sort -u); do
	set -- --add "$ROOT/$path" "$@"
done
# shellcheck disable=SC2086 # a list of names
stock=$(says stock $suites)
# shellcheck disable=SC2086 # a list of names
test -z "$stock" || set -- --add "$("$SCRIPTS/vm/stock_modules.sh" "$kernel" $stock)" "$@"
# shellcheck disable=SC2086 # a list of names
test -z "$(says kunit $suites)" || set -- --add "$("$SCRIPTS/vm/kunit_module.sh" "$kernel")" "$@"
# shellcheck disable=SC2086 # a list of names
test -z "$(says tools $suites)" || set -- --add "$("$SCRIPTS/vm/tools.sh")" "$@"
mkdir -p "$BUILD/test"
LVBS_VM_LOG=${LVBS_VM_LOG:-$BUILD/test/$log.kernel.log} "$SCRIPTS/vm.sh" --kernel "$kernel" "$@"
