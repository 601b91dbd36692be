# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# scripts/dump.sh: formats, what is left out, and memory that cannot be read.
# kernels: first
# full: others debug
# files: scripts/dump.sh
# shellcheck source=scripts/guest/lib.sh
. /lib.sh
# shellcheck source=scripts/guest/kernel.sh
. /kernel.sh

# dump WANTED_STATUS ARG...: leaves messages in /tmp/messages.
dump() {
	dump_want=$1
	shift
	dump_status=0
	sh /dump.sh "$@" 2>/tmp/messages || dump_status=$?
	cat /tmp/messages >&2
	[ "$dump_status" = "$dump_want" ]
}

# word FILE OFFSET SIZE: a little-endian number in a file, as 0x...
word() {
	# shellcheck disable=SC2046 # words
	set -- $(dd if="$1" bs="$(($3))" skip="$(($2))" count=1 iflag=skip_bytes status=none | hexdump -v -e '1/1 "%02x "')
	word_digits=
	for word_byte in "$@"; do
		word_digits=$word_byte$word_digits
	done
	printf '0x%x\n' "0x$word_digits"
}

# bytes FILE OFFSET LEN: as hex digits.
bytes() {
	dd if="$1" bs="$(($3))" skip="$(($2))" count=1 iflag=skip_bytes status=none | xxd -p | tr -d '\n'
}

# lime_ranges FILE: "START-END OFFSET" for each range; OFFSET is that of its data.
lime_ranges() {
	lime_at=0
	lime_size=$(wc -c <"$1")
	while [ "$lime_at" -lt "$lime_size" ]; do
		[ "$(word "$1" "$lime_at" 8)" = 0x14c694d45 ] || return
		lime_start=$(word "$1" $((lime_at + 8)) 8)
		lime_end=$(word "$1" $((lime_at + 16)) 8)
		echo "$lime_start-$lime_end $((lime_at + 32))"
		lime_at=$((lime_at + 32 + lime_end - lime_start + 1))
	done
	[ "$lime_at" = "$lime_size" ]
}

# elf_ranges FILE: the same for an ELF core, without the mapping of the kernel's image.
elf_ranges() {
	elf_count=$(word "$1" 56 2)
	elf_at=64
	while [ "$elf_at" -lt $((64 + elf_count * 56)) ]; do
		if [ "$(word "$1" "$elf_at" 4)" = 0x1 ] && [ "$(word "$1" $((elf_at + 16)) 8)" != "$(sym _text)" ]; then
			elf_start=$(word "$1" $((elf_at + 24)) 8)
			printf '%s-0x%x %d\n' "$elf_start" $((elf_start + $(word "$1" $((elf_at + 32)) 8) - 1)) \
				"$(word "$1" $((elf_at + 8)) 8)"
		fi
		elf_at=$((elf_at + 56))
	done
}

# offset_of PA: in the file whose ranges are in /tmp/ranges.
offset_of() {
	while read -r offset_range offset_data; do
		if [ $(($1)) -ge $((${offset_range%-*})) ] && [ $(($1)) -le $((${offset_range#*-})) ]; then
			echo $(($1 - ${offset_range%-*} + offset_data))
		fi
	done </tmp/ranges
}

# ranges FORMAT FILE: for offset_of; prints the ranges alone.
ranges() {
	"$1_ranges" "$2" >/tmp/ranges && cut -d ' ' -f 1 /tmp/ranges
}

# stream_ranges PA: the ranges of the LiME dump on stdin; keeps the page at PA in /tmp/got.
stream_ranges() {
	while dd bs=32 count=1 iflag=fullblock of=/tmp/header status=none && [ -s /tmp/header ]; do
		[ "$(word /tmp/header 0 8)" = 0x14c694d45 ] || return
		stream_start=$(word /tmp/header 8 8)
		stream_end=$(word /tmp/header 16 8)
		echo "$stream_start-$stream_end"
		stream_left=$((stream_end - stream_start + 1))
		if [ $(($1)) -ge $((stream_start)) ] && [ $(($1)) -le $((stream_end)) ]; then
			take $(($1 - stream_start)) >/dev/null
			take 4096 >/tmp/got
			stream_left=$((stream_end - $1 - 4095))
		fi
		take "$stream_left" >/dev/null
	done
}

take() {
	dd bs=1M count="$1" iflag=fullblock,count_bytes status=none
}

# usable DIR: DIR/phys/ram without DIR/phys/owned, by another algorithm than that of dump.sh.
usable() {
	cp "$1/phys/ram" /tmp/usable
	while IFS=- read -r owned_start owned_end; do
		while IFS=- read -r start end; do
			if [ $((owned_end)) -lt $((start)) ] || [ $((owned_start)) -gt $((end)) ]; then
				echo "$start-$end"
				continue
			fi
			[ $((start)) -ge $((owned_start)) ] || printf '%s-0x%x\n' "$start" $((owned_start - 1))
			[ $((end)) -le $((owned_end)) ] || printf '0x%x-%s\n' $((owned_end + 1)) "$end"
		done </tmp/usable >/tmp/cut
		mv /tmp/cut /tmp/usable
	done <"$1/phys/owned"
	cat /tmp/usable
}

# said WHAT: what the last dump printed about WHAT ("left out"), without that.
said() {
	sed -n "s/^dump.sh: $1 //p" /tmp/messages
}

size_said() {
	sed -n 's/^dump.sh: \([0-9]*\) bytes .*/\1/p' /tmp/messages
}

# ---- all RAM ----

t_ok unload rmmod lvbs
# A carve-out in the middle of the last range of RAM.
last=$(awk -F '[- ]' '/System RAM/ { range = $1 " 0x" $2 } END { print "0x" range }' /proc/iomem)
hole=$((((${last% *} + ${last#* }) / 2) & ~0xffff))
t_ok load insmod /lvbs.ko owned="$(printf '0x%x-0x%x' $hole $((hole + 0x1fff)))"
page_new 1
# The page holds what no other page does.
page_write 4080 "0123456789abcdef$(printf %016x "$((PA))")"
page=$(page_read 0 4096)

all_ram() {
	{ dump 0 || echo $? >/tmp/all_failed; } | stream_ranges "$PA" >/tmp/streamed && [ ! -e /tmp/all_failed ]
}
t_ok all_ram all_ram
t_is "$(cat /tmp/streamed)" "$(usable "$D")" lime_has_each_usable_range
t_is "$(xxd -p /tmp/got | tr -d '\n')" "$page" page_is_in_its_place
t_is "$(said 'left out' | sed -n 's/: owned$//p')" "$(cat "$D/phys/owned")" owned_ranges_are_recorded
t_ok holes_are_recorded grep -q "left out 0x0-.*: hole" /tmp/messages
size=$(awk -F '[-x]' '{ n += 32 } END { print n }' /tmp/streamed)
while IFS=- read -r start end; do
	size=$((size + end - start + 1))
done </tmp/streamed
t_ok size_is_reported grep -q "^dump.sh: $size bytes (lime, " /tmp/messages

# ---- formats, on little memory ----

# A directory with the module's phys/mem, and a phys/ram that has only the page and a few pages around the carve-out.
mkdir -p /tmp/small/phys
ln -s "$D/phys/mem" /tmp/small/phys/mem
cp "$D/phys/owned" /tmp/small/phys/owned
around=$(printf '0x%x-0x%x' $((hole - 0x2000)) $((hole + 0x5fff)))
printf '%s\n' "$PA-$(printf 0x%x $((PA + 4095)))" "$around" | sort >/tmp/small/phys/ram
after=$(mem_read $((hole + 0x2000)) 16)

for format in lime elf; do
	t_ok $format dump 0 --format $format --debugfs /tmp/small /tmp/dump
	t_is "$(size_said)" "$(wc -c </tmp/dump)" "$format: size_is_that_of_the_file"
	t_is "$(ranges $format /tmp/dump | sort)" "$(usable /tmp/small | sort)" "$format: ranges"
	t_is "$(bytes /tmp/dump "$(offset_of "$PA")" 4096)" "$page" "$format: page"
	t_is "$(bytes /tmp/dump "$(offset_of $((hole + 0x2000)))" 16)" "$after" "$format: after_the_carve_out"
	t_ok "$format: carve_out_is_recorded" grep -q "^dump.sh: left out $(printf 0x%x $hole)-.*: owned" /tmp/messages
	sh /dump.sh --format $format --debugfs /tmp/small - 2>/dev/null >/tmp/piped
	t_is "$(wc -c </tmp/piped) $(bytes /tmp/piped 0 8)" "$(wc -c </tmp/dump) $(bytes /tmp/dump 0 8)" "$format: stdout"
done
t_is "$(word /tmp/dump 16 2) $(word /tmp/dump 18 2)" "0x4 0x3e" "elf: core_of_x86_64"
t_ok "elf: vmcoreinfo" grep -a -q "OSRELEASE=$(uname -r)" /tmp/dump
# Over a file that holds something in the place of the hole.
printf 'an older dump' | dd of=/tmp/raw bs=1 seek=$hole 2>/dev/null
t_ok raw dump 0 --format raw --debugfs /tmp/small /tmp/raw
t_is "$(bytes /tmp/raw "$PA" 4096)" "$page" "raw: page"
t_is "$(bytes /tmp/raw $((hole + 0x2000)) 16)" "$after" "raw: after_the_carve_out"
t_is "$(bytes /tmp/raw $hole 4096 | tr -d 0)" "" "raw: carve_out_is_a_hole"
t_ok "raw: sparse" test "$(du -k /tmp/raw | cut -f 1)" -lt 100

# ---- memory that turns out to be unreadable ----

# phys/ram has the carve-out, and phys/owned does not.
: >/tmp/small/phys/owned
bad=$(printf '0x%x-0x%x' $hole $((hole + 0x1fff)))
for format in lime elf raw; do
	t_ok "$format: unreadable" dump 3 --format $format --debugfs /tmp/small /tmp/$format
	t_is "$(said unreadable)" "$bad: Operation not permitted" "$format: unreadable_is_recorded"
	case $format in
	raw) at=$hole ;;
	*)
		t_is "$(ranges $format /tmp/$format | sort)" "$(cat /tmp/small/phys/ram)" "$format: unreadable_range"
		at=$(offset_of $hole)
		;;
	esac
	t_is "$(bytes /tmp/$format "$at" 8192 | tr -d 0)" "" "$format: unreadable_is_zeros"
	t_is "$(bytes /tmp/$format $((at + 8192)) 16)" "$after" "$format: goes_on_after_it"
	t_is "$(size_said)" "$(wc -c </tmp/$format)" "$format: unreadable_size"
done

# ---- errors ----

# says_on_failure NAME TEXT ARG...
says_on_failure() {
	failure_name=$1
	failure_text=$2
	shift 2
	t_ok "$failure_name" dump 1 "$@"
	t_ok "$failure_name: message" grep -q -F -e "$failure_text" /tmp/messages
}
help_is_head() {
	sh /dump.sh --help | head -n 1 | grep -q '^dump.sh '
}
t_ok help help_is_head
says_on_failure unknown_option "unknown option --lime (see dump.sh --help)" --lime
says_on_failure unknown_format "no format 'core'" --format core
says_on_failure missing_value "--format needs a value" --format
says_on_failure raw_to_stdout "raw needs a file" --format raw -
says_on_failure not_loaded "is lvbs loaded" --debugfs /tmp
says_on_failure full_at_header "cannot write" --debugfs /tmp/small /dev/full
mkdir /tmp/full
mount -t tmpfs -o size=8k none /tmp/full
says_on_failure full_disk "cannot write" --debugfs /tmp/small /tmp/full/lime
rm /tmp/full/lime
says_on_failure full_disk_raw "cannot write" --format raw --debugfs /tmp/small /tmp/full/raw
umount /tmp/full

# ---- throughput, for information ----

# The largest usable range, 96 MiB at most.
size=0
while IFS=- read -r start end; do
	[ $((end - start)) -lt $size ] || { size=$((end - start + 1)) && from=$((start)); }
done </tmp/streamed
[ $size -le $((96 << 20)) ] || size=$((96 << 20))
printf '0x%x-0x%x\n' "$from" $((from + size - 1)) >/tmp/small/phys/ram
dd_start=$(cut -d ' ' -f 1 /proc/uptime)
dd if="$D/phys/mem" of=/dev/null bs=1M iflag=skip_bytes,count_bytes skip="$from" count=$size status=none
dd_end=$(cut -d ' ' -f 1 /proc/uptime)
sh /dump.sh --debugfs /tmp/small 2>/tmp/messages >/dev/null
dd_rate=$(awk "BEGIN { printf \"%d\", $((size >> 20)) / ($dd_end - $dd_start + 0.001) }")
echo "# $((size >> 20)) MiB: dd $dd_rate MiB/s," \
	"dump.sh $(sed -n 's/.*, \([0-9]* MiB\/s\)$/\1/p' /tmp/messages)"
t_done
