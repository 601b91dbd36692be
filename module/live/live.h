/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live mode: the running kernel's own text writes.
 */
#ifndef _LVBS_LIVE_LIVE_H
#define _LVBS_LIVE_LIVE_H

#include <linux/errno.h>
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
 * is being loaded or unloaded, or the writes of a test key were not seen; -EEXIST
 * if VTL0 has announced sites in the same text; -ENOMEM. What ftrace returned if
 * the hook cannot be removed: then the mode stays as it is.
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
 * @LIVE_SITE: a known jump-label site
 * @LIVE_FTRACE: the function tracer
 * @LIVE_STATIC_CALL: a static call
 * @LIVE_KPROBE: a kprobe
 * @LIVE_ALTERNATIVE: an alternative switched at run time
 * @LIVE_BPF: generated code
 * @LIVE_VTL1: this module
 * @LIVE_INIT: init text of a module whose initialisation has ended
 * @LIVE_OTHER: none of these
 * @LIVE_NR: number of kinds
 */
enum live_kind {
	LIVE_SITE,
	LIVE_FTRACE,
	LIVE_STATIC_CALL,
	LIVE_KPROBE,
	LIVE_ALTERNATIVE,
	LIVE_BPF,
	LIVE_VTL1,
	LIVE_INIT,
	LIVE_OTHER,
	LIVE_NR
};

/* Looks up the kernel functions that the following ask. */
void live_kinds_find(void);

/* The tracer's call site that has a byte at @addr, or 0. */
unsigned long live_ftrace_site(unsigned long addr);
bool live_is_ftrace_trampoline(unsigned long addr);

/* The tracer's call, in the kernel's own trampolines, that has a byte at @addr, or 0. */
unsigned long live_tracer_call(unsigned long addr);

/* The direct trampoline that the tracer's call site may call, or 0. */
unsigned long live_ftrace_direct(unsigned long site);
bool live_kprobe_at(unsigned long addr);
bool live_is_optinsn_slot(unsigned long addr);

/* A reference to a live module that is not @known, or NULL. Any context. */
struct module *live_module_get(bool (*known)(const struct module *mod));

/* The function tracer's call sites: cheap, and most writes. Any context. */
bool live_is_ftrace_site(unsigned long addr, size_t len);

/* Kind of a write to neither a known nor a tracer site. Any context except NMI. */
enum live_kind live_kind_of(const void *addr, const u8 *bytes, size_t len,
			    bool fill);

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

/* Counts a jump label outside its owner's text. */
void live_count_refused(void);

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

static inline int live_verify_open(struct inode *inode, struct file *file)
{
	return -ENOENT;
}

#endif /* LVBS_LIVE */

#endif /* _LVBS_LIVE_LIVE_H */
