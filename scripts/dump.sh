#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# dump.sh [--format lime|elf|raw] [--debugfs DIR] [FILE]   dumps all usable RAM of the running kernel to FILE
# dump.sh --vm [--kernel NAME] [--mem MIB] [--format F] FILE   boots the VM and dumps that
#
# lvbs must be loaded; this file alone and busybox or coreutils are enough. Without FILE, or with "-", the dump
# goes to stdout. --debugfs names the module's directory (default: $D, else /sys/kernel/debug/lvbs).
#
#   lime   (default) a LiME header before each range
#   elf    an ELF core for gdb and drgn: a PT_LOAD for each range, one for the kernel's image, and the notes of
#          /proc/kcore (among them VMCOREINFO), if that can be read
#   raw    offset = physical address, sparse; needs a FILE
#
# stderr has the progress, a line "left out START-END: KIND" for each hole and each range that VTL1 owns, and
# "unreadable START-END: WHY" for memory that could not be read after all: in the dump it is zeros (raw: a hole).
#
# The exit status is 0; 3 if some memory was unreadable; 1 if there is no usable dump; with --vm, vm.sh's.
set -eu

# usage: prints the head comment.
usage() {
	sed -n '4,$ { /^#/!q; s/^# \{0,1\}//; p; }' "$0"
}

say() {
	printf 'dump.sh: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 1
}

format=lime
debugfs=${D:-/sys/kernel/debug/lvbs}
vm=
vm_options=
mem=512
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h)
		usage
		exit
		;;
	--vm) vm=y ;;
	--format | --debugfs | --kernel | --mem)
		[ $# -gt 1 ] || die "$1 needs a value (see dump.sh --help)"
		case $1 in
		--format) format=$2 ;;
		--debugfs) debugfs=$2 ;;
		--kernel) vm_options="$vm_options --kernel $2" ;;
		--mem) mem=$2 ;;
		esac
		shift
		;;
	-) break ;;
	-*) die "unknown option $1 (see dump.sh --help)" ;;
	*) break ;;
	esac
	shift
done
[ $# -le 1 ] || die "name one file (see dump.sh --help)"
file=${1:--}
case $format in
lime | elf | raw) ;;
*) die "no format '$format': lime, elf or raw (see dump.sh --help)" ;;
esac
[ "$format$file" != raw- ] || die "raw needs a file: a pipe has no holes (see dump.sh --help)"

# FILE is the VM's disk. It is sparse, and large enough for raw: all memory, and 1 GiB for the hole below 4 GiB.
vm_dump() {
	[ "$file" != - ] || die "--vm needs a file (see dump.sh --help)"
	scripts=$(cd "$(dirname "$0")" && pwd)
	case $file in /*) ;; *) file=$PWD/$file ;; esac
	tmp=$(mktemp -d)
	trap 'rm -rf "$tmp"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	: >"$file"
	truncate -s $((mem + 1088))M "$file"
	{
		# shellcheck disable=SC2086 # words
		"$scripts/vm.sh" --mem "$mem" $vm_options --disk "$file" "$0" --format "$format" /dev/nvme0n1 ||
			echo $? >"$tmp/status"
	} | tr -d '\r' | tee "$tmp/out" >&2
	status=$(cat "$tmp/status" 2>/dev/null || echo 0)
	size=$(sed -n 's/^dump.sh: \([0-9]*\) bytes .*/\1/p' "$tmp/out")
	[ -n "$size" ] || exit 1
	truncate -s "$size" "$file"
	exit "$status"
}
[ -z "$vm" ] || vm_dump

[ -r "$debugfs/phys/ram" ] || die "cannot read $debugfs/phys/ram: is lvbs loaded, and are you root?"
export LC_ALL=C

# plan: all memory from address 0 on, in order, as lines "KIND START END" (decimal, END exclusive). KIND is ram,
# owned or hole.
plan() {
	awk '
	function hex(text, i, value) {
		text = tolower(substr(text, 3))
		for (i = 1; i <= length(text); i++)
			value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
		return value
	}
	{
		split($1, part, "-")
		printf "%.0f %s 1\n%.0f %s -1\n", hex(part[1]), kind, hex(part[2]) + 1, kind
	}' kind=ram "$debugfs/phys/ram" kind=owned "$debugfs/phys/owned" | sort -n | awk '
	function end_range() {
		if (last != "") printf "%s %.0f %.0f\n", last, from, at
	}
	$1 > at {
		kind = depth["owned"] ? "owned" : depth["ram"] ? "ram" : "hole"
		if (kind != last) {
			end_range()
			last = kind
			from = at
		}
		at = $1
	}
	{ depth[$2] += $3 }
	END { end_range() }'
}

# put BYTES: writes to the dump; BYTES are a format for printf.
put() {
	# shellcheck disable=SC2059 # see above
	printf "$1" >&3 2>/dev/null || die "cannot write the dump"
}

# le16, le32, le64 NUMBER: writes a number in little endian.
le16() {
	put "$(printf '\\%03o\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)))"
}

le32() {
	le16 $(($1))
	le16 $(($1 >> 16))
}

le64() {
	put "$(printf '\\%03o\\%03o\\%03o\\%03o\\%03o\\%03o\\%03o\\%03o' \
		$(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)) \
		$(($1 >> 32 & 255)) $(($1 >> 40 & 255)) $(($1 >> 48 & 255)) $(($1 >> 56 & 255)))"
}

zeros() {
	head -c "$1" /dev/zero >&3 || die "cannot write the dump"
}

centiseconds() {
	read -r uptime _ </proc/uptime
	echo $((${uptime%.*} * 100 + 1${uptime#*.} - 100))
}

# rate BYTES CENTISECONDS: in MiB/s
rate() {
	echo $(($1 * 100 / ($2 > 0 ? $2 : 1) / 1048576))
}

done_bytes=0
period=1000
[ ! -t 2 ] || period=100
progress() {
	now=$(centiseconds)
	[ $((now - shown_time)) -ge $period ] || return 0
	shown_time=$now
	say "$((done_bytes / 1048576)) of $((total / 1048576)) MiB, $(rate $done_bytes $((now - start_time))) MiB/s"
}

# read_memory START LENGTH: copies memory to the dump. Sets reached, to where it ended, and messages, to dd's.
#
# Not every dd prints how many bytes it copied before a read failed, but the offset of the open file (fd 4) has moved
# by that.
read_memory() {
	read -r _ reached </proc/self/fdinfo/4
	set -- "$1" bs=1M iflag=skip_bytes,count_bytes skip=$(($1 - reached)) count="$2"
	dd_status=0
	if [ "$format" = raw ]; then
		messages=$(dd "$2" "$3" "$4" "$5" of="$file" conv=notrunc oflag=seek_bytes seek="$1" 2>&1 <&4) || dd_status=$?
	else
		messages=$(dd "$2" "$3" "$4" "$5" 2>&1 <&4 >&3) || dd_status=$?
	fi
	# The first line is the error.
	messages=${messages%%
*}
	case "$dd_status $messages" in
	0* | *"standard input"*) ;;
	*) die "cannot write the dump: $messages" ;;
	esac
	read -r _ reached </proc/self/fdinfo/4
}

bad_start=
bad_end=
bad_why=
status=0
# Runs of unreadable pages are reported as one.
report_bad() {
	[ -z "$bad_start" ] || say "$(printf 'unreadable 0x%x-0x%x: %s' "$bad_start" $((bad_end - 1)) "$bad_why")"
	bad_start=
}

# unreadable AT END: sets bad_end, to where reading can go on.
unreadable() {
	next=$((($1 / 4096 + 1) * 4096))
	if [ "$bad_end" != "$1" ] || [ "$bad_why" != "${messages##*: }" ] || [ -z "$bad_start" ]; then
		report_bad
		bad_start=$1
		bad_why=${messages##*: }
		# Memory that went offline meanwhile is skipped as a whole.
		gap=$(plan | awk -v at="$1" '$1 != "ram" && $2 <= at && at < $3 { print $3 }')
		next=${gap:-$next}
	fi
	[ "$next" -le "$2" ] || next=$2
	bad_end=$next
	status=3
}

# copy START END
copy() {
	at=$1
	while [ "$at" -lt "$2" ]; do
		length=$(($2 - at))
		[ $length -le 268435456 ] || length=268435456
		read_memory "$at" $length
		if [ "$reached" -le "$at" ]; then
			[ $dd_status != 0 ] || die "$debugfs/phys/mem ends at $at"
			unreadable "$at" "$2"
			reached=$bad_end
			[ "$format" = raw ] || zeros $((reached - at))
		fi
		done_bytes=$((done_bytes + reached - at))
		at=$reached
		progress
	done
}

# Of /proc/kcore: where its notes are, how far the direct map is from physical addresses, and where the kernel's
# image is mapped.
read_kcore() {
	notes=0
	notes_at=0
	direct=
	image_size=0
	headers=$(od -A n -v -t u2 -j 56 -N 2 /proc/kcore 2>/dev/null) && [ -n "$headers" ] || return 0
	# shellcheck disable=SC2086 # a number in blanks
	set -- $headers
	headers=$(od -A n -v -t u4 -w56 -j 64 -N $(($1 * 56)) /proc/kcore)
	while read -r type _ off0 off1 va0 va1 pa0 pa1 size0 size1 _; do
		va=$((va1 << 32 | va0))
		pa=$((pa1 << 32 | pa0))
		size=$((size1 << 32 | size0))
		case $type in
		4)
			notes=$size
			notes_at=$((off1 << 32 | off0))
			;;
		1)
			[ $pa != -1 ] || continue
			# The direct map is below the image.
			if [ -z "$direct" ] || [ $va -lt "$direct_va" ]; then
				direct=$((va - pa))
				direct_va=$va
			fi
			if [ $image_size = 0 ] || [ $va -gt "$image_va" ]; then
				image_va=$va
				image_pa=$pa
				image_size=$size
			fi
			;;
		esac
	done <<-HERE
		$headers
	HERE
	[ "$((image_va - image_pa))" != "$direct" ] || image_size=0
}

# program_header TYPE OFFSET VA PA SIZE ALIGN
program_header() {
	le32 "$1"
	le32 7
	le64 "$2"
	le64 "$3"
	le64 "$4"
	le64 "$5"
	le64 "$5"
	le64 "$6"
}

elf_header() {
	case $(uname -m) in
	x86_64) machine=62 ;;
	aarch64) machine=183 ;;
	*) die "the ELF number of $(uname -m) is not known: use another format" ;;
	esac
	read_kcore
	[ "$notes" != 0 ] || say "no notes in the dump: /proc/kcore cannot be read"
	[ -n "$direct" ] || say "no virtual addresses in the dump: /proc/kcore cannot be read"
	image_at=0
	at=0
	while read -r kind from end; do
		[ "$kind" = ram ] || continue
		if [ "$image_size" != 0 ] && [ "$from" -le "$image_pa" ] && [ $((image_pa + image_size)) -le "$end" ]; then
			image_at=$((at + image_pa - from + 1))
		fi
		at=$((at + end - from))
	done <<-HERE
		$plan
	HERE
	count=$((ranges + (notes != 0) + (image_at != 0)))
	[ $count -lt 65535 ] || die "$ranges ranges are more than an ELF file can have: use another format"
	headers_end=$((64 + count * 56))
	data=$(((headers_end + notes + 4095) / 4096 * 4096))

	put '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0'
	le16 4
	le16 $machine
	le32 1
	le64 0
	le64 64
	le64 0
	le32 0
	le16 64
	le16 56
	le16 $count
	le16 0
	le16 0
	le16 0
	[ "$notes" = 0 ] || program_header 4 $headers_end 0 0 "$notes" 4
	[ $image_at = 0 ] || program_header 1 $((data + image_at - 1)) "$image_va" "$image_pa" "$image_size" 4096
	at=$data
	while read -r kind from end; do
		[ "$kind" = ram ] || continue
		va=0
		[ -z "$direct" ] || va=$((direct + from))
		program_header 1 $at $va "$from" $((end - from)) 4096
		at=$((at + end - from))
	done <<-HERE
		$plan
	HERE
	[ "$notes" = 0 ] ||
		dd if=/proc/kcore bs=4096 iflag=skip_bytes,count_bytes,fullblock skip="$notes_at" count="$notes" \
			2>/dev/null >&3 || die "cannot copy the notes of /proc/kcore"
	zeros $((data - headers_end - notes))
	size=$((data + total))
}

lime_header() {
	# The magic number, and version 1.
	put 'EMiL\1\0\0\0'
	le64 "$1"
	le64 $(($2 - 1))
	put '\0\0\0\0\0\0\0\0'
}

plan=$(plan)
# shellcheck disable=SC2046 # three numbers
set -- $(printf '%s\n' "$plan" | awk '
	$1 == "ram" { n++; sum += $3 - $2; end = $3 }
	END { printf "%d %.0f %.0f", n, sum, end }')
ranges=$1
total=$2
[ "$ranges" != 0 ] || die "no usable RAM in $debugfs/phys/ram"
if [ "$format" = raw ]; then
	size=$3
	# A disk has its size. What a file held would remain in the holes.
	if [ ! -e "$file" ] || [ -f "$file" ]; then
		true >"$file" 2>/dev/null || die "cannot write $file"
		dd if=/dev/null of="$file" bs=1 seek="$size" 2>/dev/null || die "cannot write $file"
	fi
elif [ "$file" = - ]; then
	exec 3>&1
else
	exec 3>"$file"
fi
case $format in
elf) elf_header ;;
lime) size=$((total + ranges * 32)) ;;
esac
exec 4<"$debugfs/phys/mem"
start_time=$(centiseconds)
shown_time=$start_time
while read -r kind from end; do
	if [ "$kind" = ram ]; then
		[ "$format" != lime ] || lime_header "$from" "$end"
		copy "$from" "$end"
	else
		say "$(printf 'left out 0x%x-0x%x: %s' "$from" $((end - 1)) "$kind")"
	fi
done <<HERE
$plan
HERE
report_bad
spent=$(($(centiseconds) - start_time))
say "$size bytes ($format, $ranges ranges, $((total / 1048576)) MiB of RAM)" \
	"in $((spent / 100)).$(printf %02d $((spent % 100))) s, $(rate "$total" $spent) MiB/s"
exit $status
