// SPDX-License-Identifier: GPL-2.0
/*
 * From a well-formed request to bytes in the text: find the site, get within
 * reach, then under its lock read, judge, write, read back.
 */
#include <linux/errno.h>
#include <linux/rcupdate.h>
#include <linux/smp.h>
#include <linux/string.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/sync_core.h>
#else
static inline void sync_core(void) {}
#endif

#include "heki/apply.h"
#include "heki/vtl0.h"
#include "heki/owner.h"
#include "heki/text.h"

struct application {
	const struct heki_request *request;
	struct heki_verdict *verdict;
	struct heki_site site;
	u32 owner;
	struct heki_text text;
};

/* The only way to here is through the validator: it alone makes patches. */
static int write_checked(const struct heki_checked_patch *patch, void *ctx)
{
	struct application *app = ctx;
	unsigned int size = heki_checked_size(patch);
	u8 back[HEKI_CODE_MAX];
	unsigned int at;
	int err;

	if (heki_checked_nothing_to_write(patch))
		return 0;

	at = heki_checked_pa(patch, 0) == app->site.pa[0] ? 0 : 1;
	err = heki_text_write(&app->text, at, heki_checked_bytes(patch), size);
	if (!err)
		err = heki_text_read(&app->text, at, back, size);
	if (!err && memcmp(back, heki_checked_bytes(patch), size))
		err = -EFAULT;
	return err;
}

static int judge_and_write(const struct heki_patch_hit *hit, void *ctx)
{
	struct application *app = ctx;
	u8 cur[HEKI_CODE_MAX];
	int err;

	/* Dropped, and another one made, while we were mapping. */
	if (hit->owner != app->owner || hit->site.pa[0] != app->site.pa[0] ||
	    hit->site.pa[1] != app->site.pa[1] ||
	    hit->site.size != app->site.size)
		return -ENOENT;

	err = heki_text_read(&app->text, 0, cur, hit->site.size);
	return err ?: heki_check_patch(&hit->site, cur, app->request,
				       app->verdict, write_checked, app);
}

static int apply(const struct heki_request *request, bool live,
		 struct heki_verdict *verdict)
{
	struct application app = { .request = request, .verdict = verdict };
	struct heki_patch_hit hit;
	int err;

	*verdict = (struct heki_verdict) { .reason = HEKI_REASON_NO_SITE };
	err = heki_patch_map_find(heki_owner_map(), request->pa[0], &hit);
	if (err)
		return err;

	/* An INT3 there would be met by code that nobody expects it in. */
	if (heki_owner_is_live(hit.owner) && !live) {
		verdict->reason = HEKI_REASON_LIVE;
		return -EBUSY;
	}

	app.site = hit.site;
	app.owner = hit.owner;
	err = heki_text_open(&app.text, &app.site);
	if (err) {
		verdict->reason = HEKI_REASON_UNREACHABLE;
		return err;
	}
	err = heki_patch_map_locked(heki_owner_map(), app.site.pa[0],
				    judge_and_write, &app);
	heki_text_close(&app.text);
	return err;
}

int heki_apply(const struct heki_request *request, bool live,
	       struct heki_verdict *verdict)
{
	int err;

	if (heki_may_sleep())
		return apply(request, live, verdict);

	/* What was mapped beforehand must stay until we are done. */
	rcu_read_lock();
	err = apply(request, live, verdict);
	rcu_read_unlock();
	return err;
}

static void sync_this_core(void *unused)
{
	sync_core();
}

void heki_sync_cores(void)
{
	on_each_cpu(sync_this_core, NULL, 1);
}
