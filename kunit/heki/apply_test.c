// SPDX-License-Identifier: GPL-2.0
/*
 * The code between a request and the bytes: verdicts, reading back, serialising
 * cores, what changes while a site is mapped, dropping owners, and errors. Sites
 * are in pages that the test allocates; the managers' operations and some points
 * of a patch are intercepted.
 */
#include <kunit/test.h>
#include <linux/atomic.h>
#include <linux/cpumask.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include <lvbs/heki.h>

#include "heki/heki.h"
#include "kunit/param.h"
#include "phys/phys.h"
#include "phys/vmap_manager_privileged.h"

/* Kernel pages: text, init text, a request, memory that another owner has. */
#define ORDER		2
#define BYTES		(PAGE_SIZE << ORDER)
#define TEXT		0
#define INIT_TEXT	PAGE_SIZE
#define REQUEST		(2 * PAGE_SIZE)
#define OTHER		(3 * PAGE_SIZE)

/* Sites: in one page, in two, in init text, and of live mode. */
#define WHOLE		(TEXT + 64)
#define STRADDLING	(INIT_TEXT - 2)
#define INIT		(INIT_TEXT + 64)
#define LIVE		(OTHER + 32)

#define VERDICTS_BYTES	4096

/* Backwards: only init text may jump to init text. */
static const u8 jump[] = { 0xe9, 0xe0, 0xff, 0xff, 0xff };
static const u8 nop[] = { 0x0f, 0x1f, 0x44, 0, 0 };
static const u8 int3[] = { 0xcc };

struct fixture {
	struct kunit *test;
	u8 *mem;
	u64 pa;
	long id;		/* of the owner of text */
	long live;
	char verdicts[VERDICTS_BYTES];

	/* Managers; see intercept(). */
	const struct vmap_manager_ops *real;
	struct vmap_manager_ops ops;
	bool local;
	unsigned int fail_vmap;		/* the call that fails, from now; or 0 */
	unsigned int fail_protect;
	void (*mapped)(struct fixture *fix);	/* a site's page is mapped */
	struct rcu_gp_oldstate grace;	/* lifting a protection needs this period */
	unsigned int lifted, early;	/* protections; too early */

	u8 *spoil;		/* changed before it is read back */
	atomic_t synced;
	const struct replacement *row;
};

/* The one that uses the managers now. */
static struct fixture *current_fix;

static u64 pa_of(const struct fixture *fix, unsigned long at)
{
	return fix->pa + at;
}

/* ---- managers ---- */

static bool fails(unsigned int *left)
{
	return *left && !--*left;
}

static int op_vmap(struct vmap_manager *mgr, const struct phys_frames *frames,
		   unsigned int flags, struct phys_map *map)
{
	struct fixture *fix = current_fix;
	int err;

	if (fails(&fix->fail_vmap))
		return -ENOMEM;
	err = fix->real->vmap(mgr, frames, flags, map);
	if (!err && mgr == vmap_manager_privileged() && fix->mapped)
		fix->mapped(fix);
	return err;
}

/* A protection outlives the sites in its frames, and requests for them. */
static int op_protect(struct vmap_manager *mgr, struct phys_protection *prot,
		      bool on)
{
	struct fixture *fix = current_fix;
	struct heki_patch_hit hit;

	if (on && fails(&fix->fail_protect))
		return -EBUSY;
	if (!on) {
		fix->lifted++;
		fix->early += !poll_state_synchronize_rcu_full(&fix->grace);
		fix->early += !heki_patch_map_find(heki_owner_map(),
						   pa_of(fix, INIT), &hit);
	}
	return fix->real->protect(mgr, prot, on);
}

static void intercept(struct fixture *fix)
{
	fix->real = lvbs_vmap_manager()->ops;
	fix->ops = *fix->real;
	fix->ops.vmap = op_vmap;
	fix->ops.protect = op_protect;
	current_fix = fix;
	WRITE_ONCE(lvbs_vmap_manager()->ops, &fix->ops);
	WRITE_ONCE(vmap_manager_privileged()->ops, &fix->ops);
}

static void intercept_end(struct fixture *fix)
{
	if (!fix->real)
		return;
	WRITE_ONCE(lvbs_vmap_manager()->ops, fix->real);
	WRITE_ONCE(vmap_manager_privileged()->ops, fix->real);
	fix->real = NULL;
	heki_apply_hooks = (struct heki_apply_hooks) {};
}

/* ---- owners ---- */

static struct heki_site site_at(const struct fixture *fix, unsigned long at)
{
	struct heki_site site = { { pa_of(fix, at) }, sizeof(jump) };

	if (heki_len_in_page(site.pa[0], site.size) < site.size)
		site.pa[1] = PAGE_ALIGN(site.pa[0]);
	memcpy(site.code, jump, sizeof(jump));
	return site;
}

static struct heki_mem_range text_range(const struct fixture *fix,
					unsigned long at)
{
	return (struct heki_mem_range) {
		.va = (unsigned long)fix->mem + at,
		.pa = pa_of(fix, at),
		.bytes = PAGE_SIZE,
		.text = true,
		.init = at == INIT_TEXT,
		.frozen = true,
	};
}

static int add_site(struct heki_patch_batch *batch, struct fixture *fix,
		    unsigned long at)
{
	const struct heki_site site = site_at(fix, at);

	return heki_patch_batch_add(batch, &site);
}

static int add_text(struct heki_mem_map *mem, const struct fixture *fix,
		    unsigned long at)
{
	const struct heki_mem_range range = text_range(fix, at);

	return heki_mem_add(mem, &range);
}

static int fill_text(struct heki_patch_batch *batch, struct heki_mem_map *mem,
		     void *ctx)
{
	int err;

	err = add_text(mem, ctx, TEXT);
	err = err ?: add_text(mem, ctx, INIT_TEXT);
	err = err ?: add_site(batch, ctx, WHOLE);
	err = err ?: add_site(batch, ctx, STRADDLING);
	return err ?: add_site(batch, ctx, INIT);
}

static int fill_live(struct heki_patch_batch *batch, struct heki_mem_map *mem,
		     void *ctx)
{
	int err = add_text(mem, ctx, OTHER);

	return err ?: add_site(batch, ctx, LIVE);
}

static long add_owner(struct fixture *fix)
{
	return heki_owner_add(HEKI_OWNER_MODULE, NULL, fill_text, fix);
}

static int apply_init(struct kunit *test)
{
	struct fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	if (!fix)
		return -ENOMEM;
	test->priv = fix;
	fix->test = test;
	fix->local = vmap_manager_privileged()->local;
	fix->mem = (u8 *)__get_free_pages(GFP_KERNEL, ORDER);
	if (!fix->mem)
		return -ENOMEM;
	fix->pa = virt_to_phys(fix->mem);
	memset(fix->mem, 0x90, BYTES);
	memcpy(fix->mem + WHOLE, nop, 5);
	memcpy(fix->mem + STRADDLING, nop, 5);
	memcpy(fix->mem + INIT, nop, 5);
	fix->id = add_owner(fix);
	if (fix->id < 0)
		return fix->id;
	fix->live = heki_owner_add(HEKI_OWNER_LIVE, "live", fill_live, fix);
	if (fix->live < 0)
		return fix->live;
	intercept(fix);
	return 0;
}

static void apply_exit(struct kunit *test)
{
	struct fixture *fix = test->priv;

	if (!fix)
		return;
	intercept_end(fix);
	WRITE_ONCE(vmap_manager_privileged()->local, fix->local);
	if (fix->id > 0)
		heki_owner_drop(HEKI_OWNER_MODULE, fix->id);
	if (fix->live > 0)
		heki_owner_drop(HEKI_OWNER_LIVE, fix->live);
	if (fix->mem)
		free_pages((unsigned long)fix->mem, ORDER);
}

/* ---- requests ---- */

static long submit(struct fixture *fix, unsigned long at, u64 pa1,
		   const u8 *bytes, unsigned int size, u64 flags)
{
	heki_patch_encode((void *)fix->mem + REQUEST, pa_of(fix, at), pa1, bytes,
			  size);
	return heki_patch_text(pa_of(fix, REQUEST), 0, flags);
}

static long begin(struct fixture *fix, unsigned long at)
{
	return submit(fix, at, 0, int3, 1, 0);
}

/* A counter of heki/verdicts. */
static unsigned long verdict(struct fixture *fix, const char *key)
{
	struct seq_file m = { .buf = fix->verdicts, .size = VERDICTS_BYTES - 1 };
	char *at = fix->verdicts;
	size_t len = strlen(key);
	unsigned long n = 0;

	heki_verdicts_show(&m);
	KUNIT_EXPECT_FALSE(fix->test, seq_has_overflowed(&m));
	fix->verdicts[m.count] = '\0';
	for (; *at; at = strchrnul(at, '\n'), at += !!*at)
		if (!strncmp(at, key, len) && at[len] == ':')
			KUNIT_EXPECT_EQ(fix->test,
					sscanf(at + len + 1, "%lu", &n), 1);
	return n;
}

static unsigned long all_verdicts(struct fixture *fix)
{
	return verdict(fix, "accepted") + verdict(fix, "refused");
}

/* ---- verdicts ---- */

static const u8 guarded_nop[] = { 0xcc, 0x1f, 0x44, 0, 0 };
static const u8 guarded_jump[] = { 0xcc, 0xe0, 0xff, 0xff, 0xff };
static const u8 foreign[] = { 0xe8, 1, 2, 3, 4 };

static const struct verdict_row {
	const char *name;
	const u8 *cur;
	unsigned long at;	/* of the site */
	unsigned int from;	/* first byte of the request, in the site */
	const u8 *bytes;
	unsigned int size;
	long page;		/* the second page, or 0 */
	long ret;
	const char *verdict;
} verdict_rows[] = {
	{ "guard", nop, WHOLE, 0, int3, 1, 0, 0, "accepted_guard_fits" },
	{ "guard of a jump", jump, WHOLE, 0, int3, 1, 0, 0,
	  "accepted_guard_fits" },
	{ "guard again", guarded_nop, WHOLE, 0, int3, 1, 0, 0,
	  "accepted_guard_retry" },
	{ "guard, foreign", foreign, WHOLE, 0, int3, 1, 0, -EACCES,
	  "refused_guard_foreign" },
	{ "guard, second page", nop, WHOLE, 0, int3, 1, INIT_TEXT, -EINVAL,
	  "refused_none_malformed" },
	{ "tail", guarded_nop, WHOLE, 1, jump + 1, 4, 0, 0,
	  "accepted_tail_fits" },
	{ "tail again", guarded_jump, WHOLE, 1, jump + 1, 4, 0, 0,
	  "accepted_tail_fits" },
	{ "tail, unguarded", nop, WHOLE, 1, jump + 1, 4, 0, -EACCES,
	  "refused_tail_unguarded" },
	{ "tail, other bytes", guarded_nop, WHOLE, 1, foreign + 1, 4, 0, -EACCES,
	  "refused_tail_bytes" },
	{ "tail, short", guarded_nop, WHOLE, 1, jump + 1, 3, 0, -EACCES,
	  "refused_tail_size" },
	{ "tail in two pages", guarded_nop, STRADDLING, 1, jump + 1, 4,
	  INIT_TEXT, 0, "accepted_tail_fits" },
	{ "tail, other page", guarded_nop, STRADDLING, 1, jump + 1, 4, OTHER,
	  -EACCES, "refused_tail_page" },
	{ "head", guarded_jump, WHOLE, 0, jump, 1, 0, 0, "accepted_head_fits" },
	{ "head of a nop", guarded_nop, WHOLE, 0, nop, 1, 0, 0,
	  "accepted_head_fits" },
	{ "head, other tail", guarded_nop, WHOLE, 0, jump, 1, 0, -EACCES,
	  "refused_head_mix" },
	{ "head, unguarded", nop, WHOLE, 0, jump, 1, 0, -EACCES,
	  "refused_head_unguarded" },
	{ "head, other byte", guarded_nop, WHOLE, 0, foreign, 1, 0, -EACCES,
	  "refused_head_bytes" },
	{ "all at once", nop, WHOLE, 0, jump, 5, 0, -EACCES,
	  "refused_none_size" },
	{ "in the middle", nop, WHOLE, 2, jump, 1, 0, -EACCES,
	  "refused_none_address" },
	{ "after the site", nop, WHOLE, 5, int3, 1, 0, -ENOENT,
	  "refused_none_no-site" },
	{ "no bytes", nop, WHOLE, 0, int3, 0, 0, -EINVAL,
	  "refused_none_malformed" },
	{ "live mode's", nop, LIVE, 0, int3, 1, 0, -EBUSY,
	  "refused_none_live" },
};

KUNIT_ARRAY_PARAM_DESC(verdict, verdict_rows, name);

/* The result, the counter, and the bytes: the site's, and all others. */
static void verdicts(struct kunit *test)
{
	const struct verdict_row *row = test->param_value;
	struct fixture *fix = test->priv;
	unsigned long was, all;
	u8 *expect;

	expect = kunit_kzalloc(test, BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, expect);
	memcpy(fix->mem + row->at, row->cur, 5);
	heki_patch_encode((void *)fix->mem + REQUEST,
			  pa_of(fix, row->at + row->from),
			  row->page ? pa_of(fix, row->page) : 0, row->bytes,
			  row->size);
	memcpy(expect, fix->mem, BYTES);
	if (!row->ret)
		memcpy(expect + row->at + row->from, row->bytes, row->size);

	was = verdict(fix, row->verdict);
	all = all_verdicts(fix);
	KUNIT_EXPECT_EQ(test, heki_patch_text(pa_of(fix, REQUEST), 0, 0),
			row->ret);
	KUNIT_EXPECT_EQ_MSG(test, verdict(fix, row->verdict), was + 1, "%s",
			    row->verdict);
	KUNIT_EXPECT_EQ(test, all_verdicts(fix), all + 1);
	KUNIT_EXPECT_EQ(test, memcmp(fix->mem, expect, BYTES), 0);
}

/* Live mode: requests for its own sites, and none for others. */
static void live_requests(struct kunit *test)
{
	struct fixture *fix = test->priv;
	struct heki_request request = {
		.pa = { pa_of(fix, WHOLE) },
		.size = 1,
		.bytes = { 0xcc },
	};
	unsigned long all = all_verdicts(fix);

	memcpy(fix->mem + LIVE, nop, 5);
	KUNIT_EXPECT_EQ(test, heki_patch_live(&request), (long)-ENOENT);
	KUNIT_EXPECT_EQ(test, all_verdicts(fix), all);
	KUNIT_EXPECT_EQ(test, memcmp(fix->mem + WHOLE, nop, 5), 0);

	request.pa[0] = pa_of(fix, LIVE);
	KUNIT_EXPECT_EQ(test, heki_patch_live(&request), 0L);
	KUNIT_EXPECT_EQ(test, memcmp(fix->mem + LIVE, guarded_nop, 5), 0);
	KUNIT_EXPECT_EQ(test, all_verdicts(fix), all + 1);
}

/* What VTL0's memory holds must be what live mode put there. */
static const struct received_row {
	const char *name;
	long pa, pa1;	/* added to the site's address; the second page */
	const u8 *bytes;
	unsigned int size;
	int ret;
} received_rows[] = {
	{ "the same", 0, 0, guarded_nop, 2, 0 },
	{ "other bytes", 0, 0, nop, 2, -EAGAIN },
	{ "another last byte", 0, 0, guarded_jump, 2, -EAGAIN },
	{ "another address", 1, 0, guarded_nop, 2, -EAGAIN },
	{ "shorter", 0, 0, guarded_nop, 1, -EAGAIN },
	{ "longer", 0, 0, guarded_nop, 3, -EAGAIN },
	{ "malformed", 0, 0, guarded_nop, 6, -EAGAIN },
	{ "in two pages", 0, INIT_TEXT, guarded_nop, 2, -EAGAIN },
};

KUNIT_ARRAY_PARAM_DESC(received, received_rows, name);

static void received_requests(struct kunit *test)
{
	const struct received_row *row = test->param_value;
	struct fixture *fix = test->priv;
	const struct phys_frames frame = {
		.first = PHYS_PFN(pa_of(fix, REQUEST)), .nr = 1,
	};
	struct heki_request request = {};
	struct phys_window slot;
	struct heki_patch made;

	heki_patch_encode(&made, pa_of(fix, LIVE), 0, guarded_nop, 2);
	KUNIT_ASSERT_EQ(test, phys_window_begin(&slot, lvbs_vmap_manager(),
						&frame, 0), 0);
	heki_patch_encode((void *)fix->mem + REQUEST, pa_of(fix, LIVE) + row->pa,
			  row->pa1 ? pa_of(fix, row->pa1) : 0, row->bytes,
			  row->size);
	KUNIT_EXPECT_EQ(test, heki_request_receive(&slot, &made, &request),
			row->ret);
	phys_window_end(&slot);
	if (row->ret)
		return;
	KUNIT_EXPECT_EQ(test, (u64)request.pa[0], pa_of(fix, LIVE));
	KUNIT_EXPECT_EQ(test, (u64)request.pa[1], 0ULL);
	KUNIT_EXPECT_EQ(test, request.size, 2);
	KUNIT_EXPECT_EQ(test, memcmp(request.bytes, guarded_nop, 2), 0);
}

/* ---- what is written ---- */

static void spoil(void *ctx)
{
	struct fixture *fix = ctx;

	*fix->spoil ^= 1;
}

/* Each byte of a write is read back. */
static void bytes_are_read_back(struct kunit *test)
{
	static const unsigned long sites[] = { WHOLE, STRADDLING };
	struct fixture *fix = test->priv;
	unsigned long guards = verdict(fix, "refused_guard_unreachable");
	unsigned long tails = verdict(fix, "refused_tail_unreachable");
	unsigned long accepted;
	unsigned int i, at;

	accepted = verdict(fix, "accepted");
	heki_apply_hooks = (struct heki_apply_hooks) {
		.written = spoil,
		.ctx = fix,
	};
	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		u8 *site = fix->mem + sites[i];
		u64 page = sites[i] == STRADDLING ? pa_of(fix, INIT_TEXT) : 0;

		fix->spoil = site;
		KUNIT_EXPECT_EQ(test, begin(fix, sites[i]), (long)-EFAULT);
		for (at = 1; at < 5; at++) {
			memcpy(site, guarded_nop, 5);
			fix->spoil = site + at;
			KUNIT_EXPECT_EQ_MSG(test,
					    submit(fix, sites[i] + 1, page,
						   jump + 1, 4, 0),
					    (long)-EFAULT, "byte %u", at);
		}
		/* Not what is written. */
		memcpy(site, guarded_jump, 5);
		fix->spoil = site + 1;
		KUNIT_EXPECT_EQ(test, submit(fix, sites[i], 0, jump, 1, 0), 0L);
	}
	/* A failure is not counted as accepted. */
	KUNIT_EXPECT_EQ(test, verdict(fix, "accepted") - accepted, 2UL);
	KUNIT_EXPECT_EQ(test, verdict(fix, "refused_guard_unreachable") - guards,
			2UL);
	KUNIT_EXPECT_EQ(test, verdict(fix, "refused_tail_unreachable") - tails,
			8UL);
}

static void count_core(void *ctx)
{
	struct fixture *fix = ctx;

	atomic_inc(&fix->synced);
}

/* The cores that were serialised since the last call. */
static unsigned int cores(struct fixture *fix)
{
	return atomic_xchg(&fix->synced, 0);
}

/* All cores once for each write, and for nothing else. */
static void cores_are_serialised(struct kunit *test)
{
	struct fixture *fix = test->priv;
	unsigned long flags;
	long ret;

	heki_apply_hooks = (struct heki_apply_hooks) {
		.synced = count_core,
		.ctx = fix,
	};
	KUNIT_EXPECT_EQ(test, begin(fix, WHOLE), 0L);
	KUNIT_EXPECT_EQ(test, cores(fix), num_online_cpus());
	/* Nothing to write. */
	KUNIT_EXPECT_EQ(test, begin(fix, WHOLE), 0L);
	KUNIT_EXPECT_EQ(test, cores(fix), 0U);
	KUNIT_EXPECT_EQ(test, submit(fix, WHOLE + 1, 0, jump + 1, 4, 0), 0L);
	KUNIT_EXPECT_EQ(test, cores(fix), num_online_cpus());
	/* Refused. */
	KUNIT_EXPECT_EQ(test, submit(fix, WHOLE, 0, nop, 1, 0), (long)-EACCES);
	KUNIT_EXPECT_EQ(test, cores(fix), 0U);
	/* VTL0 does it. */
	KUNIT_EXPECT_EQ(test, submit(fix, WHOLE, 0, jump, 1,
				     HEKI_PATCH_VTL0_SYNCS), 0L);
	KUNIT_EXPECT_EQ(test, cores(fix), 0U);

	/* Nobody can be waited for; without local windows nothing is mapped. */
	local_irq_save(flags);
	ret = begin(fix, WHOLE);
	local_irq_restore(flags);
	KUNIT_EXPECT_EQ(test, ret, fix->local ? 0L : (long)-EBUSY);
	KUNIT_EXPECT_EQ(test, cores(fix), 0U);
}

/* ---- what changes while a site's pages are mapped ---- */

static const struct replacement {
	const char *name;
	int owner;		/* added to the owner's id */
	int start;		/* of the site, added to its address */
	long second;		/* second page, or 0 for the same */
	unsigned int size;
	long ret;
} replacement_rows[] = {
	{ "the same", 0, 0, 0, 5, 0 },
	{ "none", 0, 0, 0, 0, -ENOENT },
	{ "another owner", 1, 0, 0, 5, -ENOENT },
	{ "another start", 0, -1, 0, 5, -ENOENT },
	{ "another second page", 0, 0, REQUEST, 5, -ENOENT },
	{ "another size", 0, 0, 0, 3, -ENOENT },
	{ "in one page", 0, 0, 0, 2, -ENOENT },
};

KUNIT_ARRAY_PARAM_DESC(replacement, replacement_rows, name);

static void replace_site(struct fixture *fix)
{
	const struct replacement *row = fix->row;
	struct heki_site site = site_at(fix, STRADDLING + row->start);
	struct heki_patch_batch batch;

	fix->mapped = NULL;
	heki_patch_map_drop_frames(heki_owner_map(), fix->id,
				   heki_frame(pa_of(fix, STRADDLING)),
				   heki_frame(pa_of(fix, INIT_TEXT)));
	if (!row->size)
		return;
	if (row->second)
		site.pa[1] = pa_of(fix, row->second);
	site.size = row->size;
	memset(site.code + site.size, 0, HEKI_CODE_MAX - site.size);
	if (row->size == 2)
		site.pa[1] = 0;
	heki_patch_batch_begin(&batch, heki_owner_map(), fix->id + row->owner);
	KUNIT_EXPECT_EQ(fix->test, heki_patch_batch_add(&batch, &site), 0);
	KUNIT_EXPECT_EQ(fix->test, heki_patch_batch_commit(&batch), 0);
}

/* Under the lock the site must be the one that was mapped, in all it is. */
static void replaced_while_mapped(struct kunit *test)
{
	struct fixture *fix = test->priv;
	u8 expect[5];

	fix->row = test->param_value;
	memcpy(expect, fix->row->ret ? nop : guarded_nop, 5);
	/* With local windows it is mapped under the lock. */
	WRITE_ONCE(vmap_manager_privileged()->local, false);
	fix->mapped = replace_site;
	KUNIT_EXPECT_EQ(test, begin(fix, STRADDLING), fix->row->ret);
	KUNIT_EXPECT_PTR_EQ(test, (void *)fix->mapped, NULL);
	KUNIT_EXPECT_EQ(test, memcmp(fix->mem + STRADDLING, expect, 5), 0);
	heki_patch_map_drop_frames(heki_owner_map(), fix->id + fix->row->owner,
				   heki_frame(pa_of(fix, TEXT)),
				   heki_frame(pa_of(fix, BYTES - 1)));
}

/* ---- dropping ---- */

static int drop_one(struct fixture *fix)
{
	return heki_owner_drop(HEKI_OWNER_MODULE, fix->id);
}

static int drop_kind(struct fixture *fix)
{
	heki_owners_drop(HEKI_OWNER_MODULE);
	return 0;
}

static int drop_evicted(struct fixture *fix)
{
	heki_modules_evict(pa_of(fix, INIT_TEXT) + 8, 1);
	return 0;
}

static int drop_init(struct fixture *fix)
{
	return heki_owner_free_init(fix->id);
}

static const struct drop_row {
	const char *name;
	int (*drop)(struct fixture *fix);
	bool all;
} drop_rows[] = {
	{ "one", drop_one, true },
	{ "all of a kind", drop_kind, true },
	{ "evicted", drop_evicted, true },
	{ "init text", drop_init, false },
};

KUNIT_ARRAY_PARAM_DESC(drop, drop_rows, name);

/* Protections end after the sites, and after all readers that may have one. */
static void drop_waits_for_readers(struct kunit *test)
{
	const struct drop_row *row = test->param_value;
	struct fixture *fix = test->priv;
	unsigned int round;

	for (round = 0; round < 20; round++) {
		fix->lifted = 0;
		fix->early = 0;
		/* Until the end of boot, grace periods are expedited. */
		get_state_synchronize_rcu_full(&fix->grace);
		KUNIT_EXPECT_EQ(test, row->drop(fix), 0);
		KUNIT_EXPECT_GT(test, fix->lifted, 0U);
		KUNIT_EXPECT_EQ(test, fix->early, 0U);
		KUNIT_EXPECT_EQ(test, begin(fix, WHOLE),
				row->all ? (long)-ENOENT : 0L);
		KUNIT_EXPECT_EQ(test, begin(fix, INIT), (long)-ENOENT);
		KUNIT_EXPECT_EQ(test, heki_owner_drop(HEKI_OWNER_MODULE, fix->id),
				row->all ? -ENOENT : 0);
		memcpy(fix->mem + WHOLE, nop, 5);
		fix->id = add_owner(fix);
		KUNIT_ASSERT_GT(test, fix->id, 0L);
	}
}

/* ---- errors ---- */

static int write_byte(struct fixture *fix, unsigned long at)
{
	u8 byte = fix->mem[at];

	return phys_write_obj_at(lvbs_vmap_manager(), pa_of(fix, at), &byte);
}

/* A request, or a site, that cannot be mapped. */
static void mapping_fails(struct kunit *test)
{
	static const unsigned long sites[] = { WHOLE, STRADDLING };
	struct fixture *fix = test->priv;
	unsigned int i, nth;
	long ret;

	for (i = 0; i < ARRAY_SIZE(sites); i++) {
		memcpy(fix->mem + sites[i], nop, 5);
		for (nth = 1; nth < 10; nth++) {
			unsigned long malformed =
				verdict(fix, "refused_none_malformed");
			unsigned long unreachable =
				verdict(fix, "refused_none_unreachable");

			fix->fail_vmap = nth;
			ret = begin(fix, sites[i]);
			if (fix->fail_vmap)
				break;
			/* The request is the first to be mapped. */
			KUNIT_EXPECT_EQ(test, ret, (long)-ENOMEM);
			KUNIT_EXPECT_EQ(test, malformed + (nth == 1),
					verdict(fix, "refused_none_malformed"));
			KUNIT_EXPECT_EQ(test, unreachable + (nth > 1),
					verdict(fix, "refused_none_unreachable"));
			KUNIT_EXPECT_EQ(test, fix->mem[sites[i]], nop[0]);
		}
		KUNIT_EXPECT_GT(test, nth, 2U);
		KUNIT_EXPECT_EQ(test, ret, 0L);
		KUNIT_EXPECT_EQ(test, fix->mem[sites[i]], int3[0]);
		fix->fail_vmap = 0;
	}
}

/* An owner is added with all of its protections or not at all. */
static void protecting_fails(struct kunit *test)
{
	struct fixture *fix = test->priv;
	unsigned int nth;
	long id;

	KUNIT_ASSERT_EQ(test, drop_one(fix), 0);
	for (nth = 1; nth < 10; nth++) {
		fix->fail_protect = nth;
		id = add_owner(fix);
		if (fix->fail_protect)
			break;
		KUNIT_EXPECT_EQ(test, id, (long)-EBUSY);
		KUNIT_EXPECT_EQ(test, begin(fix, WHOLE), (long)-ENOENT);
		KUNIT_EXPECT_EQ(test, write_byte(fix, TEXT), 0);
		KUNIT_EXPECT_EQ(test, write_byte(fix, INIT_TEXT), 0);
	}
	fix->fail_protect = 0;
	fix->id = id;
	KUNIT_EXPECT_GT(test, nth, 1U);
	KUNIT_EXPECT_GT(test, id, 0L);
	KUNIT_EXPECT_EQ(test, begin(fix, WHOLE), 0L);
	KUNIT_EXPECT_EQ(test, write_byte(fix, TEXT), -EROFS);
	KUNIT_EXPECT_EQ(test, write_byte(fix, INIT_TEXT), -EROFS);
}

/* ---- calls ---- */

static const struct call_row {
	u64 id;
	long before;	/* with arguments that no call accepts */
	long after;	/* END_OF_BOOT */
} call_rows[] = {
	{ 0, -ENOSYS, -ENOSYS },
	{ HEKI_VTLCALL_END_OF_BOOT - 1, -ENOSYS, -ENOSYS },
	{ HEKI_VTLCALL_PROTECT_MEMORY, -EINVAL, -EPERM },
	{ HEKI_VTLCALL_LOAD_KDATA, -EINVAL, -EPERM },
	{ HEKI_VTLCALL_VALIDATE_MODULE, -EINVAL, -EINVAL },
	{ HEKI_VTLCALL_FREE_MODULE_INIT, -ENOENT, -ENOENT },
	{ HEKI_VTLCALL_UNLOAD_MODULE, -ENOENT, -ENOENT },
	{ HEKI_VTLCALL_COPY_SECONDARY_KEY, -ENOSYS, -ENOSYS },
	{ HEKI_VTLCALL_KEXEC_VALIDATE, -ENOSYS, -ENOSYS },
	{ HEKI_VTLCALL_PATCH_TEXT, -EINVAL, -EINVAL },
	{ HEKI_VTLCALL_ALLOCATE_RINGBUFFER, -EINVAL, -EPERM },
	{ HEKI_VTLCALL_ALLOCATE_RINGBUFFER + 1, -ENOSYS, -ENOSYS },
	{ U64_MAX, -ENOSYS, -ENOSYS },
};

static void expect_calls(struct kunit *test, bool ended)
{
	struct fixture *fix = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(call_rows); i++) {
		const struct call_row *row = &call_rows[i];

		KUNIT_EXPECT_EQ_MSG(test,
				    lvbs_vtlcall(row->id,
						 pa_of(fix, REQUEST) + 1, 0, 0),
				    ended ? row->after : row->before,
				    "call %#llx, boot ended: %d", row->id,
				    ended);
	}
}

static void end_of_boot(struct kunit *test)
{
	expect_calls(test, false);
	KUNIT_EXPECT_FALSE(test, vtlcall_boot_ended());
	KUNIT_EXPECT_EQ(test, lvbs_vtlcall(HEKI_VTLCALL_END_OF_BOOT, 0, 0, 0),
			0L);
	KUNIT_EXPECT_TRUE(test, vtlcall_boot_ended());
	expect_calls(test, true);
	KUNIT_EXPECT_EQ(test, lvbs_vtlcall(HEKI_VTLCALL_END_OF_BOOT, 0, 0, 0),
			(long)-EPERM);
	KUNIT_EXPECT_EQ(test, vtlcall_widen_begin(), -EPERM);
	vtlcall_boot_restart();
}

static struct kunit_case apply_cases[] = {
	KUNIT_CASE_PARAM(verdicts, verdict_gen_params),
	KUNIT_CASE(live_requests),
	KUNIT_CASE_PARAM(received_requests, received_gen_params),
	KUNIT_CASE(bytes_are_read_back),
	KUNIT_CASE(cores_are_serialised),
	KUNIT_CASE_PARAM(replaced_while_mapped, replacement_gen_params),
	KUNIT_CASE_PARAM(drop_waits_for_readers, drop_gen_params),
	KUNIT_CASE(mapping_fails),
	KUNIT_CASE(protecting_fails),
	KUNIT_CASE(end_of_boot),
	{}
};

static struct kunit_suite apply_suite = {
	.name = "lvbs_heki_apply",
	.init = apply_init,
	.exit = apply_exit,
	.test_cases = apply_cases,
};

kunit_test_suite(apply_suite);

MODULE_LICENSE("GPL");
