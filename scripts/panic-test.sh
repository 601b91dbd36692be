#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# panic-test.sh   a guest panics for real, and the host finds the last words in the guest's memory
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/tally.sh
. "$SCRIPTS/tally.sh"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Fills the log up to 30 bytes before its end, so that the last words wrap; then dies. $1: how.
cat >"$tmp/die.sh" <<'END'
log=$D/ring/log
state() { sed -n "s/^$1: *//p" "$log/state"; }
fill=$(($(state size) - $(state offset) - 30))
{ head -c $((fill - 1)) /dev/zero | tr '\000' '-' && echo; } >/tmp/fill
dd if=/tmp/fill of="$log/write" bs=$fill count=1 status=none
cat "$log/state"
# The last of it is to reach the host.
sleep 1
case $1 in
busy)
	# Writers on every CPU, some of them in the midst of a write when they are stopped.
	for i in 1 2 3 4; do
		while :; do echo "busy $i" >"$log/write"; done &
	done
	sleep 0.3
	;;
esac
echo c >/proc/sysrq-trigger
END

# ring_memory: the log's memory, out of that of the dead guest.
ring_memory() {
	for run in $(sed -n 's/^pages: //p' "$tmp/out" | tr -d '\r'); do
		first=$((${run%-*}))
		last=$((${run#*-}))
		dd if="$tmp/memory" bs=4096 skip=$first count=$((last - first + 1)) status=none
	done
}

state() {
	sed -n "s/^$1: *//p" "$tmp/out" | tr -d '\r'
}

# die KERNEL HOW: fills $tmp/out, $tmp/memory and $tmp/ring, which begins with what was written last
# before the panic.
die() {
	rm -f "$tmp/memory"
	status=0
	LVBS_VM_MEMFILE=$tmp/memory "$SCRIPTS/vm.sh" --kernel "$1" --mem 256 "$tmp/die.sh" "$2" \
		>"$tmp/out" 2>"$tmp/err" || status=$?
	test "$status" = 125 || { tail -n 20 "$tmp/err" "$tmp/out" && return 1; }
	ring_memory >"$tmp/ring.raw"
	test "$(wc -c <"$tmp/ring.raw")" = "$(state size)" || return
	{ tail -c +$(($(state offset) + 1)) "$tmp/ring.raw" && head -c "$(state offset)" "$tmp/ring.raw"; } >"$tmp/ring"
}

last_words_come_first() {
	head -n 1 "$tmp/ring" | grep -a -x '\[ *[0-9]*\.[0-9]*\] last words: panic: sysrq triggered crash'
}

for kernel in 6.1 6.12; do
	check "a guest panics ($kernel)" die "$kernel" quiet
	check "its log was about to wrap ($kernel)" test "$(state offset)" = $(($(state size) - 30))
	check "last words, right behind what was there before, around the ring's end ($kernel)" \
		last_words_come_first
done
check "a guest panics while others write" die 6.1 busy
# Either the last words are there, or a writer was stopped while it held the lock: never a deadlock.
check "and is not held up by them" grep -q 'Kernel panic' "$tmp/err"
grep -a -c 'last words' "$tmp/ring.raw" || echo "(no last words: a stopped writer held the lock)"

totals
