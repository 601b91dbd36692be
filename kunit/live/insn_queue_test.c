// SPDX-License-Identifier: GPL-2.0
/*
 * Steps of accepted instructions.
 */
#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kunit/fakes/random.h"
#include "kunit/param.h"
#include "live/forms.h"

#define VA	0x81000000UL
#define INSN	{ 0xe9, 0x11, 0x22, 0x33, 0x44 }

struct write {
	unsigned long at;	/* from VA */
	u8 bytes[INSN_BYTES];
	size_t len;
	enum insn_step step;
};

struct queue_row {
	const char *name;
	u8 insn[INSN_BYTES];
	size_t len;
	struct write writes[5];
};

#define GUARD		{ 0, { 0xcc }, 1, INSN_GUARD }
#define NO_GUARD	{ 0, { 0xcc }, 1, INSN_NO_STEP }
#define TAIL		{ 1, { 0x11, 0x22, 0x33, 0x44 }, 4, INSN_TAIL }
#define NO_TAIL		{ 1, { 0x11, 0x22, 0x33, 0x44 }, 4, INSN_NO_STEP }
#define HEAD		{ 0, { 0xe9 }, 1, INSN_HEAD }
#define NO_HEAD		{ 0, { 0xe9 }, 1, INSN_NO_STEP }

static const struct queue_row queue_rows[] = {
	{ "three steps", INSN, 5, { GUARD, TAIL, HEAD } },
	{ "steps once", INSN, 5, { GUARD, TAIL, HEAD, NO_GUARD, NO_HEAD } },
	{ "tail first", INSN, 5, { NO_TAIL, GUARD, TAIL, HEAD } },
	{ "head first", INSN, 5, { NO_HEAD, GUARD, NO_HEAD, TAIL, HEAD } },
	{ "guard twice", INSN, 5, { GUARD, NO_GUARD, TAIL, NO_GUARD, HEAD } },
	{ "tail twice", INSN, 5, { GUARD, TAIL, NO_TAIL, HEAD } },
	{ "wrong guard", INSN, 5, {
		{ 0, { 0x90 }, 1, INSN_NO_STEP },
		{ 0, { 0xcd }, 1, INSN_NO_STEP }, GUARD } },
	{ "guard elsewhere", INSN, 5, {
		{ 1, { 0xcc }, 1, INSN_NO_STEP },
		{ 4, { 0xcc }, 1, INSN_NO_STEP },
		{ -1UL, { 0xcc }, 1, INSN_NO_STEP } } },
	{ "guard of two bytes", INSN, 5, {
		{ 0, { 0xcc, 0x11 }, 2, INSN_NO_STEP }, GUARD } },
	{ "wrong tail", INSN, 5, { GUARD,
		{ 1, { 0x11, 0x22, 0x33, 0x45 }, 4, INSN_NO_STEP },
		{ 1, { 0x10, 0x22, 0x33, 0x44 }, 4, INSN_NO_STEP }, TAIL } },
	{ "part of the tail", INSN, 5, { GUARD,
		{ 1, { 0x11, 0x22, 0x33 }, 3, INSN_NO_STEP },
		{ 2, { 0x22, 0x33, 0x44 }, 3, INSN_NO_STEP },
		{ 1, { 0x11, 0x22, 0x33, 0x44, 0x90 }, 5, INSN_NO_STEP },
		TAIL } },
	{ "tail one byte on", INSN, 5, { GUARD,
		{ 2, { 0x11, 0x22, 0x33, 0x44 }, 4, INSN_NO_STEP },
		{ 0, { 0x11, 0x22, 0x33, 0x44 }, 4, INSN_NO_STEP } } },
	{ "wrong head", INSN, 5, { GUARD, TAIL,
		{ 0, { 0xe8 }, 1, INSN_NO_STEP }, HEAD } },
	{ "all at once", INSN, 5, {
		{ 0, INSN, 5, INSN_NO_STEP }, GUARD,
		{ 0, INSN, 5, INSN_NO_STEP } } },
	{ "two bytes", { 0xeb, 0x10 }, 2, { GUARD,
		{ 1, { 0x10 }, 1, INSN_TAIL },
		{ 0, { 0xeb }, 1, INSN_HEAD } } },
	{ "two bytes, tail of INT3", { 0xeb, 0xcc }, 2, { GUARD,
		{ 1, { 0xcc }, 1, INSN_TAIL },
		{ 0, { 0xeb }, 1, INSN_HEAD } } },
	{ "six bytes", { 0x0f, 0x84, 1, 2, 3, 4 }, 6, { GUARD,
		{ 1, { 0x84, 1, 2, 3, 4 }, 5, INSN_TAIL },
		{ 0, { 0x0f }, 1, INSN_HEAD } } },
	{ "one byte", { 0x90 }, 1, { GUARD, NO_GUARD,
		{ 0, { 0x90 }, 1, INSN_HEAD } } },
	{ "INT3", { 0xcc }, 1, { GUARD, NO_GUARD } },
	{ "begins with INT3", { 0xcc, 0x11 }, 2, { GUARD,
		{ 1, { 0x11 }, 1, INSN_TAIL }, NO_GUARD } },
};

KUNIT_ARRAY_PARAM_DESC(queue, queue_rows, name);

static struct insn_queue *queue_make(struct kunit *test)
{
	struct insn_queue *queue = kunit_kzalloc(test, sizeof(*queue),
						 GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, queue);
	insn_queue_reset(queue);
	return queue;
}

static void steps_in_order(struct kunit *test)
{
	const struct queue_row *row = test->param_value;
	struct insn_queue *queue = queue_make(test);
	struct queued_insn *added, *insn;
	const struct write *w;

	added = insn_queue_add(queue, VA, row->insn, row->len);
	for (w = row->writes; w < row->writes + 5 && w->len; w++) {
		insn = NULL;
		KUNIT_EXPECT_EQ_MSG(test, w->step,
				    insn_queue_step(queue, VA + w->at, w->bytes,
						    w->len, &insn),
				    "write %td", w - row->writes);
		if (w->step == INSN_NO_STEP)
			continue;
		KUNIT_ASSERT_PTR_EQ(test, insn, added);
		KUNIT_EXPECT_EQ(test, 0,
				memcmp(insn_queue_bytes(insn, w->step),
				       w->bytes, w->len));
	}
}

static void nothing_queued(struct kunit *test)
{
	struct insn_queue *queue = queue_make(test);
	const u8 int3 = INT3;
	struct queued_insn *insn;

	KUNIT_EXPECT_EQ(test, INSN_NO_STEP,
			insn_queue_step(queue, VA, &int3, 1, &insn));
	KUNIT_EXPECT_NULL(test, insn_queue_find(queue, VA, &int3, 1));
}

static void has_until_begun(struct kunit *test)
{
	static const u8 bytes[] = INSN, other[] = { 0xe8, 0x11, 0x22, 0x33, 0x44 };
	struct insn_queue *queue = queue_make(test);
	const u8 int3 = INT3;
	struct queued_insn *added, *insn;

	added = insn_queue_add(queue, VA, bytes, 5);
	KUNIT_EXPECT_PTR_EQ(test, insn_queue_find(queue, VA, bytes, 5),
			    added);
	KUNIT_EXPECT_NULL(test, insn_queue_find(queue, VA, other, 5));
	KUNIT_EXPECT_NULL(test, insn_queue_find(queue, VA, bytes, 4));
	KUNIT_EXPECT_NULL(test, insn_queue_find(queue, VA + 1, bytes, 5));
	insn_queue_step(queue, VA, &int3, 1, &insn);
	KUNIT_EXPECT_NULL(test, insn_queue_find(queue, VA, bytes, 5));
}

/* The kernel's largest batch and one more, all guarded before the first tail. */
static void keeps_a_batch(struct kunit *test)
{
	struct insn_queue *queue = queue_make(test);
	const unsigned int nr = 257;
	const u8 int3 = INT3;
	struct queued_insn *insn;
	unsigned int round, i;
	u8 bytes[2];

	for (round = 0; round < 5; round++) {
		for (i = 0; i < nr; i++)
			insn_queue_add(queue, VA + 2 * i,
				       (u8[]){ 0xeb, i }, 2);
		for (i = 0; i < nr; i++)
			KUNIT_ASSERT_EQ(test, INSN_GUARD,
					insn_queue_step(queue, VA + 2 * i,
							&int3, 1, &insn));
		for (i = 0; i < nr; i++) {
			bytes[0] = i;
			KUNIT_ASSERT_EQ(test, INSN_TAIL,
					insn_queue_step(queue, VA + 2 * i + 1,
							bytes, 1, &insn));
		}
		bytes[0] = 0xeb;
		for (i = 0; i < nr; i++)
			KUNIT_ASSERT_EQ(test, INSN_HEAD,
					insn_queue_step(queue, VA + 2 * i,
							bytes, 1, &insn));
	}
}

/* One waits while many others are written. */
static void keeps_the_unfinished(struct kunit *test)
{
	struct insn_queue *queue = queue_make(test);
	const u8 int3 = INT3, nop = 0x90;
	struct queued_insn *insn;
	unsigned int i;

	for (i = 0; i < 256; i++)
		insn_queue_add(queue, VA + i, &nop, 1);
	for (i = 0; i < 3 * QUEUED_INSNS; i++) {
		insn_queue_add(queue, VA + 256 + i, &nop, 1);
		insn_queue_step(queue, VA + 256 + i, &int3, 1, &insn);
		KUNIT_ASSERT_EQ(test, INSN_HEAD,
				insn_queue_step(queue, VA + 256 + i, &nop, 1,
						&insn));
	}
	for (i = 0; i < 256; i++)
		KUNIT_ASSERT_EQ(test, INSN_GUARD,
				insn_queue_step(queue, VA + i, &int3, 1, &insn));
}

/* What was accepted long ago, and never written, is forgotten. */
static void forgets_the_oldest(struct kunit *test)
{
	static const u8 bytes[] = INSN;
	struct insn_queue *queue = queue_make(test);
	struct queued_insn *insn;
	const u8 int3 = INT3;
	unsigned int i;

	for (i = 0; i <= QUEUED_INSNS; i++)
		insn_queue_add(queue, VA + 8 * i, bytes, 5);
	KUNIT_EXPECT_EQ(test, INSN_NO_STEP,
			insn_queue_step(queue, VA, &int3, 1, &insn));
	for (i = 1; i <= QUEUED_INSNS; i++)
		KUNIT_EXPECT_EQ(test, INSN_GUARD,
				insn_queue_step(queue, VA + 8 * i, &int3, 1,
						&insn));
}

/* ---- against a model ---- */

#define MODEL_INSNS	24
#define MODEL_BYTES	16	/* of text: instructions overlap */

struct model_insn {
	unsigned long va;
	size_t len;
	u8 bytes[INSN_BYTES];
	enum insn_step done;
	bool gone;
};

struct model {
	struct model_insn insn[MODEL_INSNS];
	unsigned int nr;
};

static enum insn_step model_next(const struct model_insn *insn)
{
	if (insn->done == INSN_NO_STEP)
		return INSN_GUARD;
	return insn->done == INSN_GUARD && insn->len > 1 ? INSN_TAIL : INSN_HEAD;
}

static bool model_is(const struct model_insn *insn, enum insn_step step,
		     unsigned long va, const u8 *bytes, size_t len)
{
	if (insn->gone || model_next(insn) != step)
		return false;
	switch (step) {
	case INSN_GUARD:
		return va == insn->va && len == 1 && *bytes == INT3;
	case INSN_TAIL:
		return va == insn->va + 1 && len == insn->len - 1 &&
		       !memcmp(bytes, insn->bytes + 1, len);
	default:
		return va == insn->va && len == 1 && *bytes == insn->bytes[0];
	}
}

static enum insn_step model_step(struct model *model, unsigned long va,
				 const u8 *bytes, size_t len)
{
	struct model_insn *insn;
	unsigned int tail, i;
	enum insn_step step;
	bool is_tail;

	/* The newest one; what begins there before what has begun before it. */
	for (tail = 0; tail < 2; tail++) {
		for (i = model->nr; i--;) {
			insn = &model->insn[i];
			step = model_next(insn);
			is_tail = step == INSN_TAIL;
			if (is_tail != tail ||
			    !model_is(insn, step, va, bytes, len))
				continue;
			insn->done = step;
			insn->gone = step == INSN_HEAD ||
				     (insn->bytes[0] == INT3 &&
				      model_next(insn) == INSN_HEAD);
			return step;
		}
	}
	return INSN_NO_STEP;
}

/* Few different bytes, so that writes are steps often. */
static void random_bytes(struct rnd_state *rnd, u8 *bytes)
{
	static const u8 some[] = { INT3, 0xe9, 0xeb, 0x90 };
	unsigned int i;

	for (i = 0; i < INSN_BYTES; i++)
		bytes[i] = some[random_below(rnd, ARRAY_SIZE(some))];
}

static void random_write(struct rnd_state *rnd, const struct model *model,
			 struct write *w)
{
	const struct model_insn *insn;

	random_bytes(rnd, w->bytes);
	w->at = random_below(rnd, MODEL_BYTES);
	w->len = 1 + random_below(rnd, INSN_BYTES - 1);
	if (!model->nr || !random_below(rnd, 3))
		return;
	insn = &model->insn[random_below(rnd, model->nr)];
	w->at = insn->va - VA;
	w->len = 1;
	switch (random_below(rnd, 3)) {
	case 0:
		w->bytes[0] = INT3;
		break;
	case 1:
		w->bytes[0] = insn->bytes[0];
		break;
	default:
		w->at++;
		w->len = max_t(size_t, insn->len - 1, 1);
		memcpy(w->bytes, insn->bytes + 1, INSN_BYTES - 1);
	}
}

static void steps_like_the_model(struct kunit *test)
{
	struct insn_queue *queue = queue_make(test);
	struct model *model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	unsigned long round, rounds = random_rounds(2000), steps = 0;
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);
	struct queued_insn *insn;
	struct model_insn *added;
	enum insn_step want;
	struct write w;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, model);
	for (round = 0; round < rounds; round++) {
		insn_queue_reset(queue);
		memset(model, 0, sizeof(*model));
		for (i = 0; i < 200; i++) {
			if (model->nr < MODEL_INSNS && !random_below(&rnd, 6)) {
				added = &model->insn[model->nr++];
				added->va = VA + random_below(&rnd, MODEL_BYTES);
				added->len = 1 + random_below(&rnd, INSN_BYTES);
				random_bytes(&rnd, added->bytes);
				insn_queue_add(queue, added->va, added->bytes,
					       added->len);
			}
			random_write(&rnd, model, &w);
			want = model_step(model, VA + w.at, w.bytes, w.len);
			steps += want != INSN_NO_STEP;
			KUNIT_ASSERT_EQ_MSG(test, want,
					    insn_queue_step(queue, VA + w.at,
							    w.bytes, w.len,
							    &insn),
					    "seed %u, round %lu, write %u",
					    seed, round, i);
		}
	}
	KUNIT_EXPECT_GT(test, steps, rounds * 10);
}

static struct kunit_case insn_queue_cases[] = {
	KUNIT_CASE_PARAM(steps_in_order, queue_gen_params),
	KUNIT_CASE(nothing_queued),
	KUNIT_CASE(has_until_begun),
	KUNIT_CASE(keeps_a_batch),
	KUNIT_CASE(keeps_the_unfinished),
	KUNIT_CASE(forgets_the_oldest),
	KUNIT_CASE(steps_like_the_model),
	{}
};

static struct kunit_suite insn_queue_suite = {
	.name = "lvbs_live_insn_queue",
	.test_cases = insn_queue_cases,
};

kunit_test_suite(insn_queue_suite);

MODULE_LICENSE("GPL");
