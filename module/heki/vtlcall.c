// SPDX-License-Identifier: GPL-2.0
/*
 * VTL calls: VTL0's requests, by number.
 */
#include <linux/array_size.h>
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/rwsem.h>

#include <lvbs/heki.h>

#include "heki/heki.h"
#include "phys/phys.h"
#include "ring/ring.h"

/* Held for reading by what widens, for writing to change boot_ended. */
static DECLARE_RWSEM(boot_lock);
static bool boot_ended;

/* After the end of boot nothing widens what VTL1 trusts. Any context. */
bool vtlcall_boot_ended(void)
{
	return READ_ONCE(boot_ended);
}

/*
 * What widens what VTL1 trusts is done between these two: the end of boot waits
 * for it. May sleep. Returns 0, or -EPERM after the end of boot, and then
 * vtlcall_widen_end() must not be called.
 */
int vtlcall_widen_begin(void)
{
	down_read(&boot_lock);
	if (!boot_ended)
		return 0;
	up_read(&boot_lock);
	return -EPERM;
}

void vtlcall_widen_end(void)
{
	up_read(&boot_lock);
}

static long call_end_of_boot(u64 a0, u64 a1, u64 a2)
{
	bool ended;

	down_write(&boot_lock);
	ended = boot_ended;
	WRITE_ONCE(boot_ended, true);
	up_write(&boot_lock);
	if (ended)
		return -EPERM;
	lvbs_log("end of boot");
	return 0;
}

#ifdef LVBS_KUNIT
/* Undoes END_OF_BOOT for the next test. May sleep. */
void vtlcall_boot_restart(void)
{
	down_write(&boot_lock);
	WRITE_ONCE(boot_ended, false);
	up_write(&boot_lock);
}
#endif

static long call_load_kdata(u64 pa, u64 nranges, u64 a2)
{
	long id = heki_kernel_add(pa, nranges);

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
	return heki_owner_free_init(token);
}

static long call_unload_module(u64 token, u64 a1, u64 a2)
{
	return heki_owner_drop(HEKI_OWNER_MODULE, token);
}

static long call_patch_text(u64 pa0, u64 pa1, u64 flags)
{
	return heki_patch_text(pa0, pa1, flags);
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
	long ret;

	if (id < HEKI_VTLCALL_END_OF_BOOT || index >= ARRAY_SIZE(calls))
		return -ENOSYS;
	call = &calls[array_index_nospec((unsigned long)index,
					 ARRAY_SIZE(calls))];
	if (!call->fn)
		return -ENOSYS;
	if (!call->widens)
		return call->fn(a0, a1, a2);

	ret = vtlcall_widen_begin();
	if (ret)
		return ret;
	ret = call->fn(a0, a1, a2);
	vtlcall_widen_end();
	return ret;
}
EXPORT_SYMBOL_GPL(lvbs_vtlcall);
