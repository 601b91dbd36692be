# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Helpers for HEKI: the sites of the test module heki_client, requests, and counters.

C=/sys/kernel/debug/heki_client

# site NAME: set PA0 PA1 TAIL0 TAIL1 SIZE CODE NOP NOW BRANCH VA to the fields of that site, see
# modules/heki_client.
# shellcheck disable=SC2034 # for the script that sources this file
site() {
	# shellcheck disable=SC2046 # words
	set -- $(grep "^$1 " $C/sites)
	[ $# = 11 ] || return
	PA0=$2 PA1=$3 TAIL0=$4 TAIL1=$5 SIZE=$6 CODE=$7 NOP=$8 NOW=$9
	shift 9
	BRANCH=$1 VA=$2
}

# site_now NAME: print the current bytes of a site and the branch that its code takes.
site_now() {
	awk -v name="$1" '$1 == name { print $9, $10 }' $C/sites
}

# head_of HEX, tail_of HEX: print the first byte of an instruction, or all others.
head_of() { echo "$1" | cut -c 1-2; }
tail_of() { echo "$1" | cut -c 3-; }

request() { put "$D/heki/request" "$@"; }
client() { put $C/command "$@"; }

# flip CODE: the three requests that write CODE to the current site.
flip() {
	request "$PA0" 0 cc && request "$TAIL0" "$TAIL1" "$(tail_of "$1")" && request "$PA0" 0 "$(head_of "$1")"
}

# verdict KEY: print a counter of heki/verdicts.
verdict() {
	awk -v key="$1:" '$1 == key { n = $2 } END { print n + 0 }' "$D/heki/verdicts"
}

# since: save the counters for grown.
since() { cp "$D/heki/verdicts" /tmp/since; }
# grown KEY: print the growth of a counter since then.
grown() {
	awk -v key="$1:" '$1 == key { n += NR == FNR ? -$2 : $2 } END { print n + 0 }' /tmp/since "$D/heki/verdicts"
}

# patches_of OWNER: print the number of sites of an owner.
patches_of() {
	awk -v owner="$1" '$5 == owner' "$D/heki/patches" | wc -l
}

# text_sum: print a checksum of the kernel's text, read through phys/mem.
text_sum() {
	text_start=$(sym _stext)
	dd if="$D/phys/mem" bs=1M skip=$(($(kernel_pa "$text_start"))) iflag=skip_bytes,count_bytes,fullblock \
		count=$(($(sym _etext) - text_start)) status=none | md5sum
}

# le64 N: print N as the hex digits of a little-endian u64.
le64() {
	le64_hex=$(printf %016x $(($1)))
	for le64_at in 15 13 11 9 7 5 3 1; do
		printf %s "$(printf %s "$le64_hex" | cut -c $le64_at-$((le64_at + 1)))"
	done
}

# wire PA0 PA1 SIZE HEX: print a struct heki_patch as hex digits.
wire() {
	wire_code=$4
	while [ ${#wire_code} -lt 10 ]; do wire_code=${wire_code}00; done
	printf '%s%s%02x%s0000' "$(le64 "$1")" "$(le64 "$2")" "$3" "$wire_code"
}
