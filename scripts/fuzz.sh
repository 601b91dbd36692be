#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# fuzz.sh [--kernel NAME] [--seed N] [--count N] [--epoch N] [--trace]
#
# Gives lvbs N commands (default 20,000) through its debugfs files, in a VM: well-formed, damaged and random
# ones, and page lists, patch-info blobs and requests in memory that changes while it is read. Each outcome
# must be one of those that the contract allows, and exactly the predicted one where that can be predicted. No
# byte outside the addressed range may change, a failed command may change nothing, and the kernel may not
# report a bug. The program is in scripts/guest/fuzz; it writes to its own memory only.
#
# Commands come in epochs, each with a freshly loaded module; they are a function of the seed (default: the
# time) and the number of the epoch. After a failure, the last line is the command that repeats it; --trace
# writes each command to the kernel's log (build/fuzz/KERNEL.log) before it is given.
#
# On a kernel with KCOV it also prints the coverage of the module, and the functions that were never entered.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"

kernel=$(default_kernel)
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
	*) bad_usage "unknown argument $1" ;;
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

# nokaslr: KCOV subtracts the offset of KASLR from each address, but modules do not move by that offset.
say "--> seed $seed: $epochs epochs of $epoch_count commands on $kernel"
status=0
# shellcheck disable=SC2086 # empty or a word
{ LVBS_VM_TIMEOUT=${LVBS_VM_TIMEOUT:-7200} LVBS_VM_LOG=$log "$SCRIPTS/vm.sh" --kernel "$kernel" --append printk.devkmsg=on \
	--append nokaslr --add "$fuzz" "$SCRIPTS/guest/fuzz.sh" "$seed" "$first" "$epochs" "$epoch_count" $trace 2>&1 || echo "status $?"; } |
	tee "$out/$kernel.out" | grep --line-buffered -v -e '^coverage ' -e '^status [0-9]*$'
status=$(sed -n 's/^status //p' "$out/$kernel.out" | tail -n 1)
if grep -q '^coverage ' "$out/$kernel.out"; then
	objdump -dr -j .text "$BUILD/$kernel/lvbs.ko" |
		awk -v reached="$(sed -n 's/^coverage //p' "$out/$kernel.out")" -f "$SCRIPTS/fuzz/coverage.awk"
fi
if test -n "$status"; then
	broken=$(tr -d '\r' <"$log" | sed -n 's/.*fuzz: seed [0-9]* epoch \([0-9]*\) command.*/\1/p' | tail -n 1)
	echo "repeat: scripts/fuzz.sh --kernel $kernel --seed $seed --count $count --epoch ${broken:-$first} --trace"
	exit "$status"
fi
