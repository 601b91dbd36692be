/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Legal forms of patched instructions (forms.c) and the first-seen text that they
 * are held against (first_seen.c).
 */
#ifndef _LVBS_LIVE_FORMS_H
#define _LVBS_LIVE_FORMS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct module;

/* Calls, long jumps and their NOPs. */
#define FORM_BYTES	5

/* Addresses that legal forms refer to; 0 if this kernel has none. */
struct form_targets {
	unsigned long return0;		/* __static_call_return0() */
	unsigned long warn_trap;	/* __WARN_trap() */
	unsigned long return_thunk;
};

unsigned long form_call_target(const u8 *insn, unsigned long va);
unsigned long form_jump_target(const u8 *insn, unsigned long va);
bool form_is_nop(const u8 *insn);
bool form_is_jump_label(const u8 *insn, unsigned int size, unsigned long va,
			unsigned long target);
unsigned int form_jump_label_size(const u8 *insn);
bool form_is_static_call(const u8 *insn, unsigned long va, bool tail,
			 unsigned long func,
			 const struct form_targets *targets);
bool form_is_lock(u8 byte);

enum form_table {
	FORM_JUMP_LABEL,
	FORM_STATIC_CALL,
	FORM_LOCK,
};

/* A place that an entry of one of the kernel's tables refers to. */
struct form_ref {
	u32 at;			/* offset in the text */
	u32 entry;		/* in the table */
	enum form_table table;
};

/* The places in a text, by address. Several may be at the same place. */
struct form_index {
	struct form_ref *refs;
	size_t nr;
};

void form_index_sort(struct form_index *index);
const struct form_ref *form_index_find(const struct form_index *index, u32 at);

/* The text of the kernel, or of a module without its init text. */
struct text_region {
	struct list_head node;	/* in order of @id; guarded by first_seen_lock */
	u64 id;
	const struct module *mod;	/* NULL: the kernel */
	unsigned long start;
	size_t bytes;
	void **pages;			/* as first seen */
	struct form_index index;
};

void first_seen_lock_text(void);
void first_seen_unlock_text(void);
int first_seen_complete(void);
const struct text_region *first_seen_from(u64 id);
unsigned long first_seen_memory(void);
const struct jump_entry *first_seen_jump_entry(const struct text_region *region,
					       u32 entry);
const struct static_call_site *
first_seen_static_call(const struct text_region *region, u32 entry);

bool first_seen_locks_switch(void);

int first_seen_init(void);
void first_seen_exit(void);

#endif /* _LVBS_LIVE_FORMS_H */
