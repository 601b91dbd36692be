#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# panic.sh   panics a guest and checks that the host finds the last log lines in the guest's memory
#
# This is also the check that vm.sh fails when the guest panics.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

# Fills the log to 30 bytes before its end, so that the next line wraps; then panics. $1: how.
cat >"$tmp/die.sh" <<'END'
log=$D/ring/log
state() { sed -n "s/^$1: *//p" "$log/state"; }
fill=$(($(state size) - $(state offset) - 30))
{ head -c $((fill - 1)) /dev/zero | tr '\000' '-' && echo; } >/tmp/fill
dd if=/tmp/fill of="$log/write" bs=$fill count=1 status=none
cat "$log/state"
# Let the output reach the host.
sleep 1
case $1 in
busy)
	# Writers on every CPU: some are stopped in the middle of a write.
	for i in 1 2 3 4; do
		while :; do echo "busy $i" >"$log/write"; done &
	done
	sleep 0.3
	;;
esac
echo c >/proc/sysrq-trigger
END

# ring_memory: the log's memory, from the memory of the dead guest.
ring_memory() {
	for run in $(sed -n 's/^pages: //p' "$tmp/out" | tr -d '\r'); do
		first=$((${run%-*}))
		last=$((${run#*-}))
		dd if="$tmp/memory" bs=4096 skip="$first" count=$((last - first + 1)) status=none
	done
}

state() {
	sed -n "s/^$1: *//p" "$tmp/out" | tr -d '\r'
}

# die KERNEL HOW: leaves $tmp/out, $tmp/memory and $tmp/ring, which begins with the last line before the panic.
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

last_line_wraps() {
	head -n 1 "$tmp/ring" | grep -a -x '\[ *[0-9]*\.[0-9]*\] last words: panic: sysrq triggered crash'
}

for kernel in $(kernels_of stock); do
	t_ok "a panic fails ($kernel)" die "$kernel" quiet
	t_ok "the log was about to wrap ($kernel)" test "$(state offset)" = $(($(state size) - 30))
	t_ok "the last line follows the log's contents, around the end of the ring ($kernel)" last_line_wraps
done
t_ok "a panic while others write" die "$(default_kernel)" busy
# Either the last line is there, or a stopped writer holds the lock: never a deadlock.
t_ok "the writers do not hold up the panic" grep -q 'Kernel panic' "$tmp/err"
grep -a -c 'last words' "$tmp/ring.raw" || echo "# no last words: a stopped writer held the lock"

t_done
