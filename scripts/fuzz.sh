#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# fuzz.sh [--kernel NAME] [--seed N] [--count N] [--epoch N] [--trace]
#
# Gives lvbs N commands (default 20,000) through its debugfs files, in a VM: well-formed ones, damaged
# ones, rubbish; page lists, patch-info blobs and requests in memory that change while they are read.
# Each outcome must be one of the contract's, and where it can be told beforehand that very one; no byte
# may change that was not addressed; what failed may have changed nothing; and the kernel may not
# complain. scripts/guest/fuzz holds the program, whose own writes go to its own memory only.
#
# Commands come in epochs, each with a freshly loaded module; the seed (default: the time) and the
# epoch's number say what they are. When something breaks, the last line is the command that repeats it;
# --trace has each command told to the kernel's log (build/fuzz/KERNEL.log) before it is given.
#
# On a kernel with KCOV (6.1-debug) it also says how much of the module was reached, and which functions
# never were.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=6.1
seed=$(date +%s)
count=20000
epoch=
trace=
while test $# -gt 0; do
	case $1 in
	--kernel) kernel=$2 && shift ;;
	--seed) seed=$2 && shift ;;
	--count) count=$2 && shift ;;
	--epoch) epoch=$2 && shift ;;
	--trace) trace=--trace ;;
	*) die "unknown argument $1 (see the head of $0)" ;;
	esac
	shift
done

epoch_count=50000
test "$count" -gt 100000 || epoch_count=10000
test "$count" -ge $epoch_count || epoch_count=$count
epochs=$(((count + epoch_count - 1) / epoch_count))
first=0
if test -n "$epoch"; then
	first=$epoch
	epochs=1
fi

out=$BUILD/fuzz
mkdir -p "$out"
log=$out/$kernel.log
fuzz=$out/fuzz
"$SCRIPTS/packages.sh" build
gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static -pthread -o "$fuzz.new" "$SCRIPTS"/guest/fuzz/*.c
mv "$fuzz.new" "$fuzz"

# coverage KO: which of the calls that KCOV has the compiler insert were made, by function.
coverage() {
	objdump -dr -j .text "$1" | awk -v reached="$(sed -n 's/^coverage //p' "$out/$kernel.out")" '
	BEGIN {
		n = split(reached, place, " ")
		for (i = 1; i <= n; i++) hit[place[i]] = 1
	}
	/^[0-9a-f]+ <.*>:$/ { name = substr($2, 2, length($2) - 3) }
	/^ *[0-9a-f]+:\t/ {
		at = $1
		sub(/:/, "", at)
		# The relocation may come on the next line; what is traced is the address behind the call.
		if (pending) { calls(at) }
	}
	/__sanitizer_cov_trace_pc/ { pending = 1 }
	function calls(at) {
		pending = 0
		all++
		in_function[name]++
		if (at in hit) { reached_nr++; reached_in[name]++ }
	}
	END {
		for (name in in_function) {
			functions++
			if (!(name in reached_in)) never[++nr] = name
		}
		printf "coverage: %d of %d places in %d of %d functions\n", reached_nr, all, functions - nr, functions
		for (i = 1; i <= nr; i++) print "never entered: " never[i] | "sort"
	}'
}

# KCOV takes the offset of KASLR from each address, and a module is not where it would be then.
say "--> seed $seed: $epochs epochs of $epoch_count commands on $kernel"
status=0
# shellcheck disable=SC2086 # empty or a word
{ LVBS_VM_TIMEOUT=${LVBS_VM_TIMEOUT:-7200} LVBS_VM_LOG=$log "$SCRIPTS/vm.sh" --kernel "$kernel" --append printk.devkmsg=on \
	--append nokaslr --add "$fuzz" "$SCRIPTS/guest/fuzz.sh" "$seed" "$first" "$epochs" "$epoch_count" $trace 2>&1 || echo "status $?"; } |
	tee "$out/$kernel.out" | grep --line-buffered -v -e '^coverage ' -e '^status [0-9]*$'
status=$(sed -n 's/^status //p' "$out/$kernel.out" | tail -n 1)
if grep -q '^coverage ' "$out/$kernel.out"; then
	coverage "$BUILD/$kernel/lvbs.ko"
fi
if test -n "$status"; then
	broken=$(tr -d '\r' <"$log" | sed -n 's/.*fuzz: seed [0-9]* epoch \([0-9]*\) command.*/\1/p' | tail -n 1)
	echo "repeat: scripts/fuzz.sh --kernel $kernel --seed $seed --count $count --epoch ${broken:-$first} --trace"
	exit "$status"
fi
