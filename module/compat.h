/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before every source file. The code is written for the newest kernel;
 * this header adapts it to older ones. No other file checks the version.
 */
#ifndef _LVBS_COMPAT_H
#define _LVBS_COMPAT_H

#ifndef pr_fmt
#define pr_fmt(fmt) "lvbs: " fmt
#endif

#include <linux/version.h>

#include <linux/compiler.h>
#include <linux/module.h>

#ifndef __cleanup	/* before 6.5 */
#define __cleanup(func)	__attribute__((__cleanup__(func)))
#endif

/* Some kernels zero what is on the stack; defined by the kernel since 6.14. */
#ifndef __uninitialized
#if __has_attribute(__uninitialized__)
#define __uninitialized	__attribute__((__uninitialized__))
#else
#define __uninitialized
#endif
#endif

/* Before 6.3 ->setattr() takes a struct user_namespace. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define mnt_idmap user_namespace
#endif

/* hex2bin() moved from kernel.h to a header of its own. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#include <linux/hex.h>
#endif

#ifdef CONFIG_MODULES
/* Before 6.4 a module is one block of memory, not one for each type. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
enum mod_mem_type {
	MOD_CORE,
	MOD_MEM_NUM_TYPES
};

struct module_memory {
	void *base;
	unsigned int size;
};

static inline struct module_memory module_core_memory(const struct module *mod,
						      enum mod_mem_type type)
{
	return (struct module_memory) {
		.base = mod->core_layout.base,
		.size = mod->core_layout.size,
	};
}

/* The code of a module that is freed after initialisation, or the rest. */
static inline struct module_memory module_text_memory(const struct module *mod,
						      bool init)
{
	return (struct module_memory) {
		.base = init ? mod->init_layout.base : mod->core_layout.base,
		.size = init ? mod->init_layout.text_size :
			       mod->core_layout.text_size,
	};
}
#else
static inline struct module_memory module_core_memory(const struct module *mod,
						      enum mod_mem_type type)
{
	if (!mod_mem_type_is_core(type))
		return (struct module_memory) {};
	return mod->mem[type];
}

static inline struct module_memory module_text_memory(const struct module *mod,
						      bool init)
{
	return mod->mem[init ? MOD_INIT_TEXT : MOD_TEXT];
}
#endif

#endif /* CONFIG_MODULES */

/* <linux/unaligned.h> is <asm/unaligned.h> before 6.12. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#include <asm/unaligned.h>
#else
#include <linux/unaligned.h>
#endif

/* Older kernels spell it kvfree_rcu() with one argument. */
#ifndef kvfree_rcu_mightsleep
#define kvfree_rcu_mightsleep(ptr)	kvfree_rcu(ptr)
#endif

/* Since 6.10 __assign_str() takes the source from __string(). */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define lvbs_assign_str(dst, src)	__assign_str(dst, src)
#else
#define lvbs_assign_str(dst, src)	__assign_str(dst)
#endif

/* Before 6.12 pages have no type for memory that a guest has not accepted. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#define PageUnaccepted(page)	((void)(page), false)
#endif

/* Before 6.6 the suites of a module would run before its init function. */
#if defined(LVBS_KUNIT) && defined(MODULE) && \
	LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#include <kunit/test.h>

#define LVBS_RUN_SUITES
#define LVBS_SUITES	__section(".lvbs_suites")

#undef __kunit_test_suites
#define __kunit_test_suites(name, ...)					\
	static struct kunit_suite *(name)[] __aligned(sizeof(void *)) __used	\
		LVBS_SUITES = { __VA_ARGS__ }
#endif

#endif /* _LVBS_COMPAT_H */
