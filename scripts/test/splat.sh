#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# splat.sh   checks scripts/vm/splat.sh with lines that it must find, and lines that it must pass
set -eu
# shellcheck source=scripts/lib.sh
. "$(dirname "$0")/../lib.sh"
make_tmp
# shellcheck source=scripts/test/ktap.sh
. "$SCRIPTS/test/ktap.sh"

log=$tmp/log

expect() {
	while IFS= read -r line; do
		printf '[    0.000000] Linux version\n%b\n[    9.000000] reboot: Restarting system\n' "$line" >"$log"
		status=0
		"$SCRIPTS/vm/splat.sh" "$log" >/dev/null || status=$?
		t_is "$status" "$1" "splat.sh $2: $line"
	done
}

expect 1 finds <<'END'
[    3.120000] BUG: kernel NULL pointer dereference, address: 0000000000000000
[    3.120000] BUG: KASAN: slab-out-of-bounds in lvbs_init+0x1/0x2 [lvbs]
[    3.120000] BUG: KCSAN: data-race in ring_store [lvbs] / reader_copy [lvbs]
[    3.120000] BUG: KCSAN: data-race in live_switch+0x1/0x2 [lvbs]
[    3.120000][  T123] BUG: unable to handle page fault for address: ffffc90000000000
[    3.120000][    C0] BUG: sleeping function called from invalid context at mm/vmalloc.c:1
[    3.120000] BUG: scheduling while atomic: sh/1/0x00000002
[    3.120000] BUG: Bad page state in process sh  pfn:00001
[    3.120000] BUG kmalloc-64 (Tainted: G           O      ): Redzone overwritten
[    3.120000] WARNING: CPU: 0 PID: 61 at module/main.c:9 lvbs_init+0x1/0x2 [lvbs]
[    3.120000] WARNING: module/main.c:9 at lvbs_init+0x1/0x2 [lvbs], CPU#0: insmod/61
[    3.120000] WARNING: possible circular locking dependency detected
[    3.120000] WARNING: suspicious RCU usage
[    3.120000] ------------[ cut here ]------------
[    3.120000] kernel BUG at module/main.c:9!
[    3.120000] Oops: 0002 [#1] PREEMPT SMP NOPTI
[    3.120000] int3: 0000 [#1] PREEMPT SMP NOPTI
[    3.120000] invalid opcode: 0000 [#1] PREEMPT SMP NOPTI
[    3.120000] general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]
[    3.120000] Kernel panic - not syncing: sysrq triggered crash
[    3.120000] Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: lvbs_init
[    3.120000] INFO: task sh:61 blocked for more than 120 seconds.
[    3.120000] rcu: INFO: rcu_preempt self-detected stall on CPU
[    3.120000] rcu: INFO: rcu_sched detected stalls on CPUs/tasks:
[    3.120000] watchdog: BUG: soft lockup - CPU#1 stuck for 22s! [sh:61]
[    3.120000] NMI watchdog: Watchdog detected hard LOCKUP on cpu 0
[    3.120000] page:00000000f8cfb65c refcount:0 mapcount:-1 mapping:0\n[    3.120000] page dumped because: nonzero mapcount
[    3.120000] UBSAN: array-index-out-of-bounds in module/main.c:9:1
[    3.120000] kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
[    3.120000] refcount_t: underflow; use-after-free.
[    3.120000] list_add corruption. prev->next should be next
[    3.120000] unchecked MSR access error: WRMSR to 0x1 at rIP: 0x0 (f+0x0/0x1)
[    3.120000] usercopy: Kernel memory exposure attempt detected from vmalloc (offset 0, size 1)!
[    3.120000]  Call Trace:
[    3.120000] Call trace:
[    3.120000] Internal error: Oops: 0000000096000004 [#1] SMP
[    3.120000] Unable to handle kernel paging request at virtual address ffff800080000000
[    3.120000] debugfs: Directory 'lvbs' with parent '/' already present!
<4>[    3.120000] WARNING: inconsistent lock state
WARNING: CPU: 0 PID: 1 at drivers/lvbs/module/main.c:9 f+0x1/0x2
sh: vmalloc error: size 4096, failed to allocate pages, mode:0xcc0\nCall Trace:\n f+0x1/0x2\nCall Trace:
END

expect 0 passes <<'END'
[    0.000000] Command line: console=ttyS0 BUG: WARNING: Oops: panic=-1
[    0.000000] Kernel command line: console=ttyS0 panic=-1 oops=panic
[    0.100000] Spectre V2 : WARNING: Unprivileged eBPF is enabled with eIBRS on
[    0.100000] RETBleed: WARNING: Spectre v2 mitigation leaves CPU vulnerable
[    0.646638] NMI watchdog: Perf NMI watchdog permanently disabled
[    0.646638] lvbs: loading out-of-tree module taints kernel.
[    0.646638] lvbs: module verification failed: signature and/or required key missing - tainting kernel
[    0.646638] rcu: Hierarchical RCU implementation.
[    0.646638] rcu: 	RCU calculated value of scheduler-enlistment delay is 25 jiffies.
[    0.646638] clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable
[    0.646638] SLUB: HWalign=64, Order=0-3, MinObjects=0, CPUs=2, Nodes=1
[    0.646638] kmemleak: Automatic memory scanning thread started
[    0.646638] lvbs: refused a write: not a BUG: only a test
[    0.646638] stackdepot: allocating hash table
    # lvbs_test: WARNING in a name is no warning
[    3.120000] page:00000000f8cfb65c refcount:3 mapcount:2 mapping:0\n[    3.120000] page dumped because: migration failure
[    3.120000] page:00000000f8cfb65c refcount:1 mapcount:0 mapping:0\n[    3.120000] page dumped because: unmovable page
[    3.120000] sh: vmalloc error: size 4096, failed to allocate pages, mode:0xcc0\n[    3.120000] Call Trace:
[    3.120000] sh: page allocation failure: order:4, mode:0xcc0\n[    3.120000] Call Trace:
END

t_done
