// SPDX-License-Identifier: GPL-2.0
/*
 * END_OF_BOOT is a barrier: what widens and began before is finished when it
 * returns, and what begins after is refused.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/string.h>

#include <lvbs/heki.h>

#include "heki/heki.h"
#include "kunit/fakes/random.h"
#include "phys/phys.h"
#include "subsystems.h"

#define WIDENERS	8U
/* What each of them announces in turn, over and over. */
#define ITEMS		4U
/* Frames of each: page list, blob, and what it protects. */
#define FRAMES		(2 + ITEMS)
#define BYTES		(WIDENERS * FRAMES * PAGE_SIZE)

struct widener {
	struct boot *boot;
	unsigned int nr;
	struct task_struct *task;
	struct completion go;
	u32 committed;		/* items of calls that returned 0 */
	u32 late;		/* calls after END_OF_BOOT that were not refused */
	u32 wrong;		/* other unexpected results */
};

struct boot {
	u8 *mem;
	struct widener widener[WIDENERS];
	struct task_struct *ender;
	struct completion go;
	struct completion finished;	/* by the ender and each widener */
	struct completion calls_done;
	atomic_t calls_left;	/* until @calls_done */
	bool stop;
	bool ended;		/* END_OF_BOOT has returned */
	long ret;		/* what it returned */
	u32 at_end;		/* all items known when it had returned */
};

/* ---- items: frames, or sites of kernel text, which are never patched ---- */

static bool announces_sites(const struct widener *w)
{
	return w->nr % 2;
}

static unsigned long frame_of(const struct widener *w, unsigned int i)
{
	return PHYS_PFN(virt_to_phys(w->boot->mem)) + w->nr * FRAMES + i;
}

static u8 *frame_at(const struct widener *w, unsigned int i)
{
	return w->boot->mem + (w->nr * FRAMES + i) * PAGE_SIZE;
}

static phys_addr_t site_of(const struct widener *w, unsigned int item)
{
	return PAGE_ALIGN(kernel_image_text().pa) +
	       16 * (w->nr * ITEMS + item);
}

static void put_list(const struct widener *w, u64 pa, u64 bytes, u64 attributes)
{
	struct heki_page *list = (void *)frame_at(w, 0);

	memset(list, 0, sizeof(*list));
	list->nranges = cpu_to_le64(1);
	list->ranges[0] = (struct heki_range) {
		.pa = cpu_to_le64(pa),
		.epa = cpu_to_le64(pa + bytes),
		.attributes = cpu_to_le64(attributes),
	};
}

static long announce_site(const struct widener *w, unsigned int item)
{
	/* To the next instruction. */
	static const u8 code[] = { 0xe9, 0, 0, 0, 0 };
	struct heki_patch_info *info = (void *)frame_at(w, 1);

	*info = (struct heki_patch_info) {
		.patch_idx = cpu_to_le64(1),
		.max_patch_count = cpu_to_le64(1),
	};
	heki_patch_encode((void *)(info + 1), site_of(w, item), 0, code, 5);
	put_list(w, PFN_PHYS(frame_of(w, 1)),
		 sizeof(*info) + sizeof(struct heki_patch),
		 HEKI_KDATA_PATCH_INFO);
	return lvbs_vtlcall(HEKI_VTLCALL_LOAD_KDATA, PFN_PHYS(frame_of(w, 0)),
			    1, 0);
}

static long protect_frame(const struct widener *w, unsigned int item)
{
	put_list(w, PFN_PHYS(frame_of(w, 2 + item)), PAGE_SIZE, HEKI_MEM_READ);
	return lvbs_vtlcall(HEKI_VTLCALL_PROTECT_MEMORY,
			    PFN_PHYS(frame_of(w, 0)), 1, 0);
}

static long widen(const struct widener *w, unsigned int item)
{
	return announces_sites(w) ? announce_site(w, item) :
				    protect_frame(w, item);
}

static bool is_known(const struct widener *w, unsigned int item)
{
	struct phys_frames frame = { .first = frame_of(w, 2 + item), .nr = 1 };
	struct heki_patch_hit hit;

	if (announces_sites(w))
		return !heki_patch_map_find(heki_owner_map(), site_of(w, item),
					    &hit);
	return phys_claim_check(lvbs_vmap_manager()->claims, PHYS_CLAIM_WRITE,
				NULL, &frame) == -EROFS;
}

static u32 known_items(const struct boot *boot)
{
	unsigned int i;
	u32 known = 0;

	for (i = 0; i < WIDENERS * ITEMS; i++)
		if (is_known(&boot->widener[i / ITEMS], i % ITEMS))
			known |= BIT(i);
	return known;
}

static u32 committed_items(const struct boot *boot)
{
	u32 committed = 0;
	unsigned int i;

	for (i = 0; i < WIDENERS; i++)
		committed |= boot->widener[i].committed << i * ITEMS;
	return committed;
}

static void forget_items(const struct boot *boot)
{
	struct heki_patch_hit hit;

	while (!heki_patch_map_next(heki_owner_map(), 0, &hit))
		if (heki_owner_drop(HEKI_OWNER_KERNEL, hit.owner))
			break;
	heki_protect_exit();
}

/* ---- threads ---- */

static void call_counted(struct boot *boot)
{
	if (atomic_dec_and_test(&boot->calls_left))
		complete(&boot->calls_done);
	cond_resched();
}

static void widen_until_end(struct widener *w)
{
	unsigned int i;
	bool late;
	long ret;

	for (i = 0; ; i++) {
		/* Pairs with the release in end_boot(). */
		late = smp_load_acquire(&w->boot->ended);
		ret = widen(w, i % ITEMS);
		if (!ret)
			w->committed |= BIT(i % ITEMS);
		w->late += late && ret != -EPERM;
		if (late || ret == -EPERM)
			break;
		w->wrong += ret && !(ret == -EEXIST && announces_sites(w) &&
				     i >= ITEMS);
		call_counted(w->boot);
	}
}

static int widener_thread(void *data)
{
	struct widener *w = data;

	for (;;) {
		wait_for_completion(&w->go);
		if (READ_ONCE(w->boot->stop))
			break;
		widen_until_end(w);
		complete(&w->boot->finished);
	}
	complete(&w->boot->finished);
	return 0;
}

static void end_boot(struct boot *boot)
{
	boot->ret = lvbs_vtlcall(HEKI_VTLCALL_END_OF_BOOT, 0, 0, 0);
	/* Pairs with the acquire in widen_until_end(). */
	smp_store_release(&boot->ended, true);
	boot->at_end = known_items(boot);
}

static int ender_thread(void *data)
{
	struct boot *boot = data;

	for (;;) {
		wait_for_completion(&boot->go);
		if (READ_ONCE(boot->stop))
			break;
		end_boot(boot);
		complete(&boot->finished);
	}
	complete(&boot->finished);
	return 0;
}

static void wait_for_threads(struct boot *boot)
{
	unsigned int i;

	for (i = 0; i < WIDENERS + 1; i++)
		wait_for_completion(&boot->finished);
}

static void wake_wideners(struct boot *boot)
{
	unsigned int i;

	for (i = 0; i < WIDENERS; i++)
		complete(&boot->widener[i].go);
}

static void start_round(struct boot *boot, unsigned int calls)
{
	unsigned int i;

	vtlcall_boot_restart();
	boot->ended = false;
	boot->at_end = 0;
	atomic_set(&boot->calls_left, calls);
	reinit_completion(&boot->calls_done);
	for (i = 0; i < WIDENERS; i++) {
		boot->widener[i].committed = 0;
		boot->widener[i].late = 0;
		boot->widener[i].wrong = 0;
	}
}

static bool check_round(struct kunit *test, struct boot *boot, u32 seed,
			unsigned long round)
{
	u32 known = known_items(boot), late = 0, wrong = 0;
	bool ok;
	unsigned int i;

	for (i = 0; i < WIDENERS; i++) {
		late += boot->widener[i].late;
		wrong += boot->widener[i].wrong;
	}
	ok = !boot->ret && known == boot->at_end &&
	     known == committed_items(boot) && !late && !wrong;
	KUNIT_EXPECT_TRUE_MSG(test, ok,
			      "seed %#x, round %lu: END_OF_BOOT %ld, items %#x, then %#x, committed %#x, %u late calls, %u wrong results",
			      seed, round, boot->ret, boot->at_end, known,
			      committed_items(boot), late, wrong);
	return ok;
}

/*
 * Half of the time, the test holds up sites in mid-call, so that calls are in
 * progress when the boot ends, even on one CPU without preemption.
 */
static bool do_round(struct kunit *test, struct rnd_state *rnd, u32 seed,
		     unsigned long round)
{
	unsigned int calls = 1 + random_below(rnd, 2 * WIDENERS);
	bool hold_up = random_one_in(rnd, 2), ok;
	struct boot *boot = test->priv;

	start_round(boot, calls);
	if (hold_up)
		mutex_lock(&heki_owner_map()->update);
	wake_wideners(boot);
	wait_for_completion(&boot->calls_done);
	complete(&boot->go);
	if (hold_up) {
		schedule();
		mutex_unlock(&heki_owner_map()->update);
	}
	wait_for_threads(boot);
	ok = check_round(test, boot, seed, round);
	forget_items(boot);
	return ok;
}

/* The ender preempts the test, and that preempts the wideners. */
static void nothing_commits_after(struct kunit *test)
{
	unsigned long round, rounds = random_rounds(500);
	struct boot *boot = test->priv;
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);

	sched_set_fifo(boot->ender);
	sched_set_fifo_low(current);
	for (round = 0; round < rounds; round++)
		if (!do_round(test, &rnd, seed, round))
			break;
	sched_set_normal(current, 0);
	kunit_info(test, "%lu rounds", round);
}

/* Until a task that was woken sleeps again, in the middle of what it does. */
static void wait_until_blocked(struct kunit *test, struct task_struct *task)
{
	unsigned long timeout = jiffies + 10 * HZ;

	do
		schedule_timeout_uninterruptible(1);
	while (task_is_running(task) && time_before(jiffies, timeout));
	KUNIT_EXPECT_FALSE(test, task_is_running(task));
}

/* A call in progress holds up the end, and that holds up calls that follow. */
static void end_waits_for_calls(struct kunit *test)
{
	struct boot *boot = test->priv;
	struct widener *in_progress = &boot->widener[1];
	unsigned int i;

	start_round(boot, 0);
	mutex_lock(&heki_owner_map()->update);
	complete(&in_progress->go);
	wait_until_blocked(test, in_progress->task);
	complete(&boot->go);
	wait_until_blocked(test, boot->ender);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(boot->ended));
	for (i = 0; i < WIDENERS; i++) {
		if (i == in_progress->nr)
			continue;
		complete(&boot->widener[i].go);
		wait_until_blocked(test, boot->widener[i].task);
	}
	KUNIT_EXPECT_FALSE(test, READ_ONCE(boot->ended));
	KUNIT_EXPECT_EQ(test, known_items(boot), 0U);
	mutex_unlock(&heki_owner_map()->update);
	wait_for_threads(boot);
	check_round(test, boot, 0, 0);
	KUNIT_EXPECT_TRUE(test, boot->at_end & BIT(ITEMS));
	forget_items(boot);
}

/* ---- set up ---- */

static int boot_init(struct kunit *test)
{
	struct boot *boot = kunit_kzalloc(test, sizeof(*boot), GFP_KERNEL);
	unsigned int i;

	if (!boot)
		return -ENOMEM;
	test->priv = boot;
	init_completion(&boot->go);
	init_completion(&boot->finished);
	init_completion(&boot->calls_done);
	boot->mem = alloc_pages_exact(BYTES, GFP_KERNEL | __GFP_ZERO);
	if (!boot->mem)
		return -ENOMEM;
	boot->ender = kthread_run(ender_thread, boot, "lvbs_ender");
	if (IS_ERR(boot->ender))
		return PTR_ERR(boot->ender);
	for (i = 0; i < WIDENERS; i++) {
		struct widener *w = &boot->widener[i];

		w->boot = boot;
		w->nr = i;
		init_completion(&w->go);
		w->task = kthread_run(widener_thread, w, "lvbs_widener");
		if (IS_ERR(w->task))
			return PTR_ERR(w->task);
	}
	return 0;
}

static bool is_running(const struct task_struct *task)
{
	return !IS_ERR_OR_NULL(task);
}

static void boot_exit(struct kunit *test)
{
	struct boot *boot = test->priv;
	unsigned int i;

	if (!boot)
		return;
	WRITE_ONCE(boot->stop, true);
	if (is_running(boot->ender)) {
		complete(&boot->go);
		wait_for_completion(&boot->finished);
	}
	for (i = 0; i < WIDENERS; i++) {
		if (!is_running(boot->widener[i].task))
			continue;
		complete(&boot->widener[i].go);
		wait_for_completion(&boot->finished);
	}
	vtlcall_boot_restart();
	if (boot->mem)
		free_pages_exact(boot->mem, BYTES);
}

static struct kunit_case boot_cases[] = {
	KUNIT_CASE(end_waits_for_calls),
	KUNIT_CASE(nothing_commits_after),
	{}
};

static struct kunit_suite boot_suite = {
	.name = "lvbs_heki_boot",
	.init = boot_init,
	.exit = boot_exit,
	.test_cases = boot_cases,
};

kunit_test_suite(boot_suite);

MODULE_LICENSE("GPL");
