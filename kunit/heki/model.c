// SPDX-License-Identifier: GPL-2.0
/*
 * What the model knows: the bytes of the mock memory, what is true of each
 * frame, and the sites. Everything is searched from end to end.
 */
#include <linux/io.h>
#include <linux/pfn.h>
#include <linux/string.h>

#include "kunit/heki/model.h"

/* ---- addresses ---- */

unsigned long model_pfn(const struct model *m, unsigned int f)
{
	if (f >= FRAMES)
		return PFN_UP(kernel_image_text().pa) + f - FRAMES;
	return PHYS_PFN(virt_to_phys(m->mem)) + f;
}

u64 model_pa(const struct model *m, unsigned int f)
{
	return PFN_PHYS((u64)model_pfn(m, f));
}

/* Returns ALL_FRAMES if @pa is in none of them. */
unsigned int model_frame(const struct model *m, u64 pa)
{
	unsigned int f;

	for (f = 0; f < ALL_FRAMES; f++)
		if (model_pfn(m, f) == pa >> PAGE_SHIFT)
			break;
	return f;
}

/* The byte at @pos of the text of @module, or of the kernel. */
u64 model_text_pa(const struct model *m, unsigned int module, u64 pos)
{
	unsigned int f = FRAMES + pos / P;

	if (module < MODULES)
		f = m->frame[module][pos / P];
	return model_pa(m, f) + pos % P;
}

/* The model's idea of a byte; NULL if it is not of the mock memory. */
u8 *model_byte(struct model *m, u64 pa)
{
	unsigned int f = model_frame(m, pa);

	return f < FRAMES ? &m->expect[f * P + pa % P] : NULL;
}

u8 model_current(const struct model *m, u64 pa)
{
	unsigned int f = model_frame(m, pa);

	return f < FRAMES ? m->mem[f * P + pa % P] :
			    *(u8 *)phys_to_virt(pa);
}

/* VTL0 writes its memory. */
void model_put(struct model *m, unsigned long at, const void *bytes,
	       size_t len)
{
	memcpy(m->mem + at, bytes, len);
	memcpy(m->expect + at, bytes, len);
}

/* ---- the state of frames ---- */

static bool owner_protects(const struct owner *o, unsigned int f)
{
	unsigned int i;

	for (i = 0; o->live && i < o->nr_ranges; i++)
		if (is_frozen(o->range[i].type, o->initialised) &&
		    in_frame(&o->range[i].span, f))
			return true;
	return false;
}

static bool is_ring(const struct model *m, unsigned int f)
{
	return in_frame(&m->ring, f);
}

bool model_is_protected(const struct model *m, unsigned int f)
{
	bool protected = f >= FRAMES || is_ring(m, f);
	unsigned int i;

	for (i = 0; i < m->nr_protect; i++)
		protected |= in_frame(&m->protect[i], f);
	for (i = 0; i < OWNERS; i++)
		protected |= owner_protects(&m->owner[i], f);
	return protected;
}

bool model_site_in_frame(const struct model *m, const struct heki_site *site,
			 unsigned int f)
{
	unsigned int i;

	for (i = 0; i < site->size; i++)
		if (model_frame(m, site_byte(site, i)) == f)
			return true;
	return false;
}

/* The text of a module may be patched, and the kernel's where it has sites. */
static bool is_patched(const struct model *m, unsigned int f)
{
	const struct owner *o;
	unsigned int i;

	for (o = m->owner; o < m->owner + OWNERS; o++) {
		for (i = 0; o->live && i < o->nr_ranges; i++)
			if (is_text(o->range[i].type) &&
			    in_frame(&o->range[i].span, f))
				return true;
		for (i = 0; o->live && i < o->nr_sites; i++)
			if (model_site_in_frame(m, &o->site[i], f))
				return true;
	}
	return false;
}

bool model_is_held(const struct model *m, unsigned int f, enum hold_kind kind)
{
	const struct hold *h;

	for (h = m->hold; h < m->hold + HOLDS; h++)
		if (h->kind == kind && f >= h->frame && f < h->frame + h->nr)
			return true;
	return false;
}

bool model_is_locked(const struct model *m, unsigned int f)
{
	return model_is_held(m, f, SHARED) || model_is_held(m, f, EXCLUSIVE);
}

void model_read_outcome(const struct model *m, unsigned int f,
			struct outcome *want)
{
	may_fail(want, f == OWNED, -EPERM);
	may_fail(want, model_is_held(m, f, EXCLUSIVE), -EBUSY);
}

void model_write_outcome(const struct model *m, unsigned int f,
			 struct outcome *want)
{
	model_read_outcome(m, f, want);
	may_fail(want, model_is_held(m, f, SHARED), -EBUSY);
	may_fail(want, model_is_protected(m, f), -EROFS);
}

void model_protect_outcome(const struct model *m, unsigned int f,
			   bool for_sites, struct outcome *want)
{
	may_fail(want, model_is_held(m, f, WRITER) || is_ring(m, f), -EBUSY);
	may_fail(want, for_sites && model_is_locked(m, f), -EBUSY);
}

void model_lock_outcome(const struct model *m, unsigned int f, bool shared,
			struct outcome *want)
{
	may_fail(want, model_is_held(m, f, WRITER) ||
		 model_is_held(m, f, EXCLUSIVE) || is_patched(m, f) ||
		 is_ring(m, f), -EBUSY);
	may_fail(want, !shared && (model_is_held(m, f, READER) ||
				   model_is_held(m, f, SHARED)), -EBUSY);
}

/* ---- sites ---- */

const u8 *model_nop(const struct heki_site *site)
{
	static const u8 nop2[] = { 0x66, 0x90 };
	static const u8 nop5[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

	return site->size == 2 ? nop2 : nop5;
}

/* C, N, or INT3 and the tail of either. */
bool model_is_state(const struct heki_site *site, const u8 *cur)
{
	unsigned int from = cur[0] == 0xcc, len = site->size - from;

	return !memcmp(cur + from, site->code + from, len) ||
	       !memcmp(cur + from, model_nop(site) + from, len);
}

void model_read_site(const struct model *m, const struct heki_site *site,
		     u8 *cur)
{
	unsigned int i;

	for (i = 0; i < site->size; i++)
		cur[i] = model_current(m, site_byte(site, i));
}

/* The known site that has a byte at @pa; @at is the byte's number. */
const struct heki_site *model_find_site(const struct model *m, u64 pa,
					unsigned int *at)
{
	const struct owner *o;
	unsigned int i;

	for (o = m->owner; o < m->owner + OWNERS; o++)
		for (i = 0; o->live && i < o->nr_sites; i++)
			for (*at = 0; *at < o->site[i].size; ++*at)
				if (site_byte(&o->site[i], *at) == pa)
					return &o->site[i];
	return NULL;
}

bool model_site_is_known(const struct model *m, const struct heki_site *site)
{
	unsigned int i, at;

	for (i = 0; i < site->size; i++)
		if (model_find_site(m, site_byte(site, i), &at))
			return true;
	return false;
}

/*
 * A step leads from a legal state to a legal state. It begins at the first byte
 * or at the second, and all but the first step start at INT3.
 */
int model_step(const struct model *m, const struct heki_site *site,
	       unsigned int at, const struct heki_site *request, u8 *next)
{
	unsigned int i, size = at ? site->size - 1 : 1;
	u8 cur[HEKI_CODE_MAX];

	if (at > 1 || request->size != size)
		return -EACCES;
	for (i = 0; i < size; i++)
		if (site_byte(request, i) != site_byte(site, at + i))
			return -EACCES;
	model_read_site(m, site, cur);
	memcpy(next, cur, site->size);
	memcpy(next + at, request->code, size);
	if (!model_is_state(site, cur) || !model_is_state(site, next))
		return -EACCES;
	return cur[0] == 0xcc || next[0] == 0xcc ? 0 : -EACCES;
}

/* ---- comparing ---- */

void model_check_frame(struct model *m, unsigned int f)
{
	/* The log writes to its ring at any time. */
	if (is_ring(m, f))
		return;
	MODEL_EXPECT(m, !memcmp(m->mem + f * P, m->expect + f * P, P),
		     "contents of frame %u differ", f);
}

/* An ordinary writer: its result and its effect. Kernel text is not changed. */
void model_check_write(struct model *m, unsigned int f)
{
	u64 pa = model_pa(m, f) + below(m, P);
	u8 *byte = model_byte(m, pa), value = byte ? below(m, 256) :
					   model_current(m, pa);
	struct outcome want = {};
	int err;

	model_write_outcome(m, f, &want);
	err = phys_write_obj_at(lvbs_vmap_manager(), pa, &value);
	MODEL_EXPECT(m, is_right(&want, err), "write to frame %u: %d, not %*pbl",
		     f, err, 128, want.errnos);
	if (!err && byte)
		*byte = value;
}

/* What an ordinary writer would meet in each frame, without the writing. */
void model_check_claims(struct model *m)
{
	unsigned int f;
	int err;

	for (f = 0; f < ALL_FRAMES; f++) {
		struct phys_frames frame = { .first = model_pfn(m, f), .nr = 1 };
		struct outcome want = {};

		if (f == OWNED)
			continue;
		model_write_outcome(m, f, &want);
		err = phys_claim_check(lvbs_vmap_manager()->claims,
				       PHYS_CLAIM_WRITE, NULL, &frame);
		MODEL_EXPECT(m, is_right(&want, err),
			     "writers of frame %u would get %d, not %*pbl", f,
			     err, 128, want.errnos);
	}
}

/* Does the model know exactly this site of this owner? */
static bool same_site(const struct model *m, const struct heki_patch_hit *hit)
{
	const struct owner *o;
	unsigned int i;

	for (o = m->owner; o < m->owner + OWNERS; o++)
		for (i = 0; o->live && i < o->nr_sites; i++)
			if (o->token == hit->owner &&
			    o->site[i].pa[0] == hit->site.pa[0] &&
			    o->site[i].pa[1] == hit->site.pa[1] &&
			    o->site[i].size == hit->site.size &&
			    !memcmp(o->site[i].code, hit->site.code,
				    HEKI_CODE_MAX))
				return true;
	return false;
}

static void check_sites(struct model *m)
{
	unsigned int nr = 0, known = 0, i;
	struct heki_patch_hit hit;
	phys_addr_t from = 0;

	while (!heki_patch_map_next(heki_owner_map(), from, &hit)) {
		MODEL_EXPECT(m, same_site(m, &hit), "unknown site %pa of %u",
			     &hit.site.pa[0], hit.owner);
		from = hit.site.pa[0] + 1;
		nr++;
	}
	for (i = 0; i < OWNERS; i++)
		known += m->owner[i].live ? m->owner[i].nr_sites : 0;
	MODEL_EXPECT(m, nr == known, "%u sites, not %u", nr, known);
}

/* Each site that held C, N or a step between them still does. */
static void check_states(struct model *m)
{
	const struct owner *o;
	u8 cur[HEKI_CODE_MAX];
	unsigned int i;

	for (o = m->owner; o < m->owner + OWNERS; o++)
		for (i = 0; o->live && i < o->nr_sites; i++) {
			model_read_site(m, &o->site[i], cur);
			MODEL_EXPECT(m, !o->sane[i] ||
				     model_is_state(&o->site[i], cur),
				     "site %pa holds %*ph", &o->site[i].pa[0],
				     o->site[i].size, cur);
		}
}

void model_check_all(struct model *m)
{
	unsigned int f;

	for (f = 0; f < FRAMES; f++)
		model_check_frame(m, f);
	for (f = 0; f < ALL_FRAMES; f++)
		model_check_write(m, f);
	MODEL_EXPECT(m, !memcmp(m->kernel, phys_to_virt(model_pa(m, FRAMES)),
				KERNEL_FRAMES * P), "kernel text differs");
	check_sites(m);
	check_states(m);
}
