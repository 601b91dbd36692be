// SPDX-License-Identifier: GPL-2.0
/*
 * The front door against a naive model: random sequences of all VTL calls (a
 * million under UML with lvbs.kunit_times=20), each predicted from lists of
 * owners, sites and holders that are searched from end to end.
 *
 * VTL0 is a mock: pages that the test allocates hold a few modules, and the
 * lists, blobs and requests that it sends. Calls are valid, stale, or changed
 * in one of many ways. Ordinary writers and range locks come in between. After
 * each call, what it may have touched is compared; every now and then, all is.
 *
 * A call may have several reasons to fail, and the contract does not order
 * them: the model predicts the set of errnos. It is empty if the call succeeds.
 *
 * Epoch N of seed S is epoch 0 of seed S + N.
 */
#include <kunit/test.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include <lvbs/heki.h>
#include <lvbs/ring_buffer.h>

#include "kunit/heki/model.h"
#include "subsystems.h"

#define EPOCH_CALLS	2000UL
#define FULL_CHECK	256	/* actions from one full comparison to the next */

static long vtlcall(struct model *m, u64 id, u64 a0, u64 a1, u64 a2,
		    const struct outcome *want, const char *what)
{
	bool atomic = id == HEKI_VTLCALL_PATCH_TEXT && a2;
	u64 call = min_t(u64, id - HEKI_VTLCALL_END_OF_BOOT, CALLS - 1);
	unsigned long flags = 0;
	long ret;

	if (atomic)
		local_irq_save(flags);
	ret = lvbs_vtlcall(id, a0, a1, a2);
	if (atomic)
		local_irq_restore(flags);

	m->calls++;
	m->total++;
	m->done[call]++;
	m->succeeded[call] += ret >= 0;
	m->ambiguous += bitmap_weight(want->errnos, 128) > 1;
	MODEL_EXPECT(m, is_right(want, ret),
		     "call %#llx (%#llx, %#llx, %#llx), %s: %ld, not %*pbl", id,
		     a0, a1, a2, what, ret, 128, want->errnos);
	return ret;
}

/* ---- calls ---- */

/* After the end of boot nothing else matters. */
static void widening_outcome(const struct model *m, struct outcome *want)
{
	if (!m->boot_ended)
		return;
	bitmap_zero(want->errnos, 128);
	may_fail(want, true, -EPERM);
}

static void module_outcome(const struct model *m, const struct owner *new,
			   struct outcome *want)
{
	const struct owner *o;
	unsigned int i, j, f;

	for (i = 0; i < new->nr_ranges; i++) {
		const struct memory *range = &new->range[i];

		for (o = m->owner; o < m->owner + MODULES; o++)
			for (j = 0; o->live && j < o->nr_ranges; j++)
				may_fail(want, overlap(&o->range[j].span,
						       &range->span), -EEXIST);
		/* Patches could change what VTL0 asked to protect. */
		for (j = 0; j < m->nr_protect && is_text(range->type); j++)
			may_fail(want, overlap(&m->protect[j], &range->span),
				 -EEXIST);
		for (f = 0; f < FRAMES && is_frozen(range->type, false); f++)
			if (in_frame(&range->span, f))
				model_protect_outcome(m, f, is_text(range->type),
						      want);
	}
}

/* VTL0 loads the text of a module, as far as its memory lets it. */
static void load_text(struct model *m, const struct owner *o)
{
	unsigned int i, j;

	for (i = 0; i < o->nr_sites; i++) {
		const struct heki_site *site = &o->site[i];
		const u8 *code = one_in(m, 2) ? site->code : model_nop(site);

		if (one_in(m, 32))
			continue;	/* whatever is there */
		for (j = 0; j < site->size; j++) {
			u64 pa = site_byte(site, j);
			unsigned int f = model_frame(m, pa);

			if (!model_is_protected(m, f))
				model_put(m, f * P + pa % P, code + j, 1);
		}
	}
}

static void owner_added(struct model *m, struct owner *o, long token)
{
	u8 cur[HEKI_CODE_MAX];
	unsigned int i;

	for (i = 0; i < OWNERS; i++)
		MODEL_EXPECT(m, !m->owner[i].live || m->owner[i].token != token,
			     "token %ld is in use", token);
	*o = m->plan.owner;
	o->live = true;
	o->token = token;
	for (i = 0; i < o->nr_sites; i++) {
		model_read_site(m, &o->site[i], cur);
		o->sane[i] = model_is_state(&o->site[i], cur);
	}
}

static void plan_module(struct model *m, unsigned int module)
{
	static const enum heki_mod_mem type[] = {
		[TEXT] = HEKI_MOD_TEXT, [TEXT_2] = HEKI_MOD_TEXT,
		[INIT_TEXT] = HEKI_MOD_INIT_TEXT, [RODATA] = HEKI_MOD_RODATA,
		[RO_AFTER_INIT] = HEKI_MOD_RO_AFTER_INIT,
		[RO_AFTER_INIT_2] = HEKI_MOD_RO_AFTER_INIT,
		[DATA] = HEKI_MOD_DATA, [INIT_DATA] = HEKI_MOD_INIT_DATA,
		[INIT_RODATA] = HEKI_MOD_INIT_RODATA,
	};
	unsigned int i;

	plan_begin(m, module);
	for (i = 0; i < MODULE_FRAMES; i++)
		if (i <= RODATA || !one_in(m, 8))
			plan_memory(m, i, type[i]);
	plan_sites(m);
}

static void call_validate(struct model *m)
{
	unsigned int module = below(m, MODULES), what = below(m, 3);
	const char *name = "";
	struct outcome want = {};
	long ret;

	plan_module(m, module);
	if (what == 0)
		name = plan_change_module(m, &want);
	else if (what == 1)
		name = plan_change_blob(m, &want);
	plan_blob(m, HEKI_MOD_PATCH);
	if (what == 2)
		name = plan_change_list(m, &want);
	plan_end(m, &want);
	module_outcome(m, &m->plan.owner, &want);
	if (!m->owner[module].live)
		load_text(m, &m->plan.owner);

	ret = vtlcall(m, HEKI_VTLCALL_VALIDATE_MODULE, m->plan.pa,
		      m->plan.nranges, 0, &want, name);
	MODEL_EXPECT(m, ret, "no token");
	if (ret > 0)
		owner_added(m, &m->owner[module], ret);
	model_check_claims(m);
}

/* A token of a module, which may not be loaded, or one that is no module's. */
static u64 some_token(struct model *m, unsigned int *module)
{
	u64 token;

	*module = below(m, MODULES);
	token = m->owner[*module].token;
	if (!one_in(m, 8) && m->owner[*module].live)
		return token;
	switch (below(m, 5)) {
	case 0:
		token |= 1ULL << 32;
		break;
	case 1:
		token = m->stale;
		break;
	case 2:
		token = m->owner[MODULES].token;
		break;
	case 3:
		token = prandom_u32_state(&m->rnd);
		break;
	default:
		token = -token;
		break;
	}
	for (*module = 0; *module < MODULES; ++*module)
		if (m->owner[*module].live && m->owner[*module].token == token)
			break;
	return token;
}

static bool site_is_init(const struct model *m, unsigned int module,
			 const struct heki_site *site)
{
	return model_site_in_frame(m, site, m->frame[module][INIT_TEXT]);
}

/* Init memory is no longer the module's, nor sites that have a byte in it. */
static void owner_initialised(const struct model *m, struct owner *o,
			      unsigned int module)
{
	unsigned int i, sites = 0, ranges = 0;

	o->initialised = true;
	for (i = 0; i < o->nr_sites; i++) {
		if (site_is_init(m, module, &o->site[i]))
			continue;
		o->sane[sites] = o->sane[i];
		o->site[sites++] = o->site[i];
	}
	o->nr_sites = sites;
	for (i = 0; i < o->nr_ranges; i++)
		if (!is_init(o->range[i].type))
			o->range[ranges++] = o->range[i];
	o->nr_ranges = ranges;
}

static void call_free_init(struct model *m)
{
	unsigned int module, i, f;
	u64 token = some_token(m, &module);
	struct owner *o = &m->owner[module];
	struct outcome want = {};

	may_fail(&want, module == MODULES, -ENOENT);
	for (i = 0; module < MODULES && i < o->nr_ranges; i++)
		for (f = 0; f < FRAMES; f++)
			if (o->range[i].type == HEKI_MOD_RO_AFTER_INIT &&
			    !o->initialised && in_frame(&o->range[i].span, f))
				model_protect_outcome(m, f, false, &want);

	if (!vtlcall(m, HEKI_VTLCALL_FREE_MODULE_INIT, token, 0, 0, &want, "") &&
	    module < MODULES)
		owner_initialised(m, o, module);
	model_check_claims(m);
}

static void call_unload(struct model *m)
{
	unsigned int module;
	u64 token = some_token(m, &module);
	struct outcome want = {};

	may_fail(&want, module == MODULES, -ENOENT);
	if (!vtlcall(m, HEKI_VTLCALL_UNLOAD_MODULE, token, 0, 0, &want, "")) {
		m->owner[module].live = false;
		m->stale = token;
	}
	model_check_claims(m);
}

/* There is no call that drops a kernel's sites. */
static void drop_kernel(struct model *m, struct owner *o)
{
	if (!o->live)
		return;
	o->live = false;
	MODEL_EXPECT(m, !heki_owner_drop(HEKI_OWNER_KERNEL, o->token),
		     "no owner %ld", o->token);
}

static void call_load_kdata(struct model *m)
{
	struct owner *o = &m->owner[MODULES + below(m, KERNELS)];
	bool of_list = one_in(m, 2);
	const char *name = "";
	struct heki_patch_hit hit;
	struct outcome want = {};
	unsigned int i, f;

	drop_kernel(m, o);
	plan_begin(m, MODULES);
	if (one_in(m, 2))
		plan_range(&m->plan, 0, below(m, P), P, HEKI_KDATA_KERNEL_DATA);
	plan_sites(m);
	for (i = 0; i < m->plan.owner.nr_sites; i++) {
		const struct heki_site *site = &m->plan.owner.site[i];

		may_fail(&want, model_site_is_known(m, site), -EEXIST);
		for (f = FRAMES; f < ALL_FRAMES; f++)
			if (model_site_in_frame(m, site, f))
				model_protect_outcome(m, f, true, &want);
	}
	if (!of_list)
		name = plan_change_blob(m, &want);
	plan_blob(m, HEKI_KDATA_PATCH_INFO);
	if (of_list)
		name = plan_change_list(m, &want);
	plan_end(m, &want);
	widening_outcome(m, &want);

	if (vtlcall(m, HEKI_VTLCALL_LOAD_KDATA, m->plan.pa, m->plan.nranges, 0,
		    &want, name))
		return;
	i = heki_patch_map_find(heki_owner_map(), m->plan.owner.site[0].pa[0],
				&hit);
	MODEL_EXPECT(m, !i, "site not found");
	if (!i)
		owner_added(m, o, hit.owner);
}

/* Mostly spare frames, sometimes any, VTL1's included. */
static void plan_protect(struct model *m)
{
	unsigned int nr = 1 + below(m, 3), f, frames;
	struct plan *p = &m->plan;

	plan_begin(m, MODULES);
	while (nr--) {
		u64 attributes = below(m, 16);
		bool all = one_in(m, 4);

		if (m->nr_protect + 4 > SPANS || !one_in(m, 4))
			attributes |= HEKI_MEM_WRITE;
		f = all ? below(m, FRAMES) : SPARE + below(m, LIST - SPARE);
		frames = 1 + below(m, min(4U, (all ? FRAMES : LIST) - f));
		plan_range(p, 0, model_pa(m, f), frames * P, attributes);
		if (!(attributes & HEKI_MEM_WRITE))
			p->protect[p->nr_protect++] =
				(struct span) { f * P, frames * P };
	}
}

/* Not what is VTL1's, nor what has been protected before. */
static bool needs_protection(const struct model *m, unsigned int f)
{
	unsigned int i;

	for (i = 0; i < m->nr_protect; i++)
		if (in_frame(&m->protect[i], f))
			return false;
	return f != OWNED;
}

static void call_protect_memory(struct model *m)
{
	bool of_list = one_in(m, 2);
	struct plan *p = &m->plan;
	struct outcome want = {};
	const char *name;
	unsigned int i, f;

	plan_protect(m);
	name = of_list ? plan_change_list(m, &want) :
			 plan_change_protect(m, &want);
	plan_end(m, &want);
	for (i = 0; i < p->nr_protect; i++)
		for (f = 0; f < FRAMES; f++)
			if (in_frame(&p->protect[i], f) && needs_protection(m, f))
				model_protect_outcome(m, f, false, &want);
	widening_outcome(m, &want);

	if (!vtlcall(m, HEKI_VTLCALL_PROTECT_MEMORY, p->pa, p->nranges, 0, &want,
		     name))
		while (p->nr_protect)
			m->protect[m->nr_protect++] = p->protect[--p->nr_protect];
	model_check_claims(m);
}

/* ---- patches ---- */

/* A site, whose owner may have been dropped. */
static const struct heki_site *some_site(struct model *m)
{
	const struct owner *o;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		o = &m->owner[below(m, OWNERS)];
		if (o->nr_sites && (o->live || one_in(m, 16)))
			return &o->site[below(m, o->nr_sites)];
	}
	return NULL;
}

/* To write @code from byte @at of the site on: one byte, or the tail. */
static void make_request(const struct heki_site *site, unsigned int at,
			 const u8 *code, struct heki_site *request)
{
	*request = (struct heki_site) {
		.pa[0] = site_byte(site, at),
		.size = at ? site->size - 1 : 1,
	};
	memcpy(request->code, code, request->size);
	if (heki_page_offset(request->pa[0]) + request->size > HEKI_PAGE_SIZE)
		request->pa[1] = site->pa[1];
}

/* Mostly the next step of a patch to C or to N, sometimes any step. */
static void make_step(struct model *m, const struct heki_site *site,
		      struct heki_site *request)
{
	const u8 *code = one_in(m, 2) ? site->code : model_nop(site);
	u8 cur[HEKI_CODE_MAX];
	unsigned int step;

	model_read_site(m, site, cur);
	if (cur[0] != 0xcc)
		step = 0;
	else
		step = memcmp(cur + 1, code + 1, site->size - 1) ? 1 : 2;
	if (one_in(m, 4))
		step = below(m, 3);
	if (step == 0)
		make_request(site, 0, (u8[]) { 0xcc }, request);
	else if (step == 1)
		make_request(site, 1, code + 1, request);
	else
		make_request(site, 0, code, request);
}

static void change_request(struct model *m, struct heki_site *request)
{
	switch (below(m, 8)) {
	case 0:
		request->code[below(m, HEKI_CODE_MAX)] ^= 1 << below(m, 8);
		break;
	case 1:
		request->size = below(m, 8);
		break;
	case 2:
		request->pa[0] += below(m, 9) - 4;
		break;
	case 3:
		request->pa[1] = model_pa(m, below(m, FRAMES));
		break;
	case 4:
		request->pa[1] = round_up(request->pa[0], HEKI_PAGE_SIZE);
		break;
	case 5:
		request->pa[1] = 0;
		break;
	case 6:
		request->pa[1] += 1 + below(m, 4000);
		break;
	default:
		request->pa[0] = model_pa(m, below(m, ALL_FRAMES)) + below(m, P);
		request->pa[1] = 0;
		break;
	}
}

/* What any request must satisfy, whatever is at its address. */
static int malformed(const struct heki_site *request)
{
	u64 first = request->pa[0], second = request->pa[1];
	bool straddles = first % HEKI_PAGE_SIZE + request->size > HEKI_PAGE_SIZE;

	return !request->size || request->size > HEKI_CODE_MAX || !first ||
	       second % HEKI_PAGE_SIZE || straddles != !!second ||
	       (second && first / HEKI_PAGE_SIZE == second / HEKI_PAGE_SIZE);
}

/*
 * Writes the request to one page of VTL0's memory, or to two, of which @frame
 * is the second or 0. Sets @pa to the arguments of the call.
 */
static void place_request(struct model *m, const struct heki_site *request,
			  u64 *pa, unsigned int *frame)
{
	const unsigned int size = sizeof(struct heki_patch);
	unsigned long first = REQUEST * P + below(m, HEKI_PAGE_SIZE - size + 1);
	unsigned long second = (REQUEST + 1) * P +
			       round_down(below(m, 2 * P), HEKI_PAGE_SIZE);
	bool straddles = one_in(m, 3);
	unsigned int here = size;
	struct heki_patch wire;

	heki_patch_encode(&wire, request->pa[0], request->pa[1], request->code,
			  request->size);
	if (straddles) {
		here = 1 + below(m, size - 1);
		first = (REQUEST + 1) * P - here;
	}
	model_put(m, first, &wire, here);
	model_put(m, second, (u8 *)&wire + here, size - here);
	*frame = straddles ? second / P : 0;
	pa[0] = model_pa(m, REQUEST) + first % P;
	pa[1] = straddles ? model_pa(m, *frame) + second % P : 0;
}

/* Returns the errno that wrong addresses of a request justify, or 0. */
static int change_addresses(struct model *m, u64 *pa)
{
	bool straddles = pa[1];

	switch (below(m, 6)) {
	case 0:
		pa[0] = 0;
		return -EINVAL;
	case 1:
		pa[1] += 8;
		return -EINVAL;
	case 2:
		pa[1] = straddles ? 0 : model_pa(m, REQUEST + 1);
		return -EINVAL;
	case 3:
		if (straddles)
			pa[1] = round_down(pa[0], HEKI_PAGE_SIZE);
		return straddles ? -EEXIST : 0;
	case 4:
		return beyond(&pa[0], pa[0]);
	default:
		pa[0] = hole() + pa[0] % P;
		return -ENXIO;
	}
}

struct patch {
	struct heki_site request;
	u64 pa[2];
	unsigned int second;	/* second frame of the request, or 0 */
	bool atomic;
	/* If it is for a known site. */
	const struct heki_site *site;
	unsigned int at;
	u8 next[HEKI_CODE_MAX];
};

/* The steps of a patch, in order: the first that fails decides. */
static int patch_result(const struct model *m, struct patch *patch)
{
	if (malformed(&patch->request))
		return -EINVAL;
	patch->site = model_find_site(m, patch->request.pa[0], &patch->at);
	if (!patch->site)
		return -ENOENT;
	return model_step(m, patch->site, patch->at, &patch->request,
			  patch->next);
}

static void patch_outcome(struct model *m, struct patch *patch,
			  struct outcome *want)
{
	int err = one_in(m, 16) ? change_addresses(m, patch->pa) : 0;

	may_fail(want, err, err);
	/* Without local windows, memory cannot be mapped there. */
	may_fail(want, patch->atomic && !lvbs_vmap_manager()->local, -EBUSY);
	model_read_outcome(m, REQUEST, want);
	if (patch->second)
		model_read_outcome(m, patch->second, want);
	if (!must_succeed(want))
		return;
	err = patch_result(m, patch);
	may_fail(want, err, err);
}

/* INT3 where there is INT3. */
static bool is_retry(const struct model *m, const struct patch *patch)
{
	return patch->site && !patch->at && patch->request.code[0] == 0xcc &&
	       model_current(m, patch->site->pa[0]) == 0xcc;
}

/*
 * All that is copied is the request, the site and, unless it is a retry, what
 * is written, which is read back. The log is not written to.
 */
static void check_copied(struct model *m, const struct patch *patch, bool retry,
			 unsigned long copied)
{
	unsigned long want = sizeof(struct heki_patch) + patch->site->size +
			     (retry ? 0 : 2 * patch->request.size);

	MODEL_EXPECT(m, copied == want, "%lu bytes copied, not %lu", copied,
		     want);
}

static void patch_applied(struct model *m, const struct patch *patch)
{
	unsigned int i;

	for (i = 0; i < patch->site->size; i++)
		*model_byte(m, site_byte(patch->site, i)) = patch->next[i];
}

static bool is_kernel(const struct model *m, u64 pa)
{
	return model_frame(m, pa) >= FRAMES;
}

static void make_patch(struct model *m, const struct heki_site *site,
		       struct patch *patch)
{
	struct heki_site *request = &patch->request;

	*patch = (struct patch) { .atomic = one_in(m, 8) };
	if (site)
		make_step(m, site, request);
	if (!site || one_in(m, 4))
		change_request(m, request);
	/* Nothing may ever be written to the kernel's text. */
	if (is_kernel(m, request->pa[0]) && request->code[0] == 0xcc)
		request->code[0] = 0xcd;
	place_request(m, request, patch->pa, &patch->second);
}

static unsigned long bytes_copied(void)
{
	return phys_stat_get(lvbs_vmap_manager()->stats, PHYS_STAT_BYTES);
}

static void call_patch(struct model *m)
{
	const struct heki_site *site = some_site(m);
	struct outcome want = {};
	unsigned long copied;
	struct patch patch;
	unsigned int i;
	bool fits, retry;

	make_patch(m, site, &patch);
	patch_outcome(m, &patch, &want);
	fits = must_succeed(&want);
	if (fits && is_kernel(m, patch.request.pa[0]))
		return;

	retry = is_retry(m, &patch);
	copied = bytes_copied();
	if (!vtlcall(m, HEKI_VTLCALL_PATCH_TEXT, patch.pa[0], patch.pa[1],
		     patch.atomic ? HEKI_PATCH_VTL0_SYNCS : 0, &want, "") &&
	    fits) {
		check_copied(m, &patch, retry, bytes_copied() - copied);
		patch_applied(m, &patch);
	}
	for (i = 0; site && i < site->size; i++)
		if (!is_kernel(m, site_byte(site, i)))
			model_check_frame(m, model_frame(m, site_byte(site, i)));
}

/* ---- the other calls ---- */

static void call_end_of_boot(struct model *m)
{
	struct outcome want = {};

	if (!m->boot_ended && !one_in(m, 8))
		return;
	may_fail(&want, m->boot_ended, -EPERM);
	vtlcall(m, HEKI_VTLCALL_END_OF_BOOT, 0, 0, 0, &want, "");
	m->boot_ended = true;
}

static void call_unknown(struct model *m)
{
	static const u64 id[] = {
		0, HEKI_VTLCALL_END_OF_BOOT - 1, HEKI_VTLCALL_COPY_SECONDARY_KEY,
		HEKI_VTLCALL_KEXEC_VALIDATE, HEKI_VTLCALL_ALLOCATE_RINGBUFFER + 1,
		HEKI_VTLCALL_PATCH_TEXT + (1ULL << 32), U64_MAX,
	};
	struct outcome want = {};

	may_fail(&want, true, -ENOSYS);
	vtlcall(m, id[below(m, ARRAY_SIZE(id))], model_pa(m, LIST), 1, 0, &want,
		"");
}

static void ring_outcome(const struct model *m, const struct span *ring,
			 struct outcome *want)
{
	unsigned int f;

	may_fail(want, m->ring.bytes, -EEXIST);
	for (f = 0; f < FRAMES; f++) {
		if (!in_frame(ring, f))
			continue;
		may_fail(want, f == OWNED, -EPERM);
		may_fail(want, model_is_protected(m, f), -EROFS);
		may_fail(want, model_is_held(m, f, WRITER) ||
			 model_is_locked(m, f), -EBUSY);
	}
}

static int change_ring(struct model *m, u64 *pa, u64 *size)
{
	switch (below(m, 4)) {
	case 0:
		*size = 0;
		return -EINVAL;
	case 1:
		*size = U64_MAX - below(m, 2 * P);
		return -EOVERFLOW;
	case 2:
		*size += 1;
		*pa = U64_MAX - below(m, *size - 1);
		return -EOVERFLOW;
	default:
		*pa = hole();
		return -ENXIO;
	}
}

/* In memory that is not used for lists, blobs and requests. */
static void call_allocate_ring(struct model *m)
{
	unsigned int f = below(m, LIST - 1);
	struct span ring = { f * P + below(m, P), 1 + below(m, P) };
	u64 pa = model_pa(m, f) + ring.at % P, size = ring.bytes;
	struct outcome want = {};
	int err = one_in(m, 2) ? change_ring(m, &pa, &size) : 0;

	may_fail(&want, err, err);
	ring_outcome(m, &ring, &want);
	widening_outcome(m, &want);
	if (!vtlcall(m, HEKI_VTLCALL_ALLOCATE_RINGBUFFER, pa, size, 0, &want, ""))
		m->ring = ring;
	model_check_claims(m);
}

/* What the log wrote stays. */
static void remove_ring(struct model *m)
{
	int err = lvbs_ring_remove("vtl0");

	MODEL_EXPECT(m, err == (m->ring.bytes ? 0 : -ENOENT),
		     "removal of the ring: %d", err);
	memcpy(m->expect + m->ring.at, m->mem + m->ring.at, m->ring.bytes);
	m->ring = (struct span) {};
}

/* ---- readers, writers and locks ---- */

static int hold_begin(struct model *m, struct hold *h)
{
	struct phys_ptr ptr;
	int err;

	err = phys_ptr_init(&ptr, lvbs_vmap_manager(), model_pa(m, h->frame),
			    h->nr * P, 1);
	if (err)
		return err;
	switch (h->kind) {
	case READER:
		return phys_session_begin(&h->reader, &ptr.ro);
	case WRITER:
		return phys_write_session_begin(&h->writer, &ptr);
	case SHARED:
		return phys_lock(&h->lock, &ptr.ro, PHYS_LOCK_SHARED);
	default:
		return phys_lock(&h->lock, &ptr.ro, PHYS_LOCK_EXCLUSIVE);
	}
}

static void hold_end(struct hold *h)
{
	if (h->kind == READER)
		phys_session_end(&h->reader);
	else if (h->kind == WRITER)
		phys_write_session_end(&h->writer);
	else if (h->kind != NOBODY)
		phys_unlock(&h->lock);
	h->kind = NOBODY;
}

static void hold_outcome(const struct model *m, const struct hold *h,
			 enum hold_kind kind, struct outcome *want)
{
	unsigned int f;

	for (f = h->frame; f < h->frame + h->nr; f++) {
		if (kind == READER)
			model_read_outcome(m, f, want);
		else if (kind == WRITER)
			model_write_outcome(m, f, want);
		else
			model_lock_outcome(m, f, kind == SHARED, want);
	}
}

/* Begins or ends. Locks do not ask whose memory it is. */
static void change_hold(struct model *m)
{
	struct hold *h = &m->hold[below(m, HOLDS)];
	enum hold_kind kind = READER + below(m, 4);
	struct outcome want = {};
	int err;

	if (h->kind != NOBODY) {
		hold_end(h);
		return;
	}
	h->frame = below(m, ALL_FRAMES);
	h->nr = h->frame + 1 < FRAMES ? 1 + below(m, 2) : 1;
	if (kind >= SHARED && h->frame <= OWNED && h->frame + h->nr > OWNED)
		return;
	hold_outcome(m, h, kind, &want);
	h->kind = kind;
	err = hold_begin(m, h);
	if (err)
		h->kind = NOBODY;
	MODEL_EXPECT(m, is_right(&want, err),
		     "holder %d of %u frames from %u: %d, not %*pbl", kind, h->nr,
		     h->frame, err, 128, want.errnos);
}

static void some_write(struct model *m)
{
	model_check_write(m, below(m, ALL_FRAMES));
}

static void drop_some_kernel(struct model *m)
{
	drop_kernel(m, &m->owner[MODULES + below(m, KERNELS)]);
}

/* ---- epochs ---- */

static const struct action {
	void (*run)(struct model *m);
	unsigned int weight;	/* of 128 */
} actions[] = {
	{ call_patch, 64 },
	{ call_validate, 12 },
	{ call_free_init, 6 },
	{ call_unload, 6 },
	{ call_load_kdata, 6 },
	{ call_protect_memory, 5 },
	{ call_allocate_ring, 3 },
	{ call_unknown, 3 },
	{ call_end_of_boot, 1 },
	{ change_hold, 12 },
	{ some_write, 8 },
	{ remove_ring, 1 },
	{ drop_some_kernel, 1 },
};

static void act(struct model *m)
{
	unsigned int n = below(m, 128), i;

	for (i = 0; n >= actions[i].weight; i++)
		n -= actions[i].weight;
	actions[i].run(m);
}

static void map_modules(struct model *m)
{
	unsigned long pool[SPARE - POOL];
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(pool); i++)
		pool[i] = POOL + i;
	if (!one_in(m, 4))
		random_shuffle(&m->rnd, pool, ARRAY_SIZE(pool));
	for (i = 0; i < MODULES; i++) {
		if (i == MODULES - 1)
			random_shuffle(&m->rnd, pool, ARRAY_SIZE(pool));
		for (j = 0; j < MODULE_FRAMES; j++)
			m->frame[i][j] = pool[(i * MODULE_FRAMES + j) %
					      ARRAY_SIZE(pool)];
		for (j = 0; j < TEXT_FRAMES; j++)
			m->page[j] = pfn_to_page(model_pfn(m, m->frame[i][j]));
		m->text[i] = vmap(m->page, TEXT_FRAMES, VM_MAP, PAGE_KERNEL);
		MODEL_EXPECT(m, m->text[i], "no memory");
	}
}

static void epoch_begin(struct model *m, u32 seed)
{
	m->seed = seed;
	m->calls = 0;
	prandom_seed_state(&m->rnd, seed);
	prandom_bytes_state(&m->rnd, m->mem, FRAMES * P);
	memcpy(m->expect, m->mem, FRAMES * P);
	memset(m->owner, 0, sizeof(m->owner));
	m->stale = 0;
	m->boot_ended = false;
	vtlcall_boot_restart();
	map_modules(m);
}

/* Undoes all. Nothing may be left. */
static void epoch_end(struct model *m)
{
	unsigned int i;

	for (i = 0; i < HOLDS; i++)
		hold_end(&m->hold[i]);
	for (i = 0; i < MODULES; i++)
		if (m->owner[i].live)
			heki_owner_drop(HEKI_OWNER_MODULE, m->owner[i].token);
	for (i = 0; i < MODULES; i++)
		m->owner[i].live = false;
	for (i = MODULES; i < OWNERS; i++)
		drop_kernel(m, &m->owner[i]);
	remove_ring(m);
	heki_protect_exit();
	m->nr_protect = 0;
	model_check_all(m);
	for (i = 0; i < MODULES; i++)
		vunmap(m->text[i]);
}

static void epoch(struct model *m, u32 seed)
{
	unsigned long i;

	epoch_begin(m, seed);
	for (i = 0; !m->failed && m->calls < EPOCH_CALLS; i++) {
		act(m);
		if (i % FULL_CHECK == 0)
			model_check_all(m);
		cond_resched();
	}
	epoch_end(m);
}

/* The comparison is worth something only if all calls succeed, and fail. */
static void check_statistics(struct kunit *test, const struct model *m)
{
	unsigned int i;

	for (i = 0; i < CALLS; i++) {
		u64 id = HEKI_VTLCALL_END_OF_BOOT + i;
		bool unknown = i == CALLS - 1 ||
			       id == HEKI_VTLCALL_COPY_SECONDARY_KEY ||
			       id == HEKI_VTLCALL_KEXEC_VALIDATE;

		kunit_info(test, "call %#llx: %lu of %lu succeeded", id,
			   m->succeeded[i], m->done[i]);
		KUNIT_EXPECT_EQ(test, unknown, !m->succeeded[i]);
		KUNIT_EXPECT_LT(test, m->succeeded[i], m->done[i]);
	}
	KUNIT_EXPECT_LT(test, m->ambiguous, m->total / 8);
}

static void front_door(struct kunit *test)
{
	unsigned long calls = random_rounds(50000);
	struct model *m = test->priv;
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);

	while (!m->failed && m->total < calls)
		epoch(m, seed++);
	kunit_info(test, "%lu calls, %lu with several reasons to fail", m->total,
		   m->ambiguous);
	if (!m->failed)
		check_statistics(test, m);
}

static int model_init(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct frame_range mine, range;
	unsigned long from = 0;

	if (!m)
		return -ENOMEM;
	test->priv = m;
	m->test = test;
	m->mem = alloc_pages_exact(FRAMES * P, GFP_KERNEL);
	m->expect = vmalloc(FRAMES * P);
	m->kernel = vmalloc(KERNEL_FRAMES * P);
	if (!m->mem || !m->expect || !m->kernel)
		return -ENOMEM;
	memcpy(m->kernel, phys_to_virt(model_pa(m, FRAMES)), KERNEL_FRAMES * P);
	while (frame_set_next(ram_map_owned(), from, &range)) {
		if (m->nr_owned == ARRAY_SIZE(m->owned))
			return -ENOMEM;
		m->owned[m->nr_owned++] = range;
		from = range.last + 1;
	}
	mine.first = model_pfn(m, OWNED);
	mine.last = mine.first;
	return ram_map_add_owned(&mine, 1);
}

/* Frames cannot be disowned, so the set is restored by hand. */
static void model_exit(struct kunit *test)
{
	struct model *m = test->priv;

	if (!m)
		return;
	KUNIT_EXPECT_EQ(test, frame_set_replace(ram_map_owned(), m->owned,
						m->nr_owned), 0);
	KUNIT_EXPECT_EQ(test, ram_map_refresh(), 0);
	vtlcall_boot_restart();
	if (m->mem)
		free_pages_exact(m->mem, FRAMES * P);
	vfree(m->expect);
	vfree(m->kernel);
}

static struct kunit_case model_cases[] = {
	KUNIT_CASE(front_door),
	{}
};

static struct kunit_suite model_suite = {
	.name = "lvbs_heki_model",
	.init = model_init,
	.exit = model_exit,
	.test_cases = model_cases,
};

kunit_test_suite(model_suite);

MODULE_LICENSE("GPL");
