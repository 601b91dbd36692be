// SPDX-License-Identifier: GPL-2.0
/*
 * Writes to the persistent ring "nmi" from a thread on each CPU and, at the
 * same time, from NMIs that it sends to all CPUs. Runs in module init; the
 * results are module parameters.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nmi.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>

#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <asm/nmi.h>

#include <lvbs/ring_buffer.h>

#define MAX_CPUS	8
#define RECORDS		400
#define RECORD_BYTES	6000

static unsigned long written, lost, nmi_written, nmi_lost, failed;
module_param(written, ulong, 0400);
MODULE_PARM_DESC(written, "records written by threads");
module_param(lost, ulong, 0400);
MODULE_PARM_DESC(lost, "records lost by threads");
module_param(nmi_written, ulong, 0400);
MODULE_PARM_DESC(nmi_written, "records written in an NMI");
module_param(nmi_lost, ulong, 0400);
MODULE_PARM_DESC(nmi_lost, "records lost in an NMI");
module_param(failed, ulong, 0400);
MODULE_PARM_DESC(failed, "writes that failed with another errno");

static struct lvbs_ring *ring;
/* Records written and lost. */
static atomic_long_t from_thread[2], from_nmi[2];
static atomic_long_t other_errors;
static atomic_t writing;	/* threads that have not finished */
static struct completion all_written;

static void count_write(int err, atomic_long_t *count)
{
	if (!err)
		atomic_long_inc(&count[0]);
	else if (err == -EBUSY)
		atomic_long_inc(&count[1]);
	else
		atomic_long_inc(&other_errors);
}

static int nmi_handler(unsigned int type, struct pt_regs *regs)
{
	static const char record[] = "in an NMI\n";

	count_write(lvbs_ring_write(ring, record, sizeof(record) - 1),
		    from_nmi);
	return NMI_HANDLED;
}

/* With a limit, in case no NMI arrives. */
static void wait_for_nmi(void)
{
	unsigned int i;

	for (i = 0; i < 1000 && !atomic_long_read(&from_nmi[0]); i++)
		schedule_timeout_uninterruptible(1);
}

static int writer(void *arg)
{
	static char records[MAX_CPUS][RECORD_BYTES];
	unsigned long cpu = (unsigned long)arg;
	char *record = records[cpu];
	unsigned int i;

	memset(record, 'a' + cpu, RECORD_BYTES - 1);
	record[RECORD_BYTES - 1] = '\n';
	for (i = 0; i < RECORDS; i++) {
		count_write(lvbs_ring_write(ring, record, RECORD_BYTES),
			    from_thread);
		cond_resched();
		/* NMIs must arrive before the last record, even if slow. */
		if (i == RECORDS / 2)
			wait_for_nmi();
	}
	if (atomic_dec_and_test(&writing))
		complete(&all_written);
	return 0;
}

static void send_nmis(void)
{
	unsigned int i, cpu;

	/* With a limit, in case a writer hangs. */
	for (i = 0; i < 20000 && atomic_read(&writing); i++) {
		for_each_online_cpu(cpu)
			apic->send_IPI(cpu, NMI_VECTOR);
		if (i % 4 == 0)
			cond_resched();
	}
}

static int start_writers(void)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct task_struct *task;

		atomic_inc(&writing);
		task = kthread_create(writer, (void *)(unsigned long)cpu,
				      "ring-nmi/%u", cpu);
		if (IS_ERR(task)) {
			atomic_dec(&writing);
			return PTR_ERR(task);
		}
		kthread_bind(task, cpu);
		wake_up_process(task);
	}
	return 0;
}

static int __init ring_nmi_init(void)
{
	int err;

	if (num_possible_cpus() > MAX_CPUS)
		return -E2BIG;
	ring = lvbs_ring_get("nmi");
	if (!ring)
		return -ENOENT;

	init_completion(&all_written);
	err = register_nmi_handler(NMI_LOCAL, nmi_handler, 0, "ring_nmi");
	if (err)
		goto put;

	/* One more, so that @all_written completes after all have started. */
	atomic_set(&writing, 1);
	err = start_writers();
	if (atomic_dec_and_test(&writing))
		complete(&all_written);
	send_nmis();
	wait_for_completion(&all_written);
	unregister_nmi_handler(NMI_LOCAL, "ring_nmi");

	written = atomic_long_read(&from_thread[0]);
	lost = atomic_long_read(&from_thread[1]);
	nmi_written = atomic_long_read(&from_nmi[0]);
	nmi_lost = atomic_long_read(&from_nmi[1]);
	failed = atomic_long_read(&other_errors);
put:
	lvbs_ring_put(ring);
	return err;
}

static void __exit ring_nmi_exit(void)
{
}

module_init(ring_nmi_init);
module_exit(ring_nmi_exit);
MODULE_DESCRIPTION("Test: write to an lvbs ring from NMIs");
MODULE_LICENSE("GPL");
