/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Legal forms of patched instructions (forms.c), the instructions that were accepted
 * and are being written (insn_queue.c), and the first-seen text (first_seen.c).
 */
#ifndef _LVBS_LIVE_FORMS_H
#define _LVBS_LIVE_FORMS_H

#include <linux/list.h>
#include <linux/string.h>
#include <linux/types.h>

struct module;

#define INT3		0xcc
#define PADDING		0x90	/* before functions, for call thunks */
#define FORM_JMP	0xe9

/* Calls, long jumps and their NOPs. */
#define FORM_BYTES	5

/* The longest instruction that the kernel patches: a conditional jump. */
#define INSN_BYTES	6

/* memcmp() takes several times as long for so few bytes. */
static __always_inline bool same_insn(const u8 *a, const u8 *b, size_t len)
{
	switch (len) {
	case 1:
		return *a == *b;
	case 2:
		return get_unaligned((const u16 *)a) ==
		       get_unaligned((const u16 *)b);
	case 4:
		return get_unaligned((const u32 *)a) ==
		       get_unaligned((const u32 *)b);
	case 5:
		return get_unaligned((const u32 *)a) ==
		       get_unaligned((const u32 *)b) && a[4] == b[4];
	default:
		return !memcmp(a, b, len);
	}
}

/* Addresses that legal forms refer to; 0 if this kernel has none. */
struct form_targets {
	unsigned long return0;		/* __static_call_return0() */
	unsigned long warn_trap;	/* __WARN_trap() */
	unsigned long return_thunk;
	unsigned long pad;		/* bytes of a call thunk before a function */
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
bool form_stands_for_call(const u8 *insn);
bool form_is_conditional(const u8 *insn);
bool form_is_conditional_call(const u8 *insn, unsigned long va,
			      unsigned long func,
			      const struct form_targets *targets);
bool form_is_lock(u8 byte);
bool form_is_call_thunk(const u8 *bytes, unsigned long va, const u8 *own,
			size_t len);

enum form_table {
	FORM_JUMP_LABEL,
	FORM_STATIC_CALL,
	FORM_LOCK,
};

/*
 * A place in a text that the kernel may patch, as its tables said when the text was
 * first seen.
 */
struct form_ref {
	u32 at;			/* offset in the text */
	u8 table;		/* enum form_table */
	u8 size;		/* of the instruction there; 0: none that is patched */
	bool flag;		/* jump label: branch by default; static call: tail call */
	s32 target;		/* of a jump label: offset in the text */
	const void *key;	/* the static key or static call key */
};

/* The places in a text, by address. Several may be at the same place. */
struct form_index {
	struct form_ref *refs;
	size_t nr;
};

void form_index_sort(struct form_index *index);
const struct form_ref *form_index_find(const struct form_index *index, u32 at);

/* ---- accepted instructions ---- */

/* How the kernel writes an instruction (text_poke_bp_batch()). */
enum insn_step {
	INSN_NO_STEP,
	INSN_GUARD,		/* INT3 over the first byte */
	INSN_TAIL,		/* the bytes after it */
	INSN_HEAD,		/* the first byte */
};

struct queued_insn {
	struct hlist_node node;
	unsigned long va;
	u8 len;
	u8 bytes[INSN_BYTES];
	bool emulates;
	u8 emulate[INSN_BYTES];	/* if so: what an INT3 does meanwhile */
	u8 kind;		/* enum live_kind */
	bool legal;
	u8 done;		/* enum insn_step: the last one that was made */
};

/*
 * The kernel queues 256 instructions at most, and writes one beside them. The others
 * of these are finished.
 */
#define QUEUED_INSNS		512
#define INSN_QUEUE_BUCKETS	256

struct insn_queue {
	struct hlist_head bucket[INSN_QUEUE_BUCKETS];
	struct queued_insn insn[QUEUED_INSNS];
	unsigned int next;
};

void insn_queue_reset(struct insn_queue *queue);
struct queued_insn *insn_queue_find(struct insn_queue *queue, unsigned long va,
				    const u8 *bytes, size_t len);
struct queued_insn *insn_queue_add(struct insn_queue *queue, unsigned long va,
				   const u8 *bytes, size_t len);
enum insn_step insn_queue_step(struct insn_queue *queue, unsigned long va,
			       const u8 *bytes, size_t len,
			       struct queued_insn **insn);
const u8 *insn_queue_bytes(const struct queued_insn *insn, enum insn_step step);

/* ---- first-seen text ---- */

/* The text of the kernel, or of a module: the part freed after init, or the rest. */
struct text_region {
	struct list_head node;	/* in order of @id; guarded by first_seen_lock */
	u64 id;
	const struct module *mod;	/* NULL: the kernel */
	bool init;
	bool going;		/* the module is being unloaded */
	unsigned long start;
	size_t bytes;
	void **pages;			/* as first seen */
	struct form_index index;
};

void first_seen_lock_text(void);
void first_seen_unlock_text(void);
int first_seen_complete(void);
bool first_seen_missed(const struct module *mod);
void first_seen_require(bool required);
const struct text_region *first_seen_from(u64 id);
const struct text_region *first_seen_at(unsigned long va);
bool first_seen_bytes(const struct text_region *region, unsigned long va, u8 *to,
		      size_t len);
unsigned long first_seen_memory(void);
unsigned long first_seen_memory_all(void);
bool first_seen_is_module_lock(unsigned long va);

int first_seen_init(void);
void first_seen_exit(void);

#endif /* _LVBS_LIVE_FORMS_H */
