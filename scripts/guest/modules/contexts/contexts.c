// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses physical memory in all contexts. Writing the name of a case to
 * /sys/module/contexts/parameters/run runs it; the other parameters are its
 * results.
 *
 * Each user has an area of its own, whose words name the area and their place in
 * it. So an access that reaches another frame is noticed, by comparing with the
 * kernel's own mapping of the area.
 */
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/nmi.h>
#include <linux/pfn.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <asm/apic.h>
#include <asm/irq_vectors.h>
#include <asm/nmi.h>

#include <lvbs/phys_ptr.h>

#define PAGES		PHYS_WINDOW_PAGES
#define BYTES		(PAGES * PAGE_SIZE)
#define WORDS		(PAGE_SIZE / sizeof(u64))
/* Pages that an interrupt accesses. */
#define FEW_PAGES	3U

#define TIMER_NS	(200 * NSEC_PER_USEC)
/* Storms last that long, and go on if they had too few events. */
#define STORM		(2 * HZ)
#define STORM_MAX	(30 * HZ)
#define EVENTS		50

static unsigned long good, busy, wrong, nested_irq, nested_softirq;
module_param(good, ulong, 0400);
MODULE_PARM_DESC(good, "accesses that succeeded");
module_param(busy, ulong, 0400);
MODULE_PARM_DESC(busy, "accesses that failed with EBUSY");
module_param(wrong, ulong, 0400);
MODULE_PARM_DESC(wrong, "other errors, wrong data, and wrong contexts");
module_param(nested_irq, ulong, 0400);
MODULE_PARM_DESC(nested_irq, "hardirqs that interrupted an access");
module_param(nested_softirq, ulong, 0400);
MODULE_PARM_DESC(nested_softirq, "softirqs that interrupted an access");

static atomic_long_t count_good, count_busy, count_wrong;
static atomic_long_t count_irq, count_softirq;

#define words_ptr	PHYS_PTR_OF(u64)

struct area {
	words_ptr words;	/* across page boundaries */
	struct phys_ptr run;
	struct phys_ptr list;	/* the same frames in reverse */
	unsigned long pfns[PAGES];
	u8 *mem;
	u8 *buf;
	u32 generation;
};

/* One for each context, or for two threads. */
struct cpu_areas {
	struct area task;
	struct area softirq;
	struct area hardirq;
	struct hrtimer timer;
	struct tasklet_struct tasklet;
	bool in_access;		/* of the task */
};

static struct cpu_areas *cpus;

static void check(bool ok)
{
	if (!ok)
		atomic_long_inc(&count_wrong);
}

/* Count an access; returns whether it succeeded. */
static bool done(int err)
{
	if (!err)
		atomic_long_inc(&count_good);
	else if (err == -EBUSY)
		atomic_long_inc(&count_busy);
	else
		atomic_long_inc(&count_wrong);
	return !err;
}

static void stamp(struct area *area, unsigned int pages)
{
	u64 *word = (u64 *)area->buf;
	unsigned long i;

	area->generation++;
	for (i = 0; i < pages * WORDS; i++)
		word[i] = (u64)area->pfns[0] << 44 ^
			  (u64)area->generation << 16 ^ i;
}

static void *frame_addr(const struct phys_ptr *ptr, unsigned int i)
{
	return page_address(pfn_to_page(phys_frame(&ptr->ro.frames, i)));
}

/* Do the first pages have the same contents as the buffer? */
static bool same(const struct area *area, const struct phys_ptr *ptr,
		 unsigned int pages)
{
	unsigned int i;

	for (i = 0; i < pages; i++)
		if (memcmp(area->buf + i * PAGE_SIZE, frame_addr(ptr, i),
			   PAGE_SIZE))
			return false;
	return true;
}

/* In all of them, a window is mapped at the same address. */
static void read_each_page(const struct phys_ptr *ptr, unsigned int pages)
{
	unsigned int i;
	u64 word;

	for (i = 0; i < pages; i++)
		if (done(phys_read(&ptr->ro, i * PAGE_SIZE, &word,
				   sizeof(word))))
			check(!memcmp(&word, frame_addr(ptr, i), sizeof(word)));
}

static void access_words(struct area *area)
{
	struct vmap_manager *mgr = lvbs_vmap_manager();
	phys_addr_t pa = PFN_PHYS(page_to_pfn(virt_to_page(area->mem)));
	u64 word = area->generation, got = 0;

	if (done(phys_write_obj(&area->words, 0, &word)) &&
	    done(phys_read_obj(&area->words, 0, &got)))
		check(got == word);
	pa += PAGE_SIZE - 1;
	word = ~word;
	if (done(phys_write_obj_at(mgr, pa, &word)) &&
	    done(phys_read_obj_at(mgr, pa, &got)))
		check(got == word &&
		      !memcmp(area->mem + PAGE_SIZE - 1, &word, sizeof(word)));
}

static void access(struct area *area, unsigned int pages)
{
	size_t len = pages * PAGE_SIZE;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const struct phys_ptr *ptr = i ? &area->list : &area->run;

		stamp(area, pages);
		if (done(phys_write(ptr, 0, area->buf, len)))
			check(same(area, ptr, pages));
		memset(area->buf, 0, len);
		if (done(phys_read(&ptr->ro, 0, area->buf, len)))
			check(same(area, ptr, pages));
		read_each_page(ptr, pages);
	}
	access_words(area);
}

/* ---- one context ---- */

static struct cpu_areas *first_cpu(void)
{
	return &cpus[cpumask_first(cpu_online_mask)];
}

static int case_irqs_off(void)
{
	unsigned long flags;

	local_irq_save(flags);
	access(&first_cpu()->task, PAGES);
	local_irq_restore(flags);
	return 0;
}

static int case_preempt_off(void)
{
	preempt_disable();
	access(&first_cpu()->task, PAGES);
	preempt_enable();
	return 0;
}

static int case_bh_off(void)
{
	local_bh_disable();
	access(&first_cpu()->task, PAGES);
	local_bh_enable();
	return 0;
}

static int case_task(void)
{
	access(&first_cpu()->task, PAGES);
	return 0;
}

static DECLARE_COMPLETION(ended);

static void softirq_runs(struct tasklet_struct *tasklet)
{
	check(in_serving_softirq());
	access(&first_cpu()->softirq, PAGES);
	complete(&ended);
}

static DECLARE_TASKLET(softirq_tasklet, softirq_runs);

static int case_softirq(void)
{
	tasklet_schedule(&softirq_tasklet);
	wait_for_completion(&ended);
	tasklet_kill(&softirq_tasklet);
	return 0;
}

static void irq_work_runs(struct irq_work *work)
{
	check(in_hardirq());
	access(&first_cpu()->hardirq, PAGES);
	complete(&ended);
}

/* With PREEMPT_RT others run in a thread. */
static struct irq_work hardirq_work = IRQ_WORK_INIT_HARD(irq_work_runs);

static int case_hardirq(void)
{
	irq_work_queue(&hardirq_work);
	wait_for_completion(&ended);
	irq_work_sync(&hardirq_work);
	return 0;
}

/* ---- storms: a thread on each CPU ---- */

static atomic_t running;

static bool storm_goes_on(unsigned long start, const atomic_long_t *events)
{
	unsigned long now = jiffies;

	cond_resched();
	return time_before(now, start + STORM) ||
	       (atomic_long_read(events) < EVENTS &&
		time_before(now, start + STORM_MAX));
}

static void thread_ended(void)
{
	if (atomic_dec_and_test(&running))
		complete(&ended);
}

/* Run a thread for each CPU; bound to it, or @per_cpu that may migrate. */
static int storm(int (*run)(void *arg), bool bind, unsigned int per_cpu)
{
	unsigned int cpu, i;
	int err = 0;

	/* One more, so that @ended completes after all have started. */
	atomic_set(&running, 1);
	for_each_online_cpu(cpu)
		for (i = 0; i < per_cpu; i++) {
			struct area *area = i ? &cpus[cpu].softirq :
						&cpus[cpu].task;
			struct task_struct *task;

			task = kthread_create(run, bind ? (void *)&cpus[cpu] :
							  (void *)area,
					      "contexts/%u", cpu);
			if (IS_ERR(task)) {
				err = PTR_ERR(task);
				continue;
			}
			atomic_inc(&running);
			if (bind)
				kthread_bind(task, cpu);
			wake_up_process(task);
		}
	thread_ended();
	wait_for_completion(&ended);
	return err;
}

static int migrating_thread(void *arg)
{
	unsigned long start = jiffies;
	struct area *area = arg;
	unsigned int i = 0;

	do {
		access(area, 2 + i++ % (PAGES - 1));
	} while (storm_goes_on(start, &count_good));
	thread_ended();
	return 0;
}

static int case_storm(void)
{
	return storm(migrating_thread, false, 2);
}

static enum hrtimer_restart timer_fires(struct hrtimer *timer)
{
	struct cpu_areas *cpu = container_of(timer, struct cpu_areas, timer);

	check(in_hardirq());
	if (READ_ONCE(cpu->in_access))
		atomic_long_inc(&count_irq);
	access(&cpu->hardirq, FEW_PAGES);
	tasklet_schedule(&cpu->tasklet);
	hrtimer_forward_now(timer, ns_to_ktime(TIMER_NS));
	return HRTIMER_RESTART;
}

static void tasklet_runs(struct tasklet_struct *tasklet)
{
	struct cpu_areas *cpu = from_tasklet(cpu, tasklet, tasklet);

	check(in_serving_softirq());
	if (READ_ONCE(cpu->in_access))
		atomic_long_inc(&count_softirq);
	access(&cpu->softirq, FEW_PAGES);
}

/* Whole windows, so that an interrupt mostly finds one mapped. */
static void access_interrupted(struct cpu_areas *cpu)
{
	struct area *area = &cpu->task;
	const struct phys_ptr *ptr = area->generation & 1 ? &area->list :
							     &area->run;
	int err;

	stamp(area, PAGES);
	WRITE_ONCE(cpu->in_access, true);
	err = phys_write(ptr, 0, area->buf, BYTES);
	WRITE_ONCE(cpu->in_access, false);
	if (done(err))
		check(same(area, ptr, PAGES));

	memset(area->buf, 0, BYTES);
	WRITE_ONCE(cpu->in_access, true);
	err = phys_read(&ptr->ro, 0, area->buf, BYTES);
	WRITE_ONCE(cpu->in_access, false);
	if (done(err))
		check(same(area, ptr, PAGES));
}

static int interrupted_thread(void *arg)
{
	unsigned long start = jiffies;
	struct cpu_areas *cpu = arg;

	hrtimer_start(&cpu->timer, ns_to_ktime(TIMER_NS),
		      HRTIMER_MODE_REL_PINNED_HARD);
	do {
		access_interrupted(cpu);
	} while (storm_goes_on(start, &count_softirq));
	hrtimer_cancel(&cpu->timer);
	tasklet_kill(&cpu->tasklet);
	thread_ended();
	return 0;
}

static int case_nested(void)
{
	return storm(interrupted_thread, true, 1);
}

/* ---- NMIs ---- */

static atomic_t sent;

/* All accesses fail; the results are those of the NMIs. */
static int nmi_handler(unsigned int type, struct pt_regs *regs)
{
	struct area *area = &first_cpu()->hardirq;
	u64 word = 0;

	if (atomic_dec_if_positive(&sent) < 0)
		return NMI_DONE;
	done(phys_read(&area->run.ro, 0, &word, sizeof(word)));
	done(phys_write(&area->run, 0, &word, sizeof(word)));
	done(phys_read_obj_at(lvbs_vmap_manager(), area->run.ro.frames.first <<
			      PAGE_SHIFT, &word));
	atomic_long_inc(&count_irq);
	return NMI_HANDLED;
}

static int case_nmi(void)
{
	struct area *area = &first_cpu()->task;
	unsigned long start = jiffies;
	unsigned int i;
	int err;

	atomic_set(&sent, 0);
	err = register_nmi_handler(NMI_LOCAL, nmi_handler, 0, "contexts");
	if (err)
		return err;
	for (i = 0; i < EVENTS; i++) {
		preempt_disable();
		atomic_inc(&sent);
		apic->send_IPI(smp_processor_id(), NMI_VECTOR);
		preempt_enable();
		/* Interrupted or not, the contents are right. */
		check(!phys_read(&area->run.ro, 0, area->buf, BYTES) &&
		      same(area, &area->run, PAGES));
	}
	while (atomic_read(&sent) && time_before(jiffies, start + STORM_MAX))
		schedule_timeout_uninterruptible(1);
	check(!atomic_read(&sent));
	unregister_nmi_handler(NMI_LOCAL, "contexts");
	return 0;
}

/* ---- the parameter ---- */

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	{ "bh_off", case_bh_off },
	{ "hardirq", case_hardirq },
	{ "irqs_off", case_irqs_off },
	{ "nested", case_nested },
	{ "nmi", case_nmi },
	{ "preempt_off", case_preempt_off },
	{ "softirq", case_softirq },
	{ "storm", case_storm },
	{ "task", case_task },
};

static int run_case(int (*run)(void))
{
	int err;

	reinit_completion(&ended);
	atomic_long_set(&count_good, 0);
	atomic_long_set(&count_busy, 0);
	atomic_long_set(&count_wrong, 0);
	atomic_long_set(&count_irq, 0);
	atomic_long_set(&count_softirq, 0);
	err = run();
	good = atomic_long_read(&count_good);
	busy = atomic_long_read(&count_busy);
	wrong = atomic_long_read(&count_wrong);
	nested_irq = atomic_long_read(&count_irq);
	nested_softirq = atomic_long_read(&count_softirq);
	return err;
}

static int run_set(const char *name, const struct kernel_param *param)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (sysfs_streq(name, cases[i].name))
			return run_case(cases[i].run);
	return -EINVAL;
}

static const struct kernel_param_ops run_ops = { .set = run_set };

module_param_cb(run, &run_ops, NULL, 0200);
MODULE_PARM_DESC(run, "name of the case to run");

/* ---- set-up ---- */

static int area_init(struct area *area)
{
	struct vmap_manager *mgr = lvbs_vmap_manager();
	unsigned long first;
	phys_addr_t pa;
	unsigned int i;

	area->mem = alloc_pages_exact(BYTES, GFP_KERNEL | __GFP_ZERO);
	area->buf = vzalloc(BYTES);
	if (!area->mem || !area->buf)
		return -ENOMEM;
	first = page_to_pfn(virt_to_page(area->mem));
	pa = PFN_PHYS(first);
	for (i = 0; i < PAGES; i++)
		area->pfns[i] = first + PAGES - 1 - i;
	return phys_ptr_init(&area->run, mgr, pa, BYTES, 1) ?:
	       phys_ptr_init_scattered(&area->list, mgr, area->pfns, PAGES, 0,
				       BYTES, 1) ?:
	       phys_ptr_of_init(&area->words, mgr, pa + PAGE_SIZE - 4, 8);
}

static void area_free(struct area *area)
{
	if (area->mem)
		free_pages_exact(area->mem, BYTES);
	vfree(area->buf);
}

static void contexts_exit(void)
{
	unsigned int i;

	for (i = 0; i < nr_cpu_ids; i++) {
		area_free(&cpus[i].task);
		area_free(&cpus[i].softirq);
		area_free(&cpus[i].hardirq);
	}
	kfree(cpus);
}

static int __init contexts_init(void)
{
	unsigned int i;
	int err = 0;

	cpus = kcalloc(nr_cpu_ids, sizeof(*cpus), GFP_KERNEL);
	if (!cpus)
		return -ENOMEM;
	for (i = 0; i < nr_cpu_ids && !err; i++) {
		struct cpu_areas *cpu = &cpus[i];

		err = area_init(&cpu->task) ?: area_init(&cpu->softirq) ?:
		      area_init(&cpu->hardirq);
		hrtimer_init(&cpu->timer, CLOCK_MONOTONIC,
			     HRTIMER_MODE_REL_PINNED_HARD);
		cpu->timer.function = timer_fires;
		tasklet_setup(&cpu->tasklet, tasklet_runs);
	}
	if (err)
		contexts_exit();
	return err;
}

module_init(contexts_init);
module_exit(contexts_exit);
MODULE_DESCRIPTION("lvbs test: accesses in all contexts");
MODULE_LICENSE("GPL");
