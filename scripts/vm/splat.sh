#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# splat.sh LOG   prints the bug reports in a kernel log, each with the lines that follow; exits 1 if there are any
#
# Patterns match at the start of a message, where the kernel's reports have them: not an echoed command line,
# nor the boot-time advice "Spectre V2 : WARNING: ...". scripts/test/splat.sh has examples.
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"

test -r "${1:-}" || bad_usage "cannot read the log '${1:-}'"

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

# A message may have a level, a timestamp and its caller (CONFIG_PRINTK_CALLER) in front.
# shellcheck disable=SC2016 # awk's variables
printf '%s\n' "$patterns" | awk '
	NR == FNR { patterns = patterns (NR == 1 ? "" : "|") $0; next }
	FNR == 1 { patterns = "^(" patterns ")" }
	{
		sub(/\r$/, "")
		message = $0
		sub(/^(<[0-9]+>)?(\[ *[0-9]+\.[0-9]+\])?(\[ *[TC][0-9]+\])? */, "", message)
	}
	# A failed allocation is reported with a stack as well, and is not a bug.
	message ~ /: (vmalloc error: size|page allocation failure: order:)/ { excused = 1 }
	message ~ /^Call Trace:/ && excused { excused = 0; next }
	# Nor is a page that cannot be migrated when its block is to go offline.
	message ~ /^page dumped because: (migration failure|unmovable page)$/ { next }
	message ~ patterns { found = 1; after = 25 }
	after > 0 { print; after-- }
	END { exit found }
' - "$1"
