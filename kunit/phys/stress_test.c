// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of concurrency. In the first, many threads map, write, protect,
 * lock and patch the same two frames. Two guarantees are checked all the time:
 *
 * * after phys_protect() returned 0, bytes that only ordinary pointers write do
 *   not change;
 * * with an exclusive lock, read-check-write does not lose an update.
 *
 * Threads pause at critical points and let a random other thread run, so that
 * they interleave even on one CPU, without preemption, and with a coarse clock.
 * Each thread runs until it has succeeded often enough.
 *
 * In the second, threads claim frames for mappings in local windows, and others
 * take range locks and protections. Two claims that conflict are never granted
 * at the same time.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <lvbs/phys_ptr.h>

#include "kunit/fakes/random.h"
#include "phys/phys.h"
#include "phys/vmap_manager_privileged.h"

/* Successes that each thread needs, and attempts before it gives up. */
#define SUCCESSES	500U
#define ROUNDS_MAX	200000U
#define THREADS		8
#define FRAMES		2
#define BYTES		(FRAMES * PAGE_SIZE)

/* Across the two frames: bytes of writers, a counter, patches. */
#define SEQUENCE_AT	(PAGE_SIZE - 32)
#define SEQUENCE_LEN	64
#define COUNTER_AT	(PAGE_SIZE + 100)
#define PATCH_AT	(PAGE_SIZE + 200)
#define PATCH_LEN	8

struct stress {
	struct stress_thread *thread;
	u8 *mem;
	struct phys_ptr ptr;
	struct phys_ptr patch;
	unsigned long first;
	struct completion done;
	atomic_t unfinished;
	atomic_t wrong_errno;
	atomic_t changed;
	atomic_t refused;
};

struct stress_thread {
	struct stress *st;
	struct rnd_state rnd;
	struct completion go;
	unsigned int rounds;
	unsigned int successes;
};

/* Conflicts with other threads are the only expected errors. */
static bool stress_ok(struct stress *st, int err)
{
	if (err == -EBUSY || err == -EROFS)
		atomic_inc(&st->refused);
	else if (err)
		atomic_inc(&st->wrong_errno);
	return !err;
}

/*
 * A thread runs while it holds a baton. It passes the baton to a random thread
 * and waits for another. There are as many batons as threads, so all can run at
 * once if there are enough CPUs.
 */
static void stress_pause(struct stress_thread *self)
{
	struct stress_thread *next;

	next = &self->st->thread[random_below(&self->rnd, THREADS)];
	complete(&next->go);
	wait_for_completion(&self->go);
}

/* Wake all threads. */
static void stress_release(struct stress *st)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		complete_all(&st->thread[i].go);
}

/* Wait for a random time; returns whether to do another round. */
static bool stress_goes_on(struct stress_thread *self)
{
	u32 n = 1 + random_below(&self->rnd, 8);

	while (n--)
		stress_pause(self);
	return self->successes < SUCCESSES && self->rounds++ < ROUNDS_MAX;
}

/* A thread that is done still passes batons. */
static int stress_finish(struct stress_thread *self)
{
	struct stress *st = self->st;

	if (atomic_dec_and_test(&st->unfinished))
		stress_release(st);
	while (atomic_read(&st->unfinished))
		stress_pause(self);
	complete(&st->done);
	return 0;
}

static unsigned int stress_write_session(struct stress_thread *self, u8 *bytes)
{
	struct stress *st = self->st;
	DEFINE_PHYS_WRITE_SESSION(s);
	unsigned int i, written = 0;

	if (!stress_ok(st, phys_write_session_begin(&s, &st->ptr)))
		return 0;
	for (i = 0; i < 4; i++) {
		memset(bytes, bytes[0] + 1, SEQUENCE_LEN);
		/* Either mapped before the protection or lock, or refused. */
		if (phys_session_write(&s, SEQUENCE_AT, bytes, SEQUENCE_LEN))
			atomic_inc(&st->wrong_errno);
		else
			written++;
		stress_pause(self);
	}
	return written;
}

static int stress_writer(void *data)
{
	struct stress_thread *self = data;
	u8 bytes[SEQUENCE_LEN] = {};
	struct stress *st = self->st;

	while (stress_goes_on(self)) {
		memset(bytes, bytes[0] + 1, SEQUENCE_LEN);
		if (random_one_in(&self->rnd, 2))
			self->successes += stress_write_session(self, bytes);
		else
			self->successes +=
				stress_ok(st, phys_write(&st->ptr, SEQUENCE_AT,
							 bytes, SEQUENCE_LEN));
	}
	return stress_finish(self);
}

static int stress_reader(void *data)
{
	struct stress_thread *self = data;
	struct stress *st = self->st;
	u8 bytes[SEQUENCE_LEN];

	while (stress_goes_on(self))
		self->successes += stress_ok(st, phys_read(&st->ptr.ro,
							   SEQUENCE_AT, bytes,
							   SEQUENCE_LEN));
	return stress_finish(self);
}

/* The writers' bytes, through the kernel's own mapping. */
static void stress_snapshot(const struct stress *st, u8 *to)
{
	memcpy(to, st->mem + SEQUENCE_AT, SEQUENCE_LEN);
	memcpy(to + SEQUENCE_LEN, st->mem + COUNTER_AT, sizeof(u64));
}

static void stress_watch(struct stress_thread *self)
{
	struct stress *st = self->st;
	u8 before[SEQUENCE_LEN + sizeof(u64)], now[sizeof(before)];
	unsigned int i;

	stress_snapshot(st, before);
	for (i = 0; i < 4; i++) {
		stress_pause(self);
		stress_snapshot(st, now);
		if (memcmp(before, now, sizeof(now)))
			atomic_inc(&st->changed);
	}
}

static int stress_protector(void *data)
{
	struct phys_protection prot = { .owner = "stress" };
	struct vmap_manager *mgr = lvbs_vmap_manager();
	struct stress_thread *self = data;
	struct stress *st = self->st;

	while (stress_goes_on(self)) {
		if (!stress_ok(st, phys_protect(mgr, &prot, st->first, FRAMES)))
			continue;
		self->successes++;
		stress_watch(self);
		phys_unprotect(mgr, &prot);
	}
	return stress_finish(self);
}

static int stress_count(struct stress_thread *self, struct phys_lock *lock)
{
	struct phys_ptr ptr = self->st->ptr;
	u64 count;
	int err;

	ptr.ro.lock = lock;
	err = phys_read(&ptr.ro, COUNTER_AT, &count, sizeof(count));
	if (err)
		return err;
	stress_pause(self);
	count++;
	return phys_write(&ptr, COUNTER_AT, &count, sizeof(count));
}

static int stress_locker(void *data)
{
	struct stress_thread *self = data;
	struct stress *st = self->st;
	struct phys_lock lock;

	while (stress_goes_on(self)) {
		if (!stress_ok(st, phys_lock(&lock, &st->ptr.ro,
					     PHYS_LOCK_EXCLUSIVE)))
			continue;
		self->successes += stress_ok(st, stress_count(self, &lock));
		phys_unlock(&lock);
	}
	return stress_finish(self);
}

static int stress_patcher(void *data)
{
	struct stress_thread *self = data;
	struct stress *st = self->st;
	u8 bytes[PATCH_LEN] = {};

	while (stress_goes_on(self)) {
		memset(bytes, self->rounds, sizeof(bytes));
		self->successes += stress_ok(st, phys_write(&st->patch,
							    PATCH_AT, bytes,
							    sizeof(bytes)));
	}
	return stress_finish(self);
}

static const struct {
	const char *name;
	int (*run)(void *data);
} threads[THREADS] = {
	{ "writer", stress_writer },
	{ "second writer", stress_writer },
	{ "reader", stress_reader },
	{ "protector", stress_protector },
	{ "second protector", stress_protector },
	{ "locker", stress_locker },
	{ "second locker", stress_locker },
	{ "patcher", stress_patcher },
};

static void stress_run(struct stress *st, struct rnd_state *rnd)
{
	unsigned int i;

	atomic_set(&st->unfinished, THREADS);
	init_completion(&st->done);
	for (i = 0; i < THREADS; i++) {
		st->thread[i].st = st;
		init_completion(&st->thread[i].go);
		prandom_seed_state(&st->thread[i].rnd, prandom_u32_state(rnd));
	}
	for (i = 0; i < THREADS; i++) {
		if (!IS_ERR(kthread_run(threads[i].run, &st->thread[i],
					"lvbs-stress/%u", i)))
			continue;
		/* The test has failed; the other threads must not wait. */
		stress_release(st);
		atomic_dec(&st->unfinished);
		complete(&st->done);
	}
	for (i = 0; i < THREADS; i++)
		wait_for_completion(&st->done);
}

static unsigned long stress_live(void)
{
	const struct phys_stats *stats = lvbs_vmap_manager()->stats;

	return phys_stat_get(stats, PHYS_STAT_MAPS) -
	       phys_stat_get(stats, PHYS_STAT_UNMAPS);
}

static void stress_test(struct kunit *test)
{
	struct vmap_manager *mgr = lvbs_vmap_manager();
	unsigned long live = stress_live();
	struct stress_thread *self;
	unsigned int counted = 0;
	struct rnd_state rnd;
	struct stress *st;
	u64 count;
	unsigned int i;

	st = kunit_kzalloc(test, sizeof(*st), GFP_KERNEL);
	self = kunit_kcalloc(test, THREADS, sizeof(*self), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, st);
	KUNIT_ASSERT_NOT_NULL(test, self);
	st->thread = self;
	random_start(test, &rnd);
	st->mem = alloc_pages_exact(BYTES, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, st->mem);
	st->first = page_to_pfn(virt_to_page(st->mem));
	KUNIT_EXPECT_EQ(test, 0,
			phys_ptr_init(&st->ptr, mgr, PFN_PHYS(st->first), BYTES,
				      1));
	KUNIT_EXPECT_EQ(test, 0,
			phys_ptr_init(&st->patch, vmap_manager_privileged(),
				      PFN_PHYS(st->first), BYTES, 1));

	stress_run(st, &rnd);

	KUNIT_EXPECT_EQ(test, atomic_read(&st->wrong_errno), 0);
	KUNIT_EXPECT_EQ_MSG(test, atomic_read(&st->changed), 0,
			    "written while protected");
	for (i = 0; i < THREADS; i++) {
		kunit_info(test, "%s: %u of %u rounds\n", threads[i].name,
			   self[i].successes, self[i].rounds);
		/* Each thread succeeded. */
		KUNIT_EXPECT_GE_MSG(test, self[i].successes, SUCCESSES, "%s",
				    threads[i].name);
		if (threads[i].run == stress_locker)
			counted += self[i].successes;
	}
	memcpy(&count, st->mem + COUNTER_AT, sizeof(count));
	KUNIT_EXPECT_EQ_MSG(test, count, (u64)counted,
			    "updates with the lock held were lost");
	/* There were conflicts. */
	KUNIT_EXPECT_GT(test, atomic_read(&st->refused), 0);

	/* No claim is left. */
	KUNIT_EXPECT_EQ(test, 0,
			phys_claim_check(mgr->claims, PHYS_CLAIM_EXCLUSIVE,
					 NULL, &st->ptr.ro.frames));
	KUNIT_EXPECT_EQ(test, 0,
			phys_claim_check(mgr->claims, PHYS_CLAIM_WRITE, NULL,
					 &st->ptr.ro.frames));
	KUNIT_EXPECT_EQ(test, live, stress_live());
	free_pages_exact(st->mem, BYTES);
}

/* ---- claims of local windows against locks and protections ---- */

#define LOCAL_FRAMES	24
#define LOCAL_NR	4U	/* frames of a claim */
#define LOCAL_THREADS	6
#define LOCAL_SUCCESSES	2000U
#define LOCAL_ROUNDS	400000U

struct local_stress {
	struct phys_claims claims;
	/* The claims that are granted, by frame and kind. */
	atomic_t granted[LOCAL_FRAMES][PHYS_CLAIM_NR];
	struct completion done;
	atomic_t together;
	atomic_t refused;
	atomic_t wrong_errno;
};

struct local_thread {
	struct local_stress *st;
	struct rnd_state rnd;
	enum phys_claim_kind kind;
	bool local;
	unsigned int rounds;
	unsigned int successes;
};

/* Those that may not be granted together with a mapping or lock. */
static unsigned int excluded_kinds(enum phys_claim_kind kind)
{
	switch (kind) {
	case PHYS_CLAIM_READ:
		return BIT(PHYS_CLAIM_EXCLUSIVE);
	case PHYS_CLAIM_WRITE:
		return BIT(PHYS_CLAIM_SHARED) | BIT(PHYS_CLAIM_EXCLUSIVE) |
		       BIT(PHYS_CLAIM_PROTECTED);
	case PHYS_CLAIM_PRIVILEGED:
		return BIT(PHYS_CLAIM_SHARED) | BIT(PHYS_CLAIM_EXCLUSIVE);
	default:
		return 0;	/* the mapping of the pair notices */
	}
}

static bool granted_together(struct local_stress *st, unsigned long pfn,
			     enum phys_claim_kind kind)
{
	unsigned int other;

	for (other = 0; other < PHYS_CLAIM_NR; other++)
		if ((excluded_kinds(kind) & BIT(other) ||
		     excluded_kinds(other) & BIT(kind)) &&
		    atomic_read(&st->granted[pfn][other]))
			return true;
	return false;
}

/* A claim is granted: for a moment, or longer if it may sleep. */
static void local_hold(struct local_thread *self,
		       const struct phys_frames *frames)
{
	unsigned int spins = random_below(&self->rnd, 200);
	struct local_stress *st = self->st;
	unsigned long i;

	for (i = 0; i < frames->nr; i++)
		atomic_inc(&st->granted[phys_frame(frames, i)][self->kind]);
	/* Either this or the other thread sees both. */
	smp_mb();
	while (spins--)
		cpu_relax();
	if (!self->local && random_one_in(&self->rnd, 64))
		schedule_timeout_uninterruptible(1);
	for (i = 0; i < frames->nr; i++) {
		unsigned long pfn = phys_frame(frames, i);

		if (granted_together(st, pfn, self->kind))
			atomic_inc(&st->together);
		atomic_dec(&st->granted[pfn][self->kind]);
	}
}

/* Different frames: a run, or a list in @pfns. */
static struct phys_frames local_frames(struct local_thread *self,
				       unsigned long *pfns)
{
	unsigned long first = random_below(&self->rnd, LOCAL_FRAMES - LOCAL_NR);
	unsigned long nr = 1 + random_below(&self->rnd, LOCAL_NR), i;

	if (random_one_in(&self->rnd, 2))
		return (struct phys_frames) { .first = first, .nr = nr };
	for (i = 0; i < nr; i++)
		pfns[i] = (first + i * 7) % LOCAL_FRAMES;
	return (struct phys_frames) { .pfns = pfns, .nr = nr };
}

static int local_mapping(struct local_thread *self,
			 const struct phys_frames *frames)
{
	struct phys_local_claim *held;
	int err;

	preempt_disable();
	err = phys_claim_add_local(&self->st->claims, self->kind, NULL, frames,
				   &held);
	if (!err) {
		local_hold(self, frames);
		phys_claim_del_local(held);
	}
	preempt_enable();
	return err;
}

static int lasting_claim(struct local_thread *self,
			 const struct phys_frames *frames)
{
	struct phys_claim claim = { .kind = self->kind };
	int err;

	err = phys_claim_add(&self->st->claims, &claim, frames);
	if (!err) {
		local_hold(self, frames);
		phys_claim_del(&self->st->claims, &claim);
	}
	return err;
}

/*
 * The list of a record can vanish while a claimer reads it, so some are in
 * memory that is unmapped after use, except on UML, where faults are fatal.
 */
static int local_round(struct local_thread *self)
{
	bool vanishing = !IS_ENABLED(CONFIG_UML) &&
			 random_one_in(&self->rnd, 16);
	unsigned long here[LOCAL_NR];
	unsigned long *pfns = vanishing ? vmalloc(sizeof(here)) : here;
	struct phys_frames frames;
	int err;

	if (!pfns)
		return -ENOMEM;
	frames = local_frames(self, pfns);
	err = self->local ? local_mapping(self, &frames) :
			    lasting_claim(self, &frames);
	if (vanishing)
		vfree(pfns);
	return err;
}

static int local_run(void *data)
{
	struct local_thread *self = data;
	struct local_stress *st = self->st;

	while (self->successes < LOCAL_SUCCESSES &&
	       self->rounds++ < LOCAL_ROUNDS) {
		int err = local_round(self);

		if (!err)
			self->successes++;
		else if (err == -EBUSY || err == -EROFS)
			atomic_inc(&st->refused);
		else
			atomic_inc(&st->wrong_errno);
		cond_resched();
	}
	complete(&st->done);
	return 0;
}

static const struct {
	enum phys_claim_kind kind;
	bool local;
} local_threads[LOCAL_THREADS] = {
	{ PHYS_CLAIM_READ, true },
	{ PHYS_CLAIM_WRITE, true },
	{ PHYS_CLAIM_PRIVILEGED, true },
	{ PHYS_CLAIM_SHARED, false },
	{ PHYS_CLAIM_EXCLUSIVE, false },
	{ PHYS_CLAIM_PROTECTED, false },
};

static void local_stress_test(struct kunit *test)
{
	struct local_thread *thread;
	struct local_stress *st;
	struct rnd_state rnd;
	unsigned int i;

	st = kunit_kzalloc(test, sizeof(*st), GFP_KERNEL);
	thread = kunit_kcalloc(test, LOCAL_THREADS, sizeof(*thread), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, st);
	KUNIT_ASSERT_NOT_NULL(test, thread);
	phys_claims_init(&st->claims);
	init_completion(&st->done);
	random_start(test, &rnd);
	for (i = 0; i < LOCAL_THREADS; i++) {
		thread[i].st = st;
		thread[i].kind = local_threads[i].kind;
		thread[i].local = local_threads[i].local;
		prandom_seed_state(&thread[i].rnd, prandom_u32_state(&rnd));
	}
	for (i = 0; i < LOCAL_THREADS; i++)
		if (IS_ERR(kthread_run(local_run, &thread[i], "lvbs-local/%u",
				       i)))
			complete(&st->done);	/* fails below */
	for (i = 0; i < LOCAL_THREADS; i++)
		wait_for_completion(&st->done);

	KUNIT_EXPECT_EQ(test, atomic_read(&st->together), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&st->wrong_errno), 0);
	for (i = 0; i < LOCAL_THREADS; i++) {
		kunit_info(test, "thread %u: %u of %u rounds\n", i,
			   thread[i].successes, thread[i].rounds);
		KUNIT_EXPECT_GE_MSG(test, thread[i].successes, LOCAL_SUCCESSES,
				    "thread %u", i);
	}
	/* There were conflicts. */
	KUNIT_EXPECT_GT(test, atomic_read(&st->refused), 0);
	KUNIT_EXPECT_EQ(test, st->claims.present, 0UL);
}

static struct kunit_case phys_stress_cases[] = {
	KUNIT_CASE(stress_test),
	KUNIT_CASE(local_stress_test),
	{ }
};

static struct kunit_suite phys_stress_suite = {
	.name = "lvbs_phys_stress",
	.test_cases = phys_stress_cases,
};

kunit_test_suites(&phys_stress_suite);
