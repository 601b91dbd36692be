/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live mode: the running kernel's own text writes.
 */
#ifndef _LVBS_LIVE_LIVE_H
#define _LVBS_LIVE_LIVE_H

#include <linux/errno.h>
#include <linux/kgdb.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/types.h>

struct file;
struct inode;
struct module;
struct seq_file;

/* Defined by Kbuild where live mode knows how the kernel patches its text. */
#ifdef LVBS_LIVE

/**
 * live_mode_name() - current mode
 *
 * Context: Any context.
 * Return: "off", "audit" or "mediate".
 */
const char *live_mode_name(void);

/**
 * live_set_mode() - change the mode
 * @name: "off", "audit" or "mediate"
 *
 * All or nothing. A failure to switch on leaves "off", and the reason in the
 * kernel log.
 *
 * Context: Process context; may sleep.
 * Return: 0; -EPERM for a mode that allows more, after the end of boot; -EINVAL
 * for an unknown mode, or for "mediate" where a loaded module has a jump label
 * outside its own text; -ENOENT if the kernel lacks a symbol; -EBUSY if something
 * else already redirects the kernel's text writer, ftrace is disabled, a module
 * is being loaded that began before lvbs was, or the writes of a test key were not
 * seen; -EEXIST if VTL0 has announced sites in the same text; -ENOMEM. What ftrace
 * returned if the hook cannot be removed: then the mode stays as it is.
 */
int live_set_mode(const char *name);

/**
 * live_show() - print the counters of live mode, one "key: value" per line
 * @m: output
 *
 * Context: Process context; may sleep.
 */
void live_show(struct seq_file *m);

/**
 * live_policy_set() - change the policy of a kind of writes
 * @kind: name of the kind
 * @policy: "count", "check" or "deny"
 *
 * Context: Process context; may sleep.
 * Return: 0; -EPERM for a policy that allows more, after the end of boot; -EINVAL
 * for an unknown kind or policy, or one that this kind cannot have on this kernel;
 * -EBUSY if something else redirects the functions that are to be denied. What
 * ftrace returned if that cannot be ended.
 */
int live_policy_set(const char *kind, const char *policy);

/**
 * live_policy_show() - print the policy of each kind, one "KIND POLICY" per line
 * @m: output
 *
 * Context: Process context; may sleep.
 */
void live_policy_show(struct seq_file *m);

/**
 * live_verify_open() - open a report that compares all text with first-seen text
 * @inode: of the file
 * @file: to be read by seq_read(), closed by seq_release_private()
 *
 * Context: Process context; may sleep.
 * Return: 0; -ENOENT if this kernel lacks a symbol; -ENOMEM.
 */
int live_verify_open(struct inode *inode, struct file *file);

/*
 * Internal to this directory.
 */

/**
 * enum live_kind - whom a text write belongs to
 * @LIVE_JUMP_LABEL: a jump label
 * @LIVE_STATIC_CALL: a static call or its trampoline
 * @LIVE_FTRACE: the function tracer
 * @LIVE_KPROBE: a kprobe, or its copy of an instruction
 * @LIVE_OPTPROBE: an optimised kprobe, or its slot
 * @LIVE_ALTERNATIVE: a lock prefix switched at run time
 * @LIVE_CALL_THUNK: the padding before a function
 * @LIVE_BPF: generated code
 * @LIVE_LIVEPATCH: relocations of a live patch
 * @LIVE_KGDB: the debugger
 * @LIVE_VTL1: this module
 * @LIVE_UNKNOWN: none of these
 * @LIVE_NR: number of kinds
 */
enum live_kind {
	LIVE_JUMP_LABEL,
	LIVE_STATIC_CALL,
	LIVE_FTRACE,
	LIVE_KPROBE,
	LIVE_OPTPROBE,
	LIVE_ALTERNATIVE,
	LIVE_CALL_THUNK,
	LIVE_BPF,
	LIVE_LIVEPATCH,
	LIVE_KGDB,
	LIVE_VTL1,
	LIVE_UNKNOWN,
	LIVE_NR
};

const char *live_kind_name(enum live_kind kind);

/* ---- the kernel's records (kernel.c) ---- */

/* Looks up the kernel functions that the following ask. */
void live_kernel_find(void);

/* This module's text; constant once found. within_module() is slower. */
extern unsigned long live_own_start, live_own_bytes;

static inline bool live_is_own_text(unsigned long addr)
{
	return addr - live_own_start < live_own_bytes;
}

/* The tracer's call site that has a byte at @addr, or 0. */
unsigned long live_ftrace_site(unsigned long addr);
unsigned long live_ftrace_site_in(unsigned long first, unsigned long last,
				  unsigned long *flags);
unsigned long live_ftrace_trampoline(unsigned long addr, unsigned long *func);
bool live_ftrace_traces(unsigned long addr, unsigned long site);

/* The direct trampoline that the tracer's call site may call, or 0. */
unsigned long live_ftrace_direct(unsigned long site);

struct live_probe {
	u8 opcode;
	unsigned long slot;	/* 0 if it is never optimised */
	u8 tail[4];		/* while a jump to the slot is there: what it replaced */
};

bool live_probe_at(unsigned long addr, struct live_probe *probe);
bool live_is_insn_slot(unsigned long addr);
bool live_is_optinsn_slot(unsigned long addr);
bool live_is_bpf_text(unsigned long addr);
const struct module *live_module_at(unsigned long addr);
bool live_in_unformed_module(unsigned long addr);

/*
 * Does any module match? And a reference to one that does and is not being unloaded,
 * or NULL. @matches is called with preemption disabled. Any context.
 */
bool live_module_any(bool (*matches)(const struct module *mod));
struct module *live_module_get(bool (*matches)(const struct module *mod));

/* ---- places where text is patched (places.c) ---- */

struct text_region;

enum live_place_type {
	PLACE_CALL_SITE,
	PLACE_TRACER_CALL,
	PLACE_JUMP_LABEL,
	PLACE_STATIC_CALL,
	PLACE_LOCK,
};

struct live_place {
	enum live_place_type type;
	enum live_kind kind;
	unsigned long va;
	unsigned int len;
	const void *key;	/* static key or static call key */
	bool flag;		/* as in struct form_ref */
	unsigned long target;	/* of a jump label */
	unsigned long flags;	/* of a call site: as in struct dyn_ftrace */
};

int live_places_find(void);
void live_places_exit(void);
bool live_place_at(const struct text_region *region, unsigned long va,
		   struct live_place *place);
bool live_place_in(const struct text_region *region, unsigned long va, size_t len,
		   struct live_place *place);
const char *live_place_check(const struct live_place *place, const u8 *insn,
			     bool written);
bool live_place_emulates(const struct live_place *place, const u8 *insn,
			 const u8 *emulate);

/* ---- verdicts (check.c) ---- */

static inline bool live_debugger_runs(void)
{
#ifdef CONFIG_KGDB
	return atomic_read(&kgdb_active) != -1;
#else
	return false;
#endif
}

/* Bytes to be written; @fill: all of them are the first one. */
struct live_write {
	unsigned long va;
	size_t len;
	const u8 *bytes;
	bool fill;
};

struct live_verdict {
	enum live_kind kind;
	const char *why;	/* it is illegal, or NULL */
};

void live_check_find(void);
size_t live_call_thunk_bytes(void);
bool live_is_call_thunk(const u8 *bytes, unsigned long va);
struct live_verdict live_check_insn(const struct live_write *w,
				    const u8 *emulate);
struct live_verdict live_check_bytes(const struct live_write *w);

/* ---- policies (policy.c) ---- */

/* Are illegal writes of @kind let through, because they are only counted? */
bool live_policy_counts(enum live_kind kind);
s64 live_denied(void);
void live_policy_find(void);
void live_policy_exit(void);

/* The modes serialise themselves and changes of a policy. */
void live_mode_lock(void);
void live_mode_unlock(void);

/* ---- the hook (hook.c) ---- */

/* Writes are seen, and checked, between these two. */
int live_hook_install(void);
int live_hook_remove(void);
void live_hook_exit(void);

/* Mode "mediate"; or "audit", which refuses nothing. */
void live_hook_set_mediate(bool mediate);
s64 live_count(enum live_kind kind);

/* Counts a jump label outside its owner's text. */
void live_count_refused(void);

/* ---- jump labels written by HEKI (carry.c) ---- */

int live_carry_init(void);
void live_carry_exit(void);

/*
 * Submits a step as a request. Return: 0; -EACCES if HEKI refused it; -ENOENT if live
 * mode owns no site there; otherwise why it was not carried out.
 */
int live_carry(unsigned long va, const u8 *bytes, size_t len);

/* ---- known sites (sites.c) ---- */

/* Valid once live_sites_begin() has succeeded. Any context. */
bool live_in_core_text(unsigned long va);

/* Physical address of an address in text, 0 if unmapped. Any context. */
phys_addr_t live_text_pa(unsigned long va);

/*
 * Sites of the kernel and its modules are known between these two. Modules that
 * load meanwhile are added before their first site is patched. With @mediate, a
 * jump label outside its owner's text is an error instead of a warning.
 */
int live_sites_begin(bool mediate);
void live_sites_end(void);

/* Make a change from audit to mediate, or back, known to the module notifier. */
int live_sites_set_mediate(bool mediate);

int live_sites_init(void);
void live_sites_exit(void);

/* No batch of instructions is queued, and no text is written, between these two. */
void live_text_lock(void);
void live_text_unlock(void);

/* Write by the kernel's own writer, under text_mutex, once that was hooked. */
void live_write_text(unsigned long va, const u8 *bytes, size_t len);

#else /* !LVBS_LIVE */

static inline const char *live_mode_name(void)
{
	return "off";
}

static inline int live_set_mode(const char *name)
{
	if (!strcmp(name, "off"))
		return 0;
	if (strcmp(name, "audit") && strcmp(name, "mediate"))
		return -EINVAL;
	pr_err("live mode: x86-64 with ftrace, kprobes and modules only\n");
	return -ENOENT;
}

static inline void live_show(struct seq_file *m)
{
}

static inline int live_policy_set(const char *kind, const char *policy)
{
	return -ENOENT;
}

static inline void live_policy_show(struct seq_file *m)
{
}

static inline int live_verify_open(struct inode *inode, struct file *file)
{
	return -ENOENT;
}

#endif /* LVBS_LIVE */

#endif /* _LVBS_LIVE_LIVE_H */
