// SPDX-License-Identifier: GPL-2.0
/*
 * Policies: what happens to the text writes of a kind.
 *
 *	count	seen, and let through unchecked
 *	check	in mediate an illegal one is not done; the default
 *	deny	as check, and what would lead to one fails before it has begun,
 *		with -EPERM, where the kernel has a function that returns errors
 *
 * A second ftrace_ops sees those functions called; where the tracer does not see
 * itself, kprobes do. They are registered while a kind is denied, and act in mediate
 * only.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/errno.h>
#include <linux/ftrace.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "ksym.h"
#include "live/live.h"
#include "phys/phys.h"

enum policy {
	POLICY_COUNT,
	POLICY_CHECK,
	POLICY_DENY,
	POLICY_NR
};

static const char * const policy_names[POLICY_NR] = {
	[POLICY_COUNT] = "count",
	[POLICY_CHECK] = "check",
	[POLICY_DENY] = "deny",
};

/* Changed with live_mode_lock() held, read anywhere. */
static enum policy policies[LIVE_NR] = { [0 ... LIVE_NR - 1] = POLICY_CHECK };
static atomic64_t denied_count;

/* Why this kernel only lets a kind be counted, or NULL. */
static const char *only_counted[LIVE_NR];

/* Functions that begin what leads to text writes. */
struct denied {
	const char *name;
	enum live_kind kind;
	bool pointer;		/* returns NULL, not an errno */
	unsigned long va;	/* 0: this kernel lacks it */
	bool untraced;
	struct kprobe probe;	/* if untraced */
};

static struct denied denied[] = {
	{ "register_kprobe", LIVE_KPROBE },
	{ "enable_kprobe", LIVE_KPROBE },
	{ "arch_prepare_optimized_kprobe", LIVE_OPTPROBE },
	{ "tracing_set_tracer", LIVE_FTRACE },
	{ "register_ftrace_function", LIVE_FTRACE },
	{ "register_ftrace_graph", LIVE_FTRACE },
	{ "register_ftrace_direct", LIVE_FTRACE },
	{ "register_ftrace_direct_multi", LIVE_FTRACE },
	{ "bpf_prog_pack_alloc", LIVE_BPF, .pointer = true },
	{ "klp_enable_patch", LIVE_LIVEPATCH },
};

/* A function's call of the tracer comes after its landing pad at most. */
#define CALL_SITE_OFFSET	8

bool live_policy_counts(enum live_kind kind)
{
	return READ_ONCE(policies[kind]) == POLICY_COUNT;
}

static int live_deny(void)
{
	return -EPERM;
}

static void *live_deny_pointer(void)
{
	return NULL;
}

static const struct denied *denied_at(unsigned long ip)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(denied); i++)
		if (denied[i].va && ip - denied[i].va <= CALL_SITE_OFFSET)
			return &denied[i];
	return NULL;
}

/*
 * Calls that must not fail. The tracer's own users do not look at what
 * register_ftrace_function() returns, and WARN later: the two tracers are denied where
 * they are selected.
 */
static bool must_succeed(const struct denied *d, unsigned long caller,
			 const struct pt_regs *regs)
{
	if (!strcmp(d->name, "tracing_set_tracer"))
		return !strcmp((const char *)regs->si, "nop");
	if (!strcmp(d->name, "register_ftrace_function"))
		return caller - kernel_image_text().va < kernel_image_text().bytes;
	return false;
}

/* Makes a function that was just called return at once, if it is denied. */
static bool deny_call(const struct denied *d, unsigned long caller,
		      struct pt_regs *regs)
{
	if (READ_ONCE(policies[d->kind]) != POLICY_DENY ||
	    strcmp(live_mode_name(), "mediate") ||
	    live_is_own_text(caller) || must_succeed(d, caller, regs))
		return false;
	atomic64_inc(&denied_count);
	pr_warn_ratelimited("denied %s(), called from %pS: policy of %s\n",
			    d->name, (void *)caller, live_kind_name(d->kind));
	instruction_pointer_set(regs, d->pointer ?
				(unsigned long)live_deny_pointer :
				(unsigned long)live_deny);
	return true;
}

static void notrace denied_entered(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops,
				   struct ftrace_regs *fregs)
{
	const struct denied *d = denied_at(ip);

	if (d)
		deny_call(d, parent_ip, ftrace_get_regs(fregs));
}

static int denied_probed(struct kprobe *p, struct pt_regs *regs)
{
	const struct denied *d = container_of(p, struct denied, probe);

	/* At the first instruction the return address is on top of the stack. */
	return deny_call(d, *(unsigned long *)regs->sp, regs);
}

/* A probe with a post handler is never optimised: then it could not deny. */
static void denied_stepped(struct kprobe *p, struct pt_regs *regs,
			   unsigned long flags)
{
}

static struct ftrace_ops denied_ops = {
	.func = denied_entered,
	.flags = FTRACE_OPS_FL_SAVE_REGS | FTRACE_OPS_FL_IPMODIFY |
		 FTRACE_OPS_FL_PERMANENT,
};

static bool is_registered;	/* guarded by live_mode_lock() */

static bool may_be_denied(enum live_kind kind)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(denied); i++)
		if (denied[i].kind == kind && denied[i].va)
			return true;
	return false;
}

static void unprobe_denied(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(denied); i++) {
		if (denied[i].probe.addr)
			unregister_kprobe(&denied[i].probe);
		denied[i].probe = (struct kprobe) {};
	}
}

static int probe_denied(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(denied); i++) {
		if (!denied[i].va || !denied[i].untraced)
			continue;
		denied[i].probe = (struct kprobe) {
			.addr = (kprobe_opcode_t *)denied[i].va,
			.pre_handler = denied_probed,
			.post_handler = denied_stepped,
		};
		err = register_kprobe(&denied[i].probe);
		if (err)
			denied[i].probe = (struct kprobe) {};
	}
	if (err)
		unprobe_denied();
	return err;
}

static int trace_denied(void)
{
	bool first = true;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(denied); i++) {
		if (!denied[i].va || denied[i].untraced)
			continue;
		err = ftrace_set_filter_ip(&denied_ops, denied[i].va, 0, first);
		first = false;
	}
	return err ?: register_ftrace_function(&denied_ops);
}

static int hook_denied(void)
{
	int err = probe_denied();

	if (!err) {
		err = trace_denied();
		if (err)
			unprobe_denied();
	}
	if (err)
		pr_err("heki/policy: cannot hook the functions to deny: error %d (is one traced by a live patch or BPF?)\n",
		       err);
	is_registered = !err;
	return err;
}

static int unhook_denied(void)
{
	int err = unregister_ftrace_function(&denied_ops);

	if (err) {
		pr_err("heki/policy: cannot unhook the functions that were denied: error %d\n",
		       err);
		return err;
	}
	unprobe_denied();
	is_registered = false;
	/* Wait for the tasks that still return through the module's text. */
	synchronize_rcu_tasks();
	return 0;
}

static bool any_denied(void)
{
	enum live_kind kind;

	for (kind = 0; kind < LIVE_NR; kind++)
		if (policies[kind] == POLICY_DENY)
			return true;
	return false;
}

static int set_policy(enum live_kind kind, enum policy policy)
{
	enum policy old = policies[kind];
	int err = 0;

	WRITE_ONCE(policies[kind], policy);
	if (any_denied() && !is_registered)
		err = hook_denied();
	else if (!any_denied() && is_registered)
		err = unhook_denied();
	if (err)
		WRITE_ONCE(policies[kind], old);
	return err;
}

static int find_kind(const char *name)
{
	enum live_kind kind;

	for (kind = 0; kind < LIVE_NR; kind++)
		if (!strcmp(live_kind_name(kind), name))
			return kind;
	return -EINVAL;
}

static int check_policy(enum live_kind kind, enum policy policy)
{
	if (policy != POLICY_COUNT && only_counted[kind]) {
		pr_err("heki/policy: %s can only be counted: %s\n",
		       live_kind_name(kind), only_counted[kind]);
		return -EINVAL;
	}
	if (policy == POLICY_DENY && !may_be_denied(kind)) {
		pr_err("heki/policy: %s cannot be denied: the kernel does not expect an error\n",
		       live_kind_name(kind));
		return -EINVAL;
	}
	return 0;
}

int live_policy_set(const char *kind_name, const char *name)
{
	int policy = match_string(policy_names, POLICY_NR, name);
	int kind = find_kind(kind_name);
	int err;

	if (kind < 0 || policy < 0)
		return -EINVAL;
	live_mode_lock();
	err = check_policy(kind, policy);
	/* Policies are in order of what they allow. */
	if (!err && policy < policies[kind]) {
		err = vtlcall_widen_begin();
		if (!err) {
			err = set_policy(kind, policy);
			vtlcall_widen_end();
		}
	} else if (!err) {
		err = set_policy(kind, policy);
	}
	live_mode_unlock();
	return err;
}

s64 live_denied(void)
{
	return atomic64_read(&denied_count);
}

void live_policy_show(struct seq_file *m)
{
	enum live_kind kind;

	for (kind = 0; kind < LIVE_NR; kind++) {
		seq_printf(m, "%s %s", live_kind_name(kind),
			   policy_names[READ_ONCE(policies[kind])]);
		if (only_counted[kind])
			seq_printf(m, " # %s", only_counted[kind]);
		seq_putc(m, '\n');
	}
}

static void only_count(enum live_kind kind, const char *symbol, const char *why)
{
	if (ksym_address(symbol))
		return;
	only_counted[kind] = why;
	policies[kind] = POLICY_COUNT;
}

void live_policy_find(void)
{
	unsigned int i;

	only_count(LIVE_FTRACE, "ftrace_pages_start",
		   "no ftrace_pages_start in this kernel");
	only_count(LIVE_KPROBE, "get_kprobe", "no get_kprobe() in this kernel");
	only_count(LIVE_OPTPROBE, "aggr_pre_handler",
		   "no aggr_pre_handler() in this kernel");
	only_count(LIVE_ALTERNATIVE, "smp_alt_modules",
		   "no smp_alt_modules in this kernel");
	only_count(LIVE_BPF, "is_bpf_text_address",
		   "no is_bpf_text_address() in this kernel");
	for (i = 0; i < ARRAY_SIZE(denied); i++) {
		denied[i].va = ksym_address(denied[i].name);
		denied[i].untraced = !live_ftrace_site(denied[i].va) &&
				     !live_ftrace_site(denied[i].va + 4);
	}
}

void live_policy_exit(void)
{
	if (is_registered && unhook_denied())
		pr_emerg("heki/policy: the module cannot be unloaded: functions of the kernel are still hooked\n");
	while (is_registered) {
		ssleep(10);
		unhook_denied();
	}
	ftrace_free_filter(&denied_ops);
}
