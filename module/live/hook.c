// SPDX-License-Identifier: GPL-2.0
/*
 * Every text write of the running kernel passes here, twice.
 *
 * Where the kernel queues an instruction, the whole of it is at hand and no byte was
 * written yet: it is checked there. One that is illegal is, in mediate, not queued.
 *
 * All bytes, whatever they are for, are written by one static function,
 * __text_poke() in arch/x86/kernel/alternative.c. A write there is a step of an
 * accepted instruction, or it is checked by itself, or it is illegal. The kernel's
 * writer is given the bytes that were checked. Steps of jump labels are carried out
 * by HEKI instead.
 *
 * An ftrace_ops sees these functions called. IPMODIFY keeps live patches off them,
 * and direct trampolines that do not honour a changed instruction pointer (those of
 * BPF do, where they can be there). PERMANENT refuses to switch ftrace off.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/ftrace.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/static_call.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "ksym.h"
#include "live/forms.h"
#include "live/live.h"
#include "phys/phys.h"
#include "trace.h"

/* As much of a write as the tracepoint and the log tell. */
#define TEXT_BYTES	TRACE_TEXT_BYTES

static bool armed;	/* changed with live_text_lock() held, read anywhere */
static bool mediating;	/* changed under the lock of the mode, read anywhere */

static atomic64_t counts[LIVE_NR];
static atomic64_t refused_count;
static atomic64_t passed_count;
static atomic64_t unchecked_count;

/* Tasks in live_text_poke(). */
static atomic_t in_flight = ATOMIC_INIT(0);

typedef unsigned long text_poke_fn(void *func, void *addr, const void *src,
				   size_t len);

/* The kernel's own writer. */
DEFINE_STATIC_CALL_RET0(lvbs_text_poke, text_poke_fn);

/* What __text_poke() is given to copy with, and to fill. */
static void *text_poke_memcpy;
static void *text_poke_memset;
static struct mutex *text_mutex;

/* The functions that are hooked; 0 if this kernel does not have it. */
enum hooked {
	HOOKED_POKE,
	HOOKED_QUEUE,
	HOOKED_SINGLE,
	HOOKED_BATCH_ADD,	/* since 6.16 in place of the queue */
	HOOKED_BATCH_SINGLE,
	HOOKED_NR
};

static const char * const hooked_names[HOOKED_NR] = {
	[HOOKED_POKE] = "__text_poke",
	[HOOKED_QUEUE] = "text_poke_queue",
	[HOOKED_SINGLE] = "text_poke_bp",
	[HOOKED_BATCH_ADD] = "smp_text_poke_batch_add",
	[HOOKED_BATCH_SINGLE] = "smp_text_poke_single",
};

static unsigned long hooked[HOOKED_NR];

/* A function's call of the tracer comes after its landing pad at most. */
#define CALL_SITE_OFFSET	8

static struct insn_queue queue;
static DEFINE_RAW_SPINLOCK(queue_lock);	/* guards queue */

/* ---- what is counted and reported ---- */

void live_count_refused(void)
{
	atomic64_inc(&refused_count);
}

s64 live_count(enum live_kind kind)
{
	return atomic64_read(&counts[kind]);
}

void live_show(struct seq_file *m)
{
	int kind;

	for (kind = 0; kind < LIVE_NR; kind++)
		seq_printf(m, "live_%s: %lld\n", live_kind_name(kind),
			   live_count(kind));
	seq_printf(m, "live_refused: %lld\n", atomic64_read(&refused_count));
	seq_printf(m, "live_passed: %lld\n", atomic64_read(&passed_count));
	seq_printf(m, "live_unchecked: %lld\n",
		   atomic64_read(&unchecked_count));
	seq_printf(m, "live_denied: %lld\n", live_denied());
	seq_printf(m, "live_memory: %lu\n", first_seen_memory_all());
}

static int shown_bytes(const struct live_write *w)
{
	return w->fill ? 1 : min_t(size_t, w->len, TEXT_BYTES);
}

static void report_refused(const struct live_write *w,
			   const struct live_verdict *v)
{
	live_count_refused();
	pr_warn_ratelimited("%s %zu bytes %*ph at %pS (%s): %s\n",
			    READ_ONCE(mediating) ? "refused" : "would refuse",
			    w->len, shown_bytes(w), w->bytes, (void *)w->va,
			    live_kind_name(v->kind), v->why);
}

static void report_passed(unsigned long va, size_t len, int err)
{
	atomic64_inc(&passed_count);
	pr_warn_ratelimited("left %zu bytes at %pS to the kernel: error %d\n",
			    len, (void *)va, err);
}

/*
 * Tell the tracepoint of a write, with the bytes that were there before. @old is
 * NULL if they still are.
 */
static noinline void do_trace_write(const struct live_write *w,
				    enum live_kind kind, const u8 *old,
				    const char *verdict)
{
	u8 now[TEXT_BYTES] = {}, new[TEXT_BYTES] = {};
	size_t n = min_t(size_t, w->len, TEXT_BYTES);

	if (w->fill)
		memset(new, w->bytes[0], n);
	else
		memcpy(new, w->bytes, n);
	if (!old && copy_nofault_from(now, (void *)w->va, n))
		memset(now, 0, n);
	trace_heki_text_write(live_kind_name(kind), (void *)w->va, w->len,
			      old ?: now, new, verdict);
}

static __always_inline void trace_write(const struct live_write *w,
					enum live_kind kind, const u8 *old,
					const char *verdict)
{
	if (trace_heki_text_write_enabled())
		do_trace_write(w, kind, old, verdict);
}

/* ---- in place of the kernel's functions ---- */

/* An illegal instruction is not queued. */
static void live_refuse_insn(void *addr, const void *opcode, size_t len,
			     const void *emulate)
{
}

/* Illegal bytes are not written. */
static void *live_refuse_bytes(void *func, void *addr, const void *src,
			       size_t len)
{
	return addr;
}

/* HEKI did not write these bytes. */
static noinline void not_carried(void *func, const struct live_write *w, int err)
{
	void *addr = (void *)w->va;

	if (err == -EACCES) {
		report_refused(w, &(struct live_verdict) {
			.kind = LIVE_JUMP_LABEL,
			.why = "the text there was changed",
		});
		return;
	}
	/* If its owner is going: the instruction was legal when it was queued. */
	if (err != -ENOENT)
		report_passed(w->va, w->len, err);
	static_call(lvbs_text_poke)(func, addr, w->bytes, w->len);
	/* No tail call: writer_entered() looks at the caller. */
	barrier();
}

static noinline int traced_carry(const struct live_write *w)
{
	u8 old[TEXT_BYTES] = {};
	int err;

	if (copy_nofault_from(old, (void *)w->va,
			      min_t(size_t, w->len, TEXT_BYTES)))
		memset(old, 0, sizeof(old));
	err = live_carry(w->va, w->bytes, w->len);
	trace_write(w, LIVE_JUMP_LABEL, old,
		    !err || err == -ENOENT ? "accepted" :
		    err == -EACCES ? "refused" : "passed");
	return err;
}

/* In place of __text_poke(), with its signature, under its callers' locks. */
static void *live_text_poke(void *func, void *addr, const void *src, size_t len)
{
	struct live_write w = {
		.va = (unsigned long)addr,
		.len = len,
		.bytes = src,
	};
	int err;

	atomic_inc(&in_flight);
	if (trace_heki_text_write_enabled())
		err = traced_carry(&w);
	else
		err = live_carry(w.va, src, len);
	if (unlikely(err))
		not_carried(func, &w, err);
	atomic_dec(&in_flight);
	return addr;
}

/* ---- the hook ---- */

/* Is this done, although it is illegal? Counted kinds are not checked. */
static bool let_through(const struct live_write *w, const struct live_verdict *v)
{
	if (!v->why)
		return true;
	if (live_policy_counts(v->kind)) {
		atomic64_inc(&unchecked_count);
		return true;
	}
	report_refused(w, v);
	return !READ_ONCE(mediating);
}

static struct live_verdict unknown(const char *why)
{
	return (struct live_verdict) { .kind = LIVE_UNKNOWN, .why = why };
}

static struct live_verdict checked_insn(const struct live_write *w,
					const u8 *emulate)
{
	if (!w->len || w->len > INSN_BYTES)
		return unknown("no instruction of that length is patched");
	if (!mutex_is_locked(text_mutex))
		return unknown("text_mutex is not locked");
	return live_check_insn(w, emulate);
}

static struct live_verdict checked_bytes(const struct live_write *w)
{
	if (!w->len)
		return unknown("no bytes");
	/* The debugger stops all others instead. */
	if (!mutex_is_locked(text_mutex) && !live_debugger_runs())
		return unknown("text_mutex is not locked");
	return live_check_bytes(w);
}

/* Remembers an instruction; the kernel goes on with the copy that was checked. */
static void enqueue(struct pt_regs *regs, const struct live_write *w,
		    const u8 *emulate, const struct live_verdict *v)
{
	struct queued_insn *insn;
	unsigned long flags;

	if (w->len > INSN_BYTES)
		return;
	raw_spin_lock_irqsave(&queue_lock, flags);
	insn = insn_queue_add(&queue, w->va, w->bytes, w->len);
	insn->kind = v->kind;
	insn->legal = !v->why;
	insn->emulates = emulate;
	if (emulate)
		memcpy(insn->emulate, emulate, FORM_BYTES);
	raw_spin_unlock_irqrestore(&queue_lock, flags);
	regs->si = (unsigned long)insn->bytes;
	if (emulate)
		regs->cx = (unsigned long)insn->emulate;
}

static bool was_checked(const struct live_write *w, const u8 *emulate)
{
	const struct queued_insn *insn;
	unsigned long flags;
	bool same;

	raw_spin_lock_irqsave(&queue_lock, flags);
	insn = insn_queue_find(&queue, w->va, w->bytes, w->len);
	same = insn && insn->emulates == !!emulate &&
	       (!emulate || !memcmp(insn->emulate, emulate, FORM_BYTES));
	raw_spin_unlock_irqrestore(&queue_lock, flags);
	return same;
}

static void queue_entered(struct pt_regs *regs)
{
	const void *opcode = (void *)regs->si;
	const void *emulate = (void *)regs->cx;
	u8 bytes[INSN_BYTES] = {}, emulated[FORM_BYTES];
	struct live_write w = {
		.va = regs->di,
		.len = regs->dx,
		.bytes = bytes,
	};
	struct live_verdict v;

	memcpy(bytes, opcode, min_t(size_t, w.len, INSN_BYTES));
	if (emulate)
		memcpy(emulated, emulate, FORM_BYTES);
	/* One of these may call the other. */
	if (hooked[HOOKED_BATCH_ADD] && w.len <= INSN_BYTES &&
	    was_checked(&w, emulate ? emulated : NULL))
		return;

	v = checked_insn(&w, emulate ? emulated : NULL);
	if (let_through(&w, &v)) {
		enqueue(regs, &w, emulate ? emulated : NULL, &v);
		return;
	}
	trace_write(&w, v.kind, NULL, "refused");
	instruction_pointer_set(regs, (unsigned long)live_refuse_insn);
}

/* A step of an instruction that was let through. */
static bool step_entered(struct pt_regs *regs, struct live_write *w)
{
	struct queued_insn *insn;
	enum insn_step step = INSN_NO_STEP;
	enum live_kind kind;
	unsigned long flags;
	bool legal;

	/* The debugger may have stopped a CPU that has the lock. */
	if (w->fill || w->len >= INSN_BYTES || in_nmi() || live_debugger_runs())
		return false;
	raw_spin_lock_irqsave(&queue_lock, flags);
	step = insn_queue_step(&queue, w->va, w->bytes, w->len, &insn);
	if (step) {
		kind = insn->kind;
		legal = insn->legal;
		w->bytes = insn_queue_bytes(insn, step);
	}
	raw_spin_unlock_irqrestore(&queue_lock, flags);
	if (!step)
		return false;

	atomic64_inc(&counts[kind]);
	regs->dx = (unsigned long)w->bytes;
	if (kind == LIVE_JUMP_LABEL && legal) {
		if (READ_ONCE(mediating)) {
			instruction_pointer_set(regs,
						(unsigned long)live_text_poke);
			return true;
		}
		heki_verdict_count(&(struct heki_verdict) {
			.step = (enum heki_step)step,
			.reason = HEKI_REASON_FITS,
		});
	}
	trace_write(w, kind, NULL, legal ? "accepted" : "counted");
	return true;
}

/*
 * The kernel goes on with the bytes that were checked, if they are few. text_mutex is
 * held; the debugger has stopped who may hold it.
 */
static void give_copy(struct pt_regs *regs, const struct live_write *w)
{
	static const int int3s = INT3;
	static u8 copy[TEXT_BYTES];

	if (live_debugger_runs())
		return;
	if (w->fill) {
		regs->dx = (unsigned long)&int3s;
	} else if (w->len <= TEXT_BYTES) {
		memcpy(copy, w->bytes, w->len);
		regs->dx = (unsigned long)copy;
	}
}

static void poke_entered(struct pt_regs *regs)
{
	const void *func = (void *)regs->di;
	const void *src = (void *)regs->dx;
	u8 bytes[TEXT_BYTES];
	struct live_write w = {
		.va = regs->si,
		.len = regs->cx,
		.bytes = src,
		.fill = func != text_poke_memcpy,
	};
	struct live_verdict v;
	bool done;

	if (step_entered(regs, &w))
		return;
	/* To fill, the kernel passes a pointer to an int. */
	if (w.fill || w.len <= TEXT_BYTES) {
		memcpy(bytes, src, w.fill ? sizeof(int) : w.len);
		w.bytes = bytes;
	}
	/* Any other function writes what it likes. */
	v = !w.fill || func == text_poke_memset ?
	    checked_bytes(&w) : unknown("neither copied nor filled");
	atomic64_inc(&counts[v.kind]);
	done = let_through(&w, &v);
	if (!v.why)
		give_copy(regs, &w);
	trace_write(&w, v.kind, NULL, !v.why ? "accepted" : done ? "counted" :
		    "refused");
	if (!done)
		instruction_pointer_set(regs, (unsigned long)live_refuse_bytes);
}

static void notrace writer_entered(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops,
				   struct ftrace_regs *fregs)
{
	if (!READ_ONCE(armed))
		return;
	if (ip - hooked[HOOKED_POKE] > CALL_SITE_OFFSET)
		queue_entered(ftrace_get_regs(fregs));
	/* live_text_poke() leaves a write to the kernel. */
	else if (!live_is_own_text(parent_ip))
		poke_entered(ftrace_get_regs(fregs));
}

static struct ftrace_ops writer_ops = {
	.func = writer_entered,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		 FTRACE_OPS_FL_PERMANENT,
};

void live_write_text(unsigned long va, const u8 *bytes, size_t len)
{
	static_call(lvbs_text_poke)(text_poke_memcpy, (void *)va, bytes, len);
}

static int find_writers(void)
{
	enum hooked h;

	text_poke_memcpy = (void *)ksym_address("text_poke_memcpy");
	text_poke_memset = (void *)ksym_address("text_poke_memset");
	text_mutex = (void *)ksym_address("text_mutex");
	for (h = 0; h < HOOKED_NR; h++)
		hooked[h] = ksym_address(hooked_names[h]);
	if (text_poke_memcpy && text_poke_memset && text_mutex && hooked[HOOKED_POKE] &&
	    ((hooked[HOOKED_QUEUE] && hooked[HOOKED_SINGLE]) ||
	     (hooked[HOOKED_BATCH_ADD] && hooked[HOOKED_BATCH_SINGLE])))
		return 0;
	pr_err("live mode: cannot find the functions of this kernel that write text\n");
	return -ENOENT;
}

/* What is queued or half written now was not seen. */
static void arm(void)
{
	live_text_lock();
	insn_queue_reset(&queue);
	WRITE_ONCE(armed, true);
	live_text_unlock();
}

int live_hook_install(void)
{
	enum hooked h;
	int err;

	err = find_writers();
	if (err)
		return err;
	static_call_update(lvbs_text_poke, (text_poke_fn *)hooked[HOOKED_POKE]);
	for (h = 0; !err && h < HOOKED_NR; h++)
		if (hooked[h])
			err = ftrace_set_filter_ip(&writer_ops, hooked[h], 0,
						   h == HOOKED_POKE);
	if (!err)
		err = register_ftrace_function(&writer_ops);
	if (err) {
		pr_err("live mode: cannot hook the kernel's text writer: error %d (is it traced by a live patch or BPF, or kernel.ftrace_enabled 0?)\n",
		       err);
		return err;
	}
	arm();
	return 0;
}

int live_hook_remove(void)
{
	int err;

	/* What is queued or half written would not be recognised later. */
	live_text_lock();
	WRITE_ONCE(armed, false);
	live_text_unlock();
	err = unregister_ftrace_function(&writer_ops);
	if (err) {
		pr_err("live mode: cannot unhook the kernel's text writer: error %d\n",
		       err);
		arm();
		return err;
	}
	/*
	 * unregister_ftrace_function() waited for the tasks that it preempted
	 * between the call and live_text_poke(): all others are counted.
	 */
	while (atomic_read(&in_flight))
		msleep(20);
	/* Wait for the tasks that still return through the module's text. */
	synchronize_rcu_tasks();
	return 0;
}

/* Leaves dangling pointers: not before the last use. */
void live_hook_exit(void)
{
	ftrace_free_filter(&writer_ops);
}

void live_hook_set_mediate(bool mediate)
{
	WRITE_ONCE(mediating, mediate);
}
