# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# Single accesses in all contexts: with local windows they are allowed in any context except NMI; without, not
# with interrupts disabled or in interrupts.
#
# kernels: first debug
# full: others rt
# modules: contexts
# shellcheck source=scripts/guest/lib.sh
. /lib.sh

results=/sys/module/contexts/parameters
result() { cat "$results/$1"; }

# case_in CONTEXT GOOD BUSY: run a case; whether it has accesses that succeed, and accesses that get EBUSY.
case_in() {
	case_name=$1${4:+_$4}
	t_ok "$case_name" put $results/run "$1"
	echo "$case_name: $(result good) succeeded, $(result busy) EBUSY, $(result nested_irq) in nested hardirqs," \
		"$(result nested_softirq) in nested softirqs"
	t_is "$([ "$(result good)" = 0 ] || echo good)$([ "$(result busy)" = 0 ] || echo busy)$(result wrong)" \
		"$2$3"0 "${case_name}_results"
}

mapped=$(grep -e ^live: -e ^leaked: "$D/phys/stats")
t_ok test_module_loads insmod /contexts.ko
for context in task irqs_off preempt_off bh_off softirq hardirq; do
	case_in $context good ""
done

# Each CPU has its windows, which threads leave when they migrate.
case_in storm good ""

# A hardirq, and the softirq that it raises, while a task has a whole window mapped.
case_in nested good ""
t_ok hardirqs_interrupted_accesses test "$(result nested_irq)" -gt 0
t_ok softirqs_interrupted_accesses test "$(result nested_softirq)" -gt 0

case_in nmi "" busy
t_ok nmis_arrived test "$(result nested_irq)" -gt 0

echo 0 >/sys/module/lvbs/parameters/windows
for context in task storm; do
	case_in $context good "" vmap
done
for context in irqs_off bh_off softirq hardirq; do
	case_in $context "" busy vmap
done
case_in nmi "" busy vmap
case_in task good "" vmap_after
echo 1 >/sys/module/lvbs/parameters/windows
t_is "$(grep -e ^live: -e ^leaked: "$D/phys/stats")" "$mapped" mappings_unchanged
t_ok test_module_unloads rmmod contexts
t_done
