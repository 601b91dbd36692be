# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# For scripts that run in the VM (". /lib.sh"); brings the test cases of scripts/test/ktap.sh.

# shellcheck source=scripts/test/ktap.sh
. /ktap.sh
# Programs that were added and have the name of an applet.
# shellcheck source=/dev/null # written by init
. /.vm/functions
# shellcheck disable=SC2034 # for ktap.sh
t_at_end=pages_free

# put FILE WORD...: one write() of the words and a newline; fails with the errno's text.
put() {
	put_file=$1
	shift
	echo "$*" >"$put_file"
}

# insmod FILE [PARAMETER...]: lvbs is loaded with the parameters $LVBS_PARAMS as well.
insmod() {
	if [ "$1" = /lvbs.ko ]; then
		shift
		# shellcheck disable=SC2086 # words
		set -- /lvbs.ko ${LVBS_PARAMS:-} "$@"
	fi
	command insmod "$@"
}

# fresh_module: reset what a suite may have changed, also if it failed, and load lvbs. The suite's processes
# have been killed.
fresh_module() {
	cd /tmp && rm -rf /tmp/* /tmp/.[!.]*
	# Newest first, which is users before what they use.
	# shellcheck disable=SC2013 # words
	for fresh_name in $(cut -d ' ' -f 1 /proc/modules); do
		fresh_tries=0
		# Processes that were killed may still have files open.
		until rmmod "$fresh_name"; do
			fresh_tries=$((fresh_tries + 1))
			[ $fresh_tries -lt 50 ] || return
			usleep 100000
		done
	done
	fresh_tracing=/sys/kernel/tracing
	echo 0 >$fresh_tracing/events/enable
	echo nop >$fresh_tracing/current_tracer
	echo >$fresh_tracing/set_ftrace_filter
	echo >$fresh_tracing/kprobe_events
	echo >$fresh_tracing/trace
	echo 0 >/proc/sys/kernel/sched_schedstats
	insmod /lvbs.ko
}

# unhex HEX: prints the bytes.
unhex() {
	printf '%s' "$1" | xxd -r -p
}

# mem_read PA LEN: physical memory as hex digits, in one read().
mem_read() {
	dd if="$D/phys/mem" of=/tmp/.mem bs="$(($2))" skip="$(($1))" count=1 iflag=skip_bytes status=none || return
	xxd -p /tmp/.mem | tr -d '\n'
}

# mem_write PA HEX: in one write().
mem_write() {
	unhex "$2" >/tmp/.mem
	dd if=/tmp/.mem of="$D/phys/mem" bs="$((${#2} / 2))" seek="$(($1))" count=1 oflag=seek_bytes \
		conv=notrunc status=none
}

# Physical memory that a script may overwrite: stack pages of an idle process, which never uses them.
#
# page_new [N]: sets PAGE_PID, PAGE_VA, PFNS (N frame numbers), and of the first page PFN and PA.
# The pages are filled with the byte 0x5a. At most 16 pages a process.
page_new() {
	page_count=${1:-1}
	/bin/sleep 1000000 &
	PAGE_PID=$!
	page_pids="$page_pids $PAGE_PID"
	# Until exec, the stack is still this shell's.
	until grep -q '^/bin/sleep' "/proc/$PAGE_PID/cmdline"; do :; done
	PAGE_VA=$((0x$(grep -F '[stack]' "/proc/$PAGE_PID/maps" | cut -d - -f 1)))
	head -c $((page_count * 4096)) /dev/zero | tr '\000' 'Z' >/tmp/.page
	dd if=/tmp/.page of="/proc/$PAGE_PID/mem" bs=4096 seek=$((PAGE_VA / 4096)) conv=notrunc status=none || return
	PFNS=
	page_index=0
	while [ $page_index -lt "$page_count" ]; do
		PFNS="$PFNS $(page_pfn "$PAGE_PID" $((PAGE_VA + page_index * 4096)))"
		page_index=$((page_index + 1))
	done
	PFNS=${PFNS# }
	PFN=${PFNS%% *}
	# shellcheck disable=SC2034 # for the script that sources this file
	PA=$(printf '0x%x' $((PFN * 4096)))
	[ $((PFN)) != 0 ]
}
page_pids=

# page_pfn PID VA: the frame number at an address of a process.
page_pfn() {
	# shellcheck disable=SC2046 # two numbers: the low and the high half of an entry
	set -- $(dd if="/proc/$1/pagemap" bs=8 skip=$(($2 / 4096)) count=1 status=none | hexdump -v -e '2/4 "%u "')
	# Bits 0 to 54 are the frame number; bit 63: present.
	[ $(($2 >> 31)) = 1 ] && printf '0x%x\n' $(($1 + (($2 & 0x7fffff) << 32)))
}

# page_read OFFSET LEN: what the owner of the last page_new reads there, as hex digits.
page_read() {
	dd if="/proc/$PAGE_PID/mem" bs="$(($2))" skip=$((PAGE_VA + $1)) count=1 iflag=skip_bytes status=none |
		xxd -p | tr -d '\n'
}

# page_write OFFSET HEX: writes as the owner.
page_write() {
	unhex "$2" | dd of="/proc/$PAGE_PID/mem" bs="$((${#2} / 2))" seek=$((PAGE_VA + $1)) count=1 \
		oflag=seek_bytes conv=notrunc status=none
}

pages_free() {
	for page_pid in $page_pids; do
		kill "$page_pid"
	done
	page_pids=
}

# A demo is a list of steps: step "TEXT"; show CMD... (prints CMD and its output; CMD must succeed);
# expect "TEXT" CMD... (prints TEXT if CMD succeeds); demo_done.
step_count=0

step() {
	step_count=$((step_count + 1))
	printf '\n%s. %s\n' "$step_count" "$*"
}

show() {
	# A pipeline is passed as one word after eval.
	if [ "$1" = eval ]; then echo "   \$ $2"; else echo "   \$ $*"; fi
	show_status=0
	"$@" >/tmp/.show 2>&1 || show_status=$?
	show_output
	[ $show_status = 0 ] || demo_failed "'$*' ended with status $show_status"
}

show_output() {
	# The last line may lack its newline.
	[ ! -s /tmp/.show ] || [ -z "$(tail -c 1 /tmp/.show)" ] || echo >>/tmp/.show
	sed 's/^/     /' /tmp/.show
}

expect() {
	expect_words=$1
	shift
	if "$@" >/tmp/.show 2>&1; then
		echo "   -> $expect_words"
	else
		show_output
		demo_failed "not so: $expect_words"
	fi
}

demo_failed() {
	echo "   FAILED: $*"
	pages_free
	exit 1
}

demo_done() {
	pages_free
	printf '\nAll %s steps did what they say.\n' "$step_count"
	exit 0
}
