# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# suites.sh NAME...   runs suites one after the other, each with the module freshly loaded
#
# Lines that begin with "### " say where a suite begins and ends, for scripts/test/part.sh; the kernel's log
# has them as well. Stops where a suite leaves behind what cannot be undone: the rest needs another VM.
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

mark() {
	echo "### $*"
	echo "### $*" >/dev/kmsg
}

reset() {
	# All processes but this one and process 1.
	kill -9 -1
	fresh_module
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
