# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Memory blocks that go offline and online again: refused while offline, usable once online.
#
# kernels: stock
# full: debug
# vm: --mem 1536 --append movablecore=512M --append nokaslr
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

M=/sys/devices/system/memory
size=$((0x$(cat $M/block_size_bytes)))

# Take the first block that can go offline; blocks with unmovable pages cannot.
block=
for dir in "$M"/memory[0-9]*; do
	case $(cat "$dir/valid_zones") in Movable*) ;; *) continue ;; esac
	pa=$((${dir##*memory} * size))
	first=$(mem_read "$pa" 8) || continue
	if echo offline >"$dir/state" 2>/dev/null; then
		block=$dir
		break
	fi
done
t_ok block_goes_offline test -n "$block"
t_is "${#first}" 16 readable_while_online

# ram_has PA: does phys/ram list PA?
ram_has() {
	while IFS=- read -r ram_start ram_last; do
		[ $((ram_start)) -gt "$1" ] || [ $((ram_last)) -lt "$1" ] || return 0
	done <"$D/phys/ram"
	return 1
}

t_is "$(cat "$block/state")" offline block_state_offline
t_ok ram_omits_offline_block eval "! ram_has $pa && ! ram_has $((pa + size - 1))"
t_fails ENXIO first_byte_refused mem_read "$pa" 1
t_fails ENXIO last_byte_refused mem_read $((pa + size - 1)) 1
t_fails ENXIO write_refused mem_write $((pa + size / 2)) 00
t_is "$(mem_read $((pa - 8)) 16 | wc -c)" 16 read_stops_at_offline_block

echo online_movable >"$block/state"
t_is "$(cat "$block/state")" online block_state_online
t_ok ram_lists_block_again eval "ram_has $pa && ram_has $((pa + size - 1))"
t_is "$(mem_read "$pa" 8 | wc -c)" 16 first_bytes_readable
t_is "$(mem_read $((pa + size - 8)) 8 | wc -c)" 16 last_bytes_readable
t_is "$(mem_read $((pa - 8)) 16 | wc -c)" 32 read_crosses_block_boundary

t_done
