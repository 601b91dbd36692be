# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Live mode with 200 modules loaded; prints how long a change of the mode takes.
# kernels: none
# full: stock
# vm: --mem 512
# modules: targets
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/heki.sh
. /heki.sh

# load_copies: modules of the same length of name, which occurs in all their symbols.
load_copies() {
	copy=100
	while [ "$copy" -lt 300 ]; do
		sed "s/targets/many$copy/g" /targets.ko >/tmp/copy.ko || return
		insmod /tmp/copy.ko || return
		copy=$((copy + 1))
	done
}

# change MODE
change() {
	change_from=$(cut -d ' ' -f 1 /proc/uptime)
	put "$D/heki/live" "$1" || return
	echo "# $1: $(cut -d ' ' -f 1 /proc/uptime | awk -v from="$change_from" '{ print $1 - from }') s"
	t_is "$(cat "$D/heki/live")" "$1" "mode_$1"
}

t_ok load_200_modules load_copies
for mode in audit mediate off mediate off; do
	change $mode
	t_is "$(sed -n 's/^unknown: //p' "$D/heki/verify")" 0 "$mode: no unknown text"
done
t_is "$(verdict live_refused)" 0 nothing_refused
t_ok unload rmmod lvbs
t_done
