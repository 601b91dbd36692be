#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# splat.sh LOG   prints what a kernel log holds of bugs, with the lines that follow; exits 1 if anything
#
# Patterns match where a message starts, as the kernel's own reports do: an echoed command line or the
# boot-time advice "Spectre V2 : WARNING: ..." is none. scripts/splat-test.sh holds the examples.
set -eu

if ! test -r "${1:-}"; then
	echo "usage: splat.sh LOG" >&2
	exit 2
fi

patterns='-+\[ cut here \]-+
-+\[ end (trace|Kernel panic)
BUG:
BUG [^ ]+ \(
WARNING:
INFO: (task|possible|trying to register|rcu|lockdep)
Oops[: ]
kernel BUG at
Kernel panic
PANIC:
(int3|divide error|invalid opcode|stack segment|double fault|alignment check|bounds): [0-9a-f]+
general protection fault
(u|U)nable to handle
kernel tried to execute
unchecked MSR access
Call [Tt]race:
Internal error:
Bad page
page dumped because:
(slub|slab|SLUB|slab error)[^ ]* .*(corrupt|error|Poison overwritten)
refcount_t:
(list_add|list_del|prev|next) corruption
usercopy: Kernel memory
stack-protector:
KASAN:
KCSAN:
KMSAN:
UBSAN:
kmemleak: [0-9]+ new suspected
unreferenced object 0x
ODEBUG:
(watchdog|NMI watchdog|Watchdog): ?(BUG|.*[Ll]ockup|.*LOCKUP)
Watchdog detected hard LOCKUP
rcu: (INFO: )?.*(detected.* stall|kthread starved|expedited stall)
rcu: .*self-detected stall
bad: scheduling from
.*scheduling while atomic
.*sleeping function called from invalid context
.*(possible recursive locking|possible circular locking|irq lock inversion|inconsistent lock state)
.*suspicious RCU usage
.*lock held when returning to user space
.*bad unlock balance
.*DEBUG_LOCKS_WARN_ON
debugfs: (Directory|File) .* already present
sysfs: cannot create duplicate
.*Virtual device .* did not release
.*leaked .*(reference|memory)'

# A level, a timestamp and the caller (CONFIG_PRINTK_CALLER) may stand before the message.
# shellcheck disable=SC2016 # awk's variables
printf '%s\n' "$patterns" | awk '
	NR == FNR { patterns = patterns (NR == 1 ? "" : "|") $0; next }
	FNR == 1 { patterns = "^(" patterns ")" }
	{
		sub(/\r$/, "")
		message = $0
		sub(/^(<[0-9]+>)?(\[ *[0-9]+\.[0-9]+\])?(\[ *[TC][0-9]+\])? */, "", message)
	}
	# Memory that was not to be had is told with a stack, too, and is no bug.
	message ~ /: (vmalloc error: size|page allocation failure: order:)/ { excused = 1 }
	message ~ /^Call Trace:/ && excused { excused = 0; next }
	# Nor is a page that does not go when its block is to go offline.
	message ~ /^page dumped because: (migration failure|unmovable page)$/ { next }
	message ~ patterns { found = 1; after = 25 }
	after > 0 { print; after-- }
	END { exit found }
' - "$1"
