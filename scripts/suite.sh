#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# suite.sh NAME [KERNEL [ARG...]]   runs scripts/guest/suite_NAME.sh in a VM
# suite.sh --list                   prints "NAME KERNEL" for each suite and each kernel that it is made for
#
# Comments in a suite say what it needs: "# kernels: 6.1 6.12" (default 6.1; none: not listed), "# vm: --smp 4",
# "# modules: NAME" (of scripts/guest/modules), "# programs: NAME" (of scripts/guest/programs). The
# kernel's log: build/test/suite_NAME-KERNEL.kernel.log
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

# says WORD FILE
says() {
	sed -n "s/^# $1: //p" "$2"
}

list() {
	for file in "$SCRIPTS"/guest/suite_*.sh; do
		name=$(basename "$file" .sh)
		kernels=$(says kernels "$file")
		for kernel in ${kernels:-6.1}; do
			test "$kernel" = none || echo "${name#suite_} $kernel"
		done
	done
}

test $# != 0 || die "which suite? (see the head of $0)"
if test "$1" = --list; then
	list
	exit
fi
name=$1
kernel=${2:-6.1}
shift
test $# = 0 || shift
file=$SCRIPTS/guest/suite_$name.sh
test -r "$file" || die "no suite '$name' (there is: $(list | cut -d ' ' -f 1 | uniq | tr '\n' ' '))"

# shellcheck disable=SC2046 # words
set -- $(says vm "$file") "$file" "$@"
for module in $(says modules "$file"); do
	set -- --add "$("$SCRIPTS/build.sh" --kernel "$kernel" --module "$module")" "$@"
done
for program in $(says programs "$file"); do
	set -- --add "$("$SCRIPTS/program.sh" "$program")" "$@"
done
mkdir -p "$BUILD/test"
LVBS_VM_LOG=$BUILD/test/suite_$name-$kernel.kernel.log "$SCRIPTS/vm.sh" --kernel "$kernel" "$@"
