// SPDX-License-Identifier: GPL-2.0
/*
 * Writes to the ring "nmi", which is persistent, from a thread on each CPU and,
 * while these are at it, from NMIs that it sends around. What came of it is in
 * the parameters, once it is loaded.
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
MODULE_PARM_DESC(lost, "records of threads that were lost");
module_param(nmi_written, ulong, 0400);
MODULE_PARM_DESC(nmi_written, "records written in an NMI");
module_param(nmi_lost, ulong, 0400);
MODULE_PARM_DESC(nmi_lost, "records lost in an NMI");
module_param(failed, ulong, 0400);
MODULE_PARM_DESC(failed, "records refused for another reason");

static struct lvbs_ring *ring;
static atomic_long_t in_thread[2], in_nmi_[2], other;
static atomic_t writing;
static struct completion all_written;

static void note(int err, atomic_long_t *count)
{
	if (!err)
		atomic_long_inc(&count[0]);
	else if (err == -EBUSY)
		atomic_long_inc(&count[1]);
	else
		atomic_long_inc(&other);
}

static int nmi_handler(unsigned int type, struct pt_regs *regs)
{
	static const char record[] = "in an NMI\n";

	note(lvbs_ring_write(ring, record, sizeof(record) - 1), in_nmi_);
	return NMI_HANDLED;
}

/* Bounded, should NMIs not come at all. */
static void wait_for_nmi(void)
{
	unsigned int i;

	for (i = 0; i < 1000 && !atomic_long_read(&in_nmi_[0]); i++)
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
		note(lvbs_ring_write(ring, record, RECORD_BYTES), in_thread);
		cond_resched();
		/* NMIs are to come in the midst of it, however slow. */
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

	/* Bounded, whatever becomes of the writers. */
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

	/* Held once more until all have been started. */
	atomic_set(&writing, 1);
	err = start_writers();
	if (atomic_dec_and_test(&writing))
		complete(&all_written);
	send_nmis();
	wait_for_completion(&all_written);
	unregister_nmi_handler(NMI_LOCAL, "ring_nmi");

	written = atomic_long_read(&in_thread[0]);
	lost = atomic_long_read(&in_thread[1]);
	nmi_written = atomic_long_read(&in_nmi_[0]);
	nmi_lost = atomic_long_read(&in_nmi_[1]);
	failed = atomic_long_read(&other);
put:
	lvbs_ring_put(ring);
	return err;
}

static void __exit ring_nmi_exit(void)
{
}

module_init(ring_nmi_init);
module_exit(ring_nmi_exit);
MODULE_DESCRIPTION("writes to a ring from NMIs");
MODULE_LICENSE("GPL");
