# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Memory that goes offline and comes back: refused from before it goes, usable once it is there.
#
# kernels: 6.1 6.12
# vm: --mem 1024 --append movablecore=384M
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

M=/sys/devices/system/memory
size=$((0x$(cat $M/block_size_bytes)))

# Blocks with pages that the kernel cannot move do not go; of those that can, any will do.
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
t_ok a_block_goes_offline test -n "$block"
t_is "${#first}" 16 read_before

# ram_has PA: whether phys/ram lists it.
ram_has() {
	while IFS=- read -r ram_start ram_last; do
		[ $((ram_start)) -gt "$1" ] || [ $((ram_last)) -lt "$1" ] || return 0
	done <"$D/phys/ram"
	return 1
}

t_is "$(cat "$block/state")" offline block_is_offline
t_ok not_listed_as_ram eval "! ram_has $pa && ! ram_has $((pa + size - 1))"
t_fails ENXIO its_first_byte mem_read "$pa" 1
t_fails ENXIO its_last_byte mem_read $((pa + size - 1)) 1
t_fails ENXIO not_written mem_write $((pa + size / 2)) 00
t_is "$(mem_read $((pa - 8)) 16 | wc -c)" 16 read_stops_at_its_edge

echo online_movable >"$block/state"
t_is "$(cat "$block/state")" online block_is_online_again
t_ok listed_as_ram_again eval "ram_has $pa && ram_has $((pa + size - 1))"
t_is "$(mem_read "$pa" 8 | wc -c)" 16 its_first_bytes
t_is "$(mem_read $((pa + size - 8)) 8 | wc -c)" 16 its_last_bytes
t_is "$(mem_read $((pa - 8)) 16 | wc -c)" 32 read_goes_over_its_edge

t_done
