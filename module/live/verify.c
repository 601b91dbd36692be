// SPDX-License-Identifier: GPL-2.0
/*
 * heki/verify: the text as it is, against the text as it was first seen.
 *
 * Of each byte that differs, the kind of its instruction is looked for: where the
 * kernel's own records say that it may be patched, and to what. What no record
 * accounts for is unknown.
 *
 * One page is compared at a time, with the locks of first_seen_lock_text() held.
 */
#include <linux/err.h>
#include <linux/jump_label.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"

/* Of unknown bytes, in one line. */
#define LINE_BYTES	16

/* The kinds that text may deviate for. */
static const enum live_kind verify_kinds[] = {
	LIVE_JUMP_LABEL, LIVE_STATIC_CALL, LIVE_FTRACE, LIVE_KPROBE,
	LIVE_OPTPROBE, LIVE_ALTERNATIVE, LIVE_CALL_THUNK, LIVE_UNKNOWN,
};

struct verify_counts {
	u64 bytes;
	u64 kinds[LIVE_NR];
};

/* One open file. */
struct verify {
	loff_t pos;			/* of the page, from the start */
	u64 id;				/* of its region, or of the next one */
	size_t at;			/* offset of the page in it */
	size_t skip;			/* bytes of it judged with the page before */
	bool ended;			/* the totals are next */
	struct verify_counts total;
	/* By show(), which may run more than once for a page. */
	struct verify_counts page;
	size_t page_skip;
	u64 page_id;
};

/* An instruction whose bytes differ. */
struct deviation {
	unsigned long va;
	size_t len;
	enum live_kind kind;
};

/* ---- what the kernel's records say ---- */

static bool now_at(unsigned long va, u8 *insn, size_t len)
{
	return !copy_nofault_from(insn, (void *)va, len);
}

/*
 * An INT3, or a jump to a slot for optimised probes. The INT3 may stand over such
 * a jump.
 */
static bool find_kprobe(struct deviation *dev)
{
	u8 insn[FORM_BYTES], jump[FORM_BYTES];
	struct live_probe probe;
	unsigned long va;
	unsigned int i;

	for (i = 0; i < FORM_BYTES; i++) {
		va = dev->va - i;
		if (!live_probe_at(va, &probe) || !now_at(va, insn, FORM_BYTES))
			continue;
		memcpy(jump, insn, FORM_BYTES);
		jump[0] = FORM_JMP;
		if ((insn[0] == INT3 || insn[0] == jump[0]) && probe.slot &&
		    form_jump_target(jump, va) == probe.slot) {
			*dev = (struct deviation) {
				va, FORM_BYTES, LIVE_OPTPROBE
			};
			return true;
		}
		if (!i && insn[0] == INT3) {
			*dev = (struct deviation) { va, 1, LIVE_KPROBE };
			return true;
		}
	}
	return false;
}

static bool find_place(const struct text_region *region, struct deviation *dev)
{
	struct live_place place;
	u8 now[INSN_BYTES];

	if (!live_place_at(region, dev->va, &place) ||
	    !now_at(place.va, now, place.len) ||
	    live_place_check(&place, now, false))
		return false;
	*dev = (struct deviation) { place.va, place.len, place.kind };
	return true;
}

static bool find_module_lock(const struct text_region *region,
			     struct deviation *dev)
{
	u8 now;

	if (!region->mod || !now_at(dev->va, &now, 1) || !form_is_lock(now) ||
	    !first_seen_is_module_lock(dev->va))
		return false;
	*dev = (struct deviation) { dev->va, 1, LIVE_ALTERNATIVE };
	return true;
}

static bool find_call_thunk(const struct text_region *region,
			    struct deviation *dev)
{
	size_t len = live_call_thunk_bytes(), i;
	u8 then[LINE_BYTES], now[LINE_BYTES];

	if (!len || len > LINE_BYTES ||
	    !first_seen_bytes(region, dev->va, then, len) ||
	    !now_at(dev->va, now, len) || !live_is_call_thunk(now, dev->va))
		return false;
	for (i = 0; i < len; i++)
		if (then[i] != PADDING)
			return false;
	*dev = (struct deviation) { dev->va, len, LIVE_CALL_THUNK };
	return true;
}

/* ---- one page ---- */

/* How many bytes from @at on differ, up to the end of the page. */
static size_t run_of_unknown(const u8 *then, const u8 *now, size_t at,
			     size_t end)
{
	size_t len = 1;

	while (len < LINE_BYTES && at + len < end &&
	       then[at + len] != now[at + len])
		len++;
	return len;
}

static void judge(const struct text_region *region, struct deviation *dev)
{
	/* A probe may be on any of the others. */
	if (!find_kprobe(dev) && !find_place(region, dev) &&
	    !find_module_lock(region, dev) && !find_call_thunk(region, dev))
		dev->kind = LIVE_UNKNOWN;
}

static void show_deviation(struct seq_file *m, const struct text_region *region,
			   const struct deviation *dev)
{
	u8 then[LINE_BYTES], now[LINE_BYTES];

	if (!first_seen_bytes(region, dev->va, then, dev->len))
		memset(then, 0, dev->len);
	if (!now_at(dev->va, now, dev->len))
		memset(now, 0, dev->len);
	seq_printf(m, "0x%lx %pS %*phN %*phN %s\n", dev->va, (void *)dev->va,
		   (int)dev->len, then, (int)dev->len, now,
		   live_kind_name(dev->kind));
}

/* The text of a page as it is now; guarded by first_seen_lock_text(). */
static u8 buffer[PAGE_SIZE];

static void compare_page(struct seq_file *m, struct verify *v,
			 const struct text_region *region, size_t at)
{
	const u8 *then = region->pages[at >> PAGE_SHIFT];
	size_t end = min(region->bytes - at, PAGE_SIZE), i = v->skip;

	v->page = (struct verify_counts) { .bytes = end };
	v->page_skip = 0;
	if (copy_nofault_from(buffer, (void *)region->start + at, end)) {
		seq_printf(m, "0x%lx %pS - - unknown\n", region->start + at,
			   (void *)region->start + at);
		v->page.kinds[LIVE_UNKNOWN]++;
		return;
	}
	if (!memcmp(then, buffer, end))
		return;
	while (i < end) {
		struct deviation dev = { .va = region->start + at + i };

		if (then[i] == buffer[i]) {
			i++;
			continue;
		}
		judge(region, &dev);
		if (dev.kind == LIVE_UNKNOWN)
			dev.len = run_of_unknown(then, buffer, i, end);
		show_deviation(m, region, &dev);
		v->page.kinds[dev.kind]++;
		i = dev.va + dev.len - (region->start + at);
	}
	v->page_skip = i - end;
}

/* ---- the file ---- */

static void show_totals(struct seq_file *m, const struct verify *v)
{
	unsigned int kind, i;
	u64 nr = 0;

	for (kind = 0; kind < LIVE_NR; kind++)
		nr += v->total.kinds[kind];
	first_seen_lock_text();
	seq_printf(m, "compared: %llu\nfirst_seen: %lu\ndeviations: %llu\n",
		   v->total.bytes, first_seen_memory(), nr);
	first_seen_unlock_text();
	for (i = 0; i < ARRAY_SIZE(verify_kinds); i++)
		seq_printf(m, "%s: %llu\n", live_kind_name(verify_kinds[i]),
			   v->total.kinds[verify_kinds[i]]);
}

static void *verify_start(struct seq_file *m, loff_t *pos)
{
	struct verify *v = m->private;

	if (!*pos)
		*v = (struct verify) {};
	else if (*pos != v->pos)
		return NULL;
	return v->pos < 0 ? NULL : v;
}

static void *verify_next(struct seq_file *m, void *p, loff_t *pos)
{
	struct verify *v = p;
	unsigned int kind;

	if (v->ended) {
		v->pos = -1;
		(*pos)++;
		return NULL;
	}
	v->total.bytes += v->page.bytes;
	for (kind = 0; kind < LIVE_NR; kind++)
		v->total.kinds[kind] += v->page.kinds[kind];
	v->skip = v->page_skip;
	if (!v->page_id) {
		v->ended = true;
	} else {
		v->at = v->page_id == v->id ? v->at + PAGE_SIZE : PAGE_SIZE;
		v->id = v->page_id;
	}
	v->pos = ++*pos;
	return v;
}

static void verify_stop(struct seq_file *m, void *p)
{
}

static int verify_show(struct seq_file *m, void *p)
{
	const struct text_region *region;
	struct verify *v = p;
	size_t at = v->at;

	if (v->ended) {
		show_totals(m, v);
		return 0;
	}
	v->page = (struct verify_counts) {};
	v->page_id = 0;
	first_seen_lock_text();
	region = first_seen_from(v->id);
	if (region && region->id == v->id && at >= region->bytes)
		region = first_seen_from(v->id + 1);
	if (region && region->id != v->id) {
		at = 0;
		v->skip = 0;
	}
	if (region) {
		v->page_id = region->id;
		compare_page(m, v, region, at);
	}
	first_seen_unlock_text();
	cond_resched();
	return 0;
}

static const struct seq_operations verify_ops = {
	.start = verify_start,
	.next = verify_next,
	.stop = verify_stop,
	.show = verify_show,
};

int live_verify_open(struct inode *inode, struct file *file)
{
	int err;

	err = first_seen_complete();
	if (err)
		return err;
	return seq_open_private(file, &verify_ops, sizeof(struct verify));
}
