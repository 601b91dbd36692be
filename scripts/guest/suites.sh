# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suites.sh NAME...   runs suites one after the other, each with the module freshly loaded
#
# Lines that begin with "### " say where a suite begins and ends, for scripts/test/part.sh; the kernel's log
# has them as well. Stops where a suite leaves behind what cannot be undone: the rest needs another VM.
T=/sys/kernel/tracing

mark() {
	echo "### $*"
	echo "### $*" >/dev/kmsg
}

# Undoes what a suite may leave behind, whether it ended well or not.
reset() {
	# All processes but this one and process 1.
	kill -9 -1
	cd /tmp && rm -rf /tmp/* /tmp/.[!.]*
	# Newest first, which is users before what they use.
	# shellcheck disable=SC2013 # words
	for module in $(cut -d ' ' -f 1 /proc/modules); do
		tries=0
		# Processes that were killed may still have files open.
		until rmmod "$module"; do
			tries=$((tries + 1))
			[ $tries -lt 50 ] || return
			usleep 100000
		done
	done
	echo 0 >$T/events/enable
	echo nop >$T/current_tracer
	echo >$T/set_ftrace_filter
	echo >$T/kprobe_events
	echo >$T/trace
	echo 0 >/proc/sys/kernel/sched_schedstats
	insmod /lvbs.ko
}

while [ $# -gt 0 ]; do
	start=$(cut -d . -f 1 /proc/uptime)
	mark "begin $1"
	status=0
	sh "/suite_$1.sh" || status=$?
	mark "end $1 $status $(($(cut -d . -f 1 /proc/uptime) - start))"
	shift
	[ $# = 0 ] || reset || break
done
# Another status is the VM's.
exit 0
