// SPDX-License-Identifier: GPL-2.0
/*
 * VTL calls: VTL0's requests, by number.
 */
#include <linux/array_size.h>
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/nospec.h>

#include <lvbs/heki.h>

#include "heki/heki.h"
#include "phys/phys.h"
#include "ring/ring.h"

static atomic_t boot_ended = ATOMIC_INIT(0);

/* After the end of boot no call widens what VTL1 trusts. Any context. */
bool vtlcall_boot_ended(void)
{
	return atomic_read(&boot_ended);
}

static long call_end_of_boot(u64 a0, u64 a1, u64 a2)
{
	if (atomic_xchg(&boot_ended, 1))
		return -EPERM;
	lvbs_log("end of boot");
	return 0;
}

static int check_kernel_site(const struct heki_site *site, void *ctx)
{
	return heki_contain_site(ctx, site);
}

static int fill_from_blob(struct heki_patch_batch *batch, void *ctx)
{
	struct kernel_range kernel = kernel_image_text();
	struct heki_mem_range range = {
		.va = kernel.va,
		.pa = kernel.pa,
		.bytes = kernel.bytes,
		.text = true,
	};
	struct heki_mem_map text = {
		.by_pa = &range,
		.nr = 1,
		.by_va = &range,
		.nr_text = 1,
	};
	const u64 *list = ctx;
	struct heki_blob_source source = {
		.reader = &vtl0_reader,
		.pa = list[0],
		.nranges = list[1],
		.attribute = HEKI_KDATA_PATCH_INFO,
		.pa_bits = phys_width_bits(),
	};
	int err;

	err = heki_blob_read(&source, batch);
	return err ?: heki_patch_batch_sites(batch, check_kernel_site, &text);
}

static long call_load_kdata(u64 pa, u64 nranges, u64 a2)
{
	u64 list[] = { pa, nranges };
	long id = heki_owner_add("kernel", fill_from_blob, list, false);

	return id < 0 ? id : 0;
}

static long call_protect_memory(u64 pa, u64 nranges, u64 a2)
{
	return heki_protect_list(pa, nranges);
}

static long call_validate_module(u64 pa, u64 nranges, u64 flags)
{
	return heki_module_add(pa, nranges);
}

static long call_free_module_init(u64 token, u64 a1, u64 a2)
{
	return heki_module_free_init(token);
}

static long call_unload_module(u64 token, u64 a1, u64 a2)
{
	return heki_module_drop(token);
}

static long call_patch_text(u64 pa0, u64 pa1, u64 flags)
{
	return heki_patch_text(pa0, pa1, flags, NULL);
}

static long call_allocate_ringbuffer(u64 pa, u64 size, u64 a2)
{
	if (size != (size_t)size || pa != (phys_addr_t)pa)
		return -EOVERFLOW;
	return log_to_vtl0(pa, size);
}

static const struct call {
	long (*fn)(u64 a0, u64 a1, u64 a2);
	bool widens;	/* VTL1 trusts more afterwards: refused after boot */
} calls[] = {
#define CALL(name, function, widening)					\
	[HEKI_VTLCALL_##name - HEKI_VTLCALL_END_OF_BOOT] = { function, widening }
	CALL(END_OF_BOOT, call_end_of_boot, false),
	CALL(PROTECT_MEMORY, call_protect_memory, true),
	CALL(LOAD_KDATA, call_load_kdata, true),
	CALL(VALIDATE_MODULE, call_validate_module, false),
	CALL(FREE_MODULE_INIT, call_free_module_init, false),
	CALL(UNLOAD_MODULE, call_unload_module, false),
	CALL(PATCH_TEXT, call_patch_text, false),
	CALL(ALLOCATE_RINGBUFFER, call_allocate_ringbuffer, true),
#undef CALL
};

long lvbs_vtlcall(u64 id, u64 a0, u64 a1, u64 a2)
{
	const struct call *call;
	u64 index = id - HEKI_VTLCALL_END_OF_BOOT;

	if (id < HEKI_VTLCALL_END_OF_BOOT || index >= ARRAY_SIZE(calls))
		return -ENOSYS;
	call = &calls[array_index_nospec((unsigned long)index,
					 ARRAY_SIZE(calls))];
	if (!call->fn)
		return -ENOSYS;
	if (call->widens && vtlcall_boot_ended())
		return -EPERM;
	return call->fn(a0, a1, a2);
}
EXPORT_SYMBOL_GPL(lvbs_vtlcall);
