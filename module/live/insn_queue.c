// SPDX-License-Identifier: GPL-2.0
/*
 * Instructions that were accepted and are being written. The kernel writes each in
 * up to three steps, and may interleave those of many: state is kept for each.
 *
 * Pure: the caller serialises. Any context.
 */
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "live/forms.h"

static struct hlist_head *bucket_of(struct insn_queue *queue, unsigned long va)
{
	return &queue->bucket[hash_long(va, ilog2(INSN_QUEUE_BUCKETS))];
}

void insn_queue_reset(struct insn_queue *queue)
{
	memset(queue, 0, sizeof(*queue));
}

/* Just this instruction, if it was accepted and not begun; or NULL. */
struct queued_insn *insn_queue_find(struct insn_queue *queue, unsigned long va,
				    const u8 *bytes, size_t len)
{
	struct queued_insn *insn;

	hlist_for_each_entry(insn, bucket_of(queue, va), node)
		if (insn->va == va && insn->len == len &&
		    insn->done == INSN_NO_STEP &&
		    same_insn(insn->bytes, bytes, len))
			return insn;
	return NULL;
}

static struct queued_insn *next_of(struct insn_queue *queue)
{
	struct queued_insn *insn = &queue->insn[queue->next];

	queue->next = (queue->next + 1) % QUEUED_INSNS;
	return insn;
}

/*
 * @len is at most INSN_BYTES. Takes the place of the oldest one that is finished: a
 * batch of jump labels may wait while any number of other instructions are written.
 * If all are unfinished, the kernel forgot the oldest.
 */
struct queued_insn *insn_queue_add(struct insn_queue *queue, unsigned long va,
				   const u8 *bytes, size_t len)
{
	struct queued_insn *insn = next_of(queue);
	unsigned int tries;

	for (tries = 1; !hlist_unhashed(&insn->node) && tries <= QUEUED_INSNS;
	     tries++)
		insn = next_of(queue);
	hlist_del_init(&insn->node);
	insn->va = va;
	insn->len = len;
	insn->done = INSN_NO_STEP;
	memcpy(insn->bytes, bytes, len);
	hlist_add_head(&insn->node, bucket_of(queue, va));
	return insn;
}

static bool guards(const struct queued_insn *insn, u8 byte)
{
	return insn->done == INSN_NO_STEP && byte == INT3;
}

static bool completes(const struct queued_insn *insn, u8 byte)
{
	return insn->done == (insn->len > 1 ? INSN_TAIL : INSN_GUARD) &&
	       byte == insn->bytes[0];
}

static bool is_tail(const struct queued_insn *insn, const u8 *bytes, size_t len)
{
	return insn->done == INSN_GUARD && len == insn->len - 1 &&
	       same_insn(bytes, insn->bytes + 1, len);
}

static void step_made(struct queued_insn *insn, enum insn_step step)
{
	insn->done = step;
	/* An instruction that begins with INT3 has no last step. */
	if (step == INSN_HEAD ||
	    (insn->bytes[0] == INT3 &&
	     step == (insn->len > 1 ? INSN_TAIL : INSN_GUARD)))
		hlist_del_init(&insn->node);
}

/*
 * The step of an accepted instruction that a write of @len bytes at @va is, which
 * counts as made afterwards; or INSN_NO_STEP. @insn remains valid while fewer than
 * QUEUED_INSNS - 257 others are added.
 */
enum insn_step insn_queue_step(struct insn_queue *queue, unsigned long va,
			       const u8 *bytes, size_t len,
			       struct queued_insn **found)
{
	struct queued_insn *insn;
	enum insn_step step;

	if (len == 1) {
		hlist_for_each_entry(insn, bucket_of(queue, va), node) {
			if (insn->va != va)
				continue;
			if (guards(insn, bytes[0]))
				step = INSN_GUARD;
			else if (completes(insn, bytes[0]))
				step = INSN_HEAD;
			else
				continue;
			goto found;
		}
	}
	hlist_for_each_entry(insn, bucket_of(queue, va - 1), node) {
		if (insn->va != va - 1 || !is_tail(insn, bytes, len))
			continue;
		step = INSN_TAIL;
		goto found;
	}
	return INSN_NO_STEP;

found:
	step_made(insn, step);
	*found = insn;
	return step;
}

/* What a step writes. */
const u8 *insn_queue_bytes(const struct queued_insn *insn, enum insn_step step)
{
	static const u8 int3 = INT3;

	switch (step) {
	case INSN_GUARD:
		return &int3;
	case INSN_TAIL:
		return insn->bytes + 1;
	default:
		return insn->bytes;
	}
}
