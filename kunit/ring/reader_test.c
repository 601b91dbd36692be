// SPDX-License-Identifier: GPL-2.0
/*
 * Readers: gaps, removal and wake-ups, and a stress test of concurrent writers
 * and readers in which each record carries a number and a checksum.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <lvbs/ring_buffer.h>

#include "kunit/fakes/random.h"
#include "kunit/param.h"
#include "phys/vmap_manager_privileged.h"
#include "ring/ring.h"

/*
 * Records. Only the first byte has the high bit set, so that a reader that
 * starts in the middle of a record finds the next one.
 *
 *	0xa5  writer  length  number (5 x 7 bits)  payload ...  checksum
 */

#define REC_MARK	0xa5
#define REC_HEAD	8
#define REC_PAYLOAD_MAX	120
#define REC_MAX		(REC_HEAD + REC_PAYLOAD_MAX + 1)
#define WRITERS		3

static u8 rec_byte(unsigned int writer, u32 number, unsigned int i)
{
	return (writer * 31 + number * 7 + i * (number % 5 + 1)) & 0x7f;
}

static u8 rec_sum(const u8 *rec, size_t len)
{
	unsigned int sum = 1, i;

	for (i = 0; i < len; i++)
		sum = sum * 33 + rec[i];
	return (sum ^ sum >> 7 ^ sum >> 14 ^ sum >> 21) & 0x7f;
}

static size_t rec_make(u8 *rec, unsigned int writer, u32 number)
{
	unsigned int payload = (number * 37 + writer * 11) %
			       (REC_PAYLOAD_MAX + 1);
	unsigned int i;

	rec[0] = REC_MARK;
	rec[1] = writer;
	rec[2] = payload;
	for (i = 0; i < 5; i++)
		rec[3 + i] = number >> (7 * i) & 0x7f;
	for (i = 0; i < payload; i++)
		rec[REC_HEAD + i] = rec_byte(writer, number, i);
	rec[REC_HEAD + payload] = rec_sum(rec, REC_HEAD + payload);
	return REC_HEAD + payload + 1;
}

/* Reassembles records from bytes. */
struct parser {
	u8 rec[REC_MAX];	/* the current record */
	size_t have;		/* bytes of it */
	bool synced;		/* @rec starts with its first byte */
	bool gap[WRITERS];	/* bytes were lost since the last record */
	u32 next[WRITERS];	/* next record's number, without a gap */
	unsigned long records;	/* good records */
	unsigned long bad;	/* errors; 0 is expected */
};

static void parser_gap(struct parser *p)
{
	memset(p->gap, 1, sizeof(p->gap));
	p->synced = false;
	p->have = 0;
}

static void parser_record(struct parser *p)
{
	unsigned int writer = p->rec[1], i;
	u8 want[REC_MAX];
	u32 number = 0;

	for (i = 0; i < 5; i++)
		number |= (u32)p->rec[3 + i] << (7 * i);
	if (writer >= WRITERS ||
	    p->have != rec_make(want, writer, number) ||
	    memcmp(p->rec, want, p->have)) {
		p->bad++;
		return;
	}
	/* Ascending numbers, and consecutive ones without a gap. */
	if (number < p->next[writer] ||
	    (number != p->next[writer] && !p->gap[writer]))
		p->bad++;
	p->gap[writer] = false;
	p->next[writer] = number + 1;
	p->records++;
}

static void parser_byte(struct parser *p, u8 byte)
{
	if (byte == REC_MARK) {
		if (p->synced && p->have)
			p->bad++;	/* previous record is incomplete */
		p->synced = true;
		p->have = 0;
	} else if (!p->synced) {
		return;
	} else if (!p->have) {
		p->bad++;		/* garbage between records */
		return;
	}
	p->rec[p->have++] = byte;
	if (p->have > 2 && p->rec[2] > REC_PAYLOAD_MAX) {
		p->bad++;
		parser_gap(p);
	} else if (p->have > 2 && p->have == REC_HEAD + p->rec[2] + 1U) {
		parser_record(p);
		p->have = 0;
	}
}

static void parser_bytes(struct parser *p, const u8 *bytes, size_t len)
{
	while (len--)
		parser_byte(p, *bytes++);
}

/* The first record of a snapshot may be incomplete. */
static bool snapshot_is_good(const u8 *bytes, size_t len, unsigned long *nr)
{
	struct parser p = {};

	parser_gap(&p);
	parser_bytes(&p, bytes, len);
	*nr += p.records;
	return !p.bad && !p.have;
}

/*
 * Stress test.
 */

struct stress_case {
	const char *name;
	enum lvbs_ring_mode mode;
	unsigned long pages;
	unsigned int records;	/* of each writer */
	bool slow_readers;
};

static const struct stress_case stress_cases[] = {
	{ "persistent, keeping up", LVBS_RING_PERSISTENT, 16, 20000, false },
	{ "persistent, lapped", LVBS_RING_PERSISTENT, 1, 40000, true },
	{ "on demand, keeping up", LVBS_RING_ONDEMAND, 16, 5000, false },
	{ "on demand, lapped", LVBS_RING_ONDEMAND, 1, 10000, true },
};

KUNIT_ARRAY_PARAM_DESC(stress, stress_cases, name);

struct stress {
	const struct stress_case *c;
	struct lvbs_ring *ring;
	atomic_t writing;	/* writers that have not finished */
	atomic_t errors;
};

struct stress_thread {
	struct stress *stress;
	struct task_struct *task;
	struct completion done;
	unsigned int index;
	/* Readers only. */
	struct lvbs_ring_follower f;
	struct parser parser;
	u64 bytes;
	u64 lost;
	unsigned long snapshots;
	unsigned long records;
};

static int stress_writer(void *arg)
{
	struct stress_thread *me = arg;
	struct stress *stress = me->stress;
	u8 rec[REC_MAX];
	u32 number;

	for (number = 0; number < stress->c->records; number++) {
		size_t len = rec_make(rec, me->index, number);

		if (lvbs_ring_write(stress->ring, rec, len))
			atomic_inc(&stress->errors);
		/* Between pauses, all writers fill less than 16 pages. */
		if (!stress->c->slow_readers && number % 128 == 0)
			schedule_timeout_uninterruptible(1);
		cond_resched();
	}
	atomic_dec(&stress->writing);
	complete(&me->done);
	return 0;
}

static int stress_follower(void *arg)
{
	struct stress_thread *me = arg;
	struct stress *stress = me->stress;
	/* Read lengths are unrelated to record lengths. */
	u8 buf[509];

	for (;;) {
		bool last = !atomic_read(&stress->writing);
		u64 lost;
		ssize_t n;

		smp_rmb();	/* read @writing before the ring */
		n = lvbs_ring_follow_read(&me->f, buf,
					  1 + (u32)me->bytes % sizeof(buf),
					  &lost);
		if (lost)
			parser_gap(&me->parser);
		me->lost += lost;
		if (n > 0) {
			parser_bytes(&me->parser, buf, n);
			me->bytes += n;
			/* Slow enough to be lapped. */
			if (stress->c->slow_readers && me->bytes % 32 == 0)
				schedule_timeout_uninterruptible(1);
		} else if (n == -EAGAIN) {
			if (last)
				break;
			cond_resched();
		} else if (n < 0) {
			atomic_inc(&stress->errors);
			break;
		}
		cond_resched();
	}
	if (me->f.lost != me->lost)
		atomic_inc(&stress->errors);
	complete(&me->done);
	return 0;
}

static int stress_snapshotter(void *arg)
{
	struct stress_thread *me = arg;
	struct stress *stress = me->stress;
	u8 *buf = kvmalloc(stress->c->pages << PAGE_SHIFT, GFP_KERNEL);

	while (buf && atomic_read(&stress->writing)) {
		size_t start;
		ssize_t n = lvbs_ring_snapshot(stress->ring, buf, &start);

		if (n < 0 || !snapshot_is_good(buf + start, n, &me->records))
			atomic_inc(&stress->errors);
		me->snapshots++;
		schedule_timeout_uninterruptible(1);
	}
	kvfree(buf);
	complete(&me->done);
	return 0;
}

#define FOLLOWERS	2
#define THREADS		(FOLLOWERS + 1 + WRITERS)

static void ring_stress(struct kunit *test)
{
	const struct stress_case *c = test->param_value;
	struct stress stress = { .c = c };
	struct stress_thread *threads;
	struct lvbs_ring_state state;
	unsigned int i;

	threads = kunit_kcalloc(test, THREADS, sizeof(*threads), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, threads);
	stress.ring = ring_create("stress", vmap_manager_privileged(),
				  c->pages, c->mode);
	KUNIT_ASSERT_FALSE(test, IS_ERR(stress.ring));
	atomic_set(&stress.writing, WRITERS);

	for (i = 0; i < THREADS; i++) {
		struct stress_thread *t = &threads[i];
		int (*run)(void *arg) = stress_writer;

		if (i < FOLLOWERS)
			run = stress_follower;
		else if (i == FOLLOWERS)
			run = stress_snapshotter;
		t->stress = &stress;
		/* Writers do not run yet: follow from the first byte. */
		lvbs_ring_follow(&t->f, stress.ring);
		t->index = i - FOLLOWERS - 1;	/* of a writer */
		init_completion(&t->done);
		t->task = kthread_create(run, t, "lvbs-ring/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(t->task));
	}
	for (i = 0; i < THREADS; i++)
		wake_up_process(threads[i].task);
	for (i = 0; i < THREADS; i++)
		wait_for_completion(&threads[i].done);

	lvbs_ring_get_state(stress.ring, &state);
	KUNIT_EXPECT_EQ(test, atomic_read(&stress.errors), 0);
	KUNIT_EXPECT_EQ(test, state.failed, 0ULL);
	KUNIT_EXPECT_EQ(test, state.lost, 0ULL);
	for (i = 0; i < FOLLOWERS; i++) {
		struct stress_thread *t = &threads[i];

		/* No bad record, and every byte was read or reported lost. */
		KUNIT_EXPECT_EQ(test, t->parser.bad, 0UL);
		KUNIT_EXPECT_EQ(test, t->parser.have, (size_t)0);
		KUNIT_EXPECT_EQ(test, t->bytes + t->lost, state.total);
		if (!t->lost)
			KUNIT_EXPECT_EQ(test, t->parser.records,
					(unsigned long)WRITERS * c->records);
		kunit_info(test, "follower %u: %lu records, %llu bytes, %llu lost\n",
			   i, t->parser.records, t->bytes, t->lost);
	}
	kunit_info(test, "%lu snapshots, %lu records\n",
		   threads[FOLLOWERS].snapshots, threads[FOLLOWERS].records);

	ring_shutdown(stress.ring);
	lvbs_ring_put(stress.ring);
}

/*
 * Single-threaded tests.
 */

static struct lvbs_ring *reader_ring(struct kunit *test,
				     enum lvbs_ring_mode mode)
{
	struct lvbs_ring *ring = ring_create("reader",
					     vmap_manager_privileged(), 1,
					     mode);

	KUNIT_ASSERT_FALSE(test, IS_ERR(ring));
	test->priv = ring;
	return ring;
}

static void reader_exit(struct kunit *test)
{
	struct lvbs_ring *ring = test->priv;

	if (!ring)
		return;
	ring_shutdown(ring);
	lvbs_ring_put(ring);
}

static void ring_lapped_reader_sees_gap(struct kunit *test)
{
	struct lvbs_ring *ring = reader_ring(test, LVBS_RING_ONDEMAND);
	u8 *bytes = kunit_kzalloc(test, 3 * PAGE_SIZE, GFP_KERNEL);
	struct lvbs_ring_follower f;
	u64 lost;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	memset(bytes, 'x', 3 * PAGE_SIZE);
	lvbs_ring_follow(&f, ring);
	KUNIT_EXPECT_FALSE(test, lvbs_ring_follow_ready(&f));
	KUNIT_EXPECT_EQ(test, lvbs_ring_follow_read(&f, bytes, 9, &lost),
			(ssize_t)-EAGAIN);

	/* The ring is exactly full: nothing is lost. */
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, bytes, PAGE_SIZE - 96), 0);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, bytes, 96), 0);
	KUNIT_EXPECT_TRUE(test, lvbs_ring_follow_ready(&f));
	KUNIT_EXPECT_EQ(test, lvbs_ring_follow_read(&f, bytes, 9, &lost),
			(ssize_t)9);
	KUNIT_EXPECT_EQ(test, lost, 0ULL);

	/* 9 more bytes overwrite those that were read, 1 more is lost. */
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, bytes, 9), 0);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, bytes, 1), 0);
	KUNIT_EXPECT_EQ(test, 0L, lvbs_ring_follow_read(&f, bytes,
							3 * PAGE_SIZE, &lost));
	KUNIT_EXPECT_EQ(test, lost, 1ULL);
	KUNIT_EXPECT_EQ(test, (long)PAGE_SIZE,
			lvbs_ring_follow_read(&f, bytes, 3 * PAGE_SIZE, &lost));
	KUNIT_EXPECT_EQ(test, lost, 0ULL);

	/* The beginning of a write longer than the ring is lost, too. */
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, bytes, 2 * PAGE_SIZE + 7),
			0);
	KUNIT_EXPECT_EQ(test, 0L, lvbs_ring_follow_read(&f, bytes,
							3 * PAGE_SIZE, &lost));
	KUNIT_EXPECT_EQ(test, lost, PAGE_SIZE + 7ULL);
	KUNIT_EXPECT_EQ(test, (long)PAGE_SIZE,
			lvbs_ring_follow_read(&f, bytes, 3 * PAGE_SIZE, &lost));
	KUNIT_EXPECT_EQ(test, f.lost, PAGE_SIZE + 7ULL + 1);
	KUNIT_EXPECT_FALSE(test, lvbs_ring_follow_ready(&f));
}

/* A reader that interrupts a write; @oldest is set as that write would. */
static void ring_hides_torn_bytes(struct kunit *test)
{
	struct lvbs_ring *ring = reader_ring(test, LVBS_RING_PERSISTENT);
	u8 *bytes = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	struct lvbs_ring_follower f;
	size_t start;
	u64 lost;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	lvbs_ring_follow(&f, ring);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, bytes, 4000), 0);

	/* 196 bytes: 96 into free space, 100 over the oldest. */
	atomic64_set(&ring->oldest, 100);
	KUNIT_EXPECT_EQ(test, lvbs_ring_snapshot(ring, bytes, &start),
			(ssize_t)3900);
	KUNIT_EXPECT_EQ(test, lvbs_ring_follow_read(&f, bytes, 9000, &lost),
			(ssize_t)0);
	KUNIT_EXPECT_EQ(test, lost, 100ULL);

	/* 10000 bytes: over everything, oldest is past the total. */
	atomic64_set(&ring->oldest, 4000 + 10000 - 4096);
	KUNIT_EXPECT_EQ(test, lvbs_ring_snapshot(ring, bytes, &start),
			(ssize_t)0);
	KUNIT_EXPECT_EQ(test, lvbs_ring_follow_read(&f, bytes, 9000, &lost),
			(ssize_t)0);
	KUNIT_EXPECT_EQ(test, lost, 3900ULL);
	KUNIT_EXPECT_EQ(test, lvbs_ring_follow_read(&f, bytes, 9000, &lost),
			(ssize_t)-EAGAIN);
}

struct waiter {
	struct lvbs_ring_follower f;
	struct completion waiting;
	struct completion woken;
	ssize_t got;
};

static int waiter_run(void *arg)
{
	struct waiter *w = arg;
	u64 lost;
	u8 buf[16];

	complete(&w->waiting);
	lvbs_ring_follow_wait(&w->f);
	w->got = lvbs_ring_follow_read(&w->f, buf, sizeof(buf), &lost);
	complete(&w->woken);
	return 0;
}

static void waiter_start(struct kunit *test, struct waiter *w,
			 struct lvbs_ring *ring)
{
	struct task_struct *task;

	lvbs_ring_follow(&w->f, ring);
	init_completion(&w->waiting);
	init_completion(&w->woken);
	task = kthread_run(waiter_run, w, "lvbs-ring-wait");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&w->waiting);
	/* Most likely it sleeps then; the test passes if it does not. */
	schedule_timeout_uninterruptible(HZ / 20);
}

static void ring_write_wakes_reader(struct kunit *test)
{
	struct lvbs_ring *ring = reader_ring(test, LVBS_RING_PERSISTENT);
	struct waiter w;
	unsigned long flags;

	waiter_start(test, &w, ring);
	KUNIT_EXPECT_FALSE(test, completion_done(&w.woken));
	local_irq_save(flags);
	KUNIT_EXPECT_EQ(test, lvbs_ring_write(ring, "wake up", 7), 0);
	local_irq_restore(flags);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&w.woken, 30 * HZ),
			0UL);
	KUNIT_EXPECT_EQ(test, w.got, (ssize_t)7);
}

static void ring_shutdown_wakes_reader(struct kunit *test)
{
	struct lvbs_ring *ring = reader_ring(test, LVBS_RING_ONDEMAND);
	struct waiter w;

	waiter_start(test, &w, ring);
	ring_shutdown(ring);
	KUNIT_ASSERT_GT(test, wait_for_completion_timeout(&w.woken, 30 * HZ),
			0UL);
	KUNIT_EXPECT_EQ(test, w.got, (ssize_t)-ENOENT);
}

static struct kunit_case ring_reader_cases[] = {
	KUNIT_CASE(ring_lapped_reader_sees_gap),
	KUNIT_CASE(ring_hides_torn_bytes),
	KUNIT_CASE(ring_write_wakes_reader),
	KUNIT_CASE(ring_shutdown_wakes_reader),
	KUNIT_CASE_PARAM(ring_stress, stress_gen_params),
	{}
};

static struct kunit_suite ring_reader_suite = {
	.name = "lvbs_ring_reader",
	.exit = reader_exit,
	.test_cases = ring_reader_cases,
};

kunit_test_suite(ring_reader_suite);
