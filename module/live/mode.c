// SPDX-License-Identifier: GPL-2.0
/*
 * The modes of live mode: off, audit and mediate.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/jump_label.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "live/forms.h"
#include "live/live.h"
#include "ring/ring.h"
#include "subsystems.h"

enum live_mode {
	LIVE_OFF,
	LIVE_AUDIT,
	LIVE_MEDIATE,
	LIVE_MODE_NR
};

static const char * const mode_names[LIVE_MODE_NR] = {
	[LIVE_OFF] = "off",
	[LIVE_AUDIT] = "audit",
	[LIVE_MEDIATE] = "mediate",
};

static const char * const kind_names[LIVE_NR] = {
	[LIVE_JUMP_LABEL] = "jump_label",
	[LIVE_STATIC_CALL] = "static_call",
	[LIVE_FTRACE] = "ftrace",
	[LIVE_KPROBE] = "kprobe",
	[LIVE_OPTPROBE] = "optprobe",
	[LIVE_ALTERNATIVE] = "alternative",
	[LIVE_CALL_THUNK] = "call_thunk",
	[LIVE_BPF] = "bpf",
	[LIVE_LIVEPATCH] = "livepatch",
	[LIVE_KGDB] = "kgdb",
	[LIVE_VTL1] = "vtl1",
	[LIVE_UNKNOWN] = "unknown",
};

static DEFINE_MUTEX(mode_lock);	/* serialises changes of the mode and of policies */
static enum live_mode mode;	/* changed under mode_lock, read anywhere */

const char *live_kind_name(enum live_kind kind)
{
	return kind_names[kind];
}

void live_mode_lock(void)
{
	mutex_lock(&mode_lock);
}

void live_mode_unlock(void)
{
	mutex_unlock(&mode_lock);
}

static void set_mode(enum live_mode new)
{
	WRITE_ONCE(mode, new);
	live_hook_set_mediate(new == LIVE_MEDIATE);
}

/* A key that nothing but the proof uses. */
static DEFINE_STATIC_KEY_FALSE(proof_key);

static noinline bool proof_branch(void)
{
	return static_branch_unlikely(&proof_key);
}

/* Switch the key on and off: three writes each, of which none may be missed. */
static int prove_writes_are_seen(void)
{
	s64 before = live_count(LIVE_VTL1);
	bool on, off;

	static_branch_enable(&proof_key);
	on = proof_branch();
	static_branch_disable(&proof_key);
	off = proof_branch();

	if (on && !off && live_count(LIVE_VTL1) - before >= 6)
		return 0;
	pr_err("live mode: text writes of a test key were not seen\n");
	return -EBUSY;
}

static int live_start(enum live_mode new)
{
	int err;

	lockdep_assert_held(&mode_lock);

	err = live_carry_init();
	if (err)
		return err;
	/* From here on no text appears that is not first seen. */
	first_seen_require(true);
	err = first_seen_complete();
	if (err)
		goto free_carry;
	err = live_sites_begin(new == LIVE_MEDIATE);
	if (err)
		goto free_carry;

	set_mode(new);
	err = live_hook_install();
	if (err)
		goto end_sites;
	err = prove_writes_are_seen();
	if (err)
		goto remove_hook;
	return 0;

remove_hook:
	/* A hook that stays needs all of this. */
	if (live_hook_remove())
		return err;
end_sites:
	set_mode(LIVE_OFF);
	live_sites_end();
free_carry:
	first_seen_require(false);
	live_carry_exit();
	return err;
}

static int live_stop(void)
{
	int err;

	lockdep_assert_held(&mode_lock);

	err = live_hook_remove();
	if (err)
		return err;
	set_mode(LIVE_OFF);
	live_sites_end();
	first_seen_require(false);
	live_carry_exit();
	return 0;
}

static int live_switch(enum live_mode new)
{
	int err = 0;

	lockdep_assert_held(&mode_lock);

	if (new == LIVE_OFF) {
		if (mode != LIVE_OFF)
			err = live_stop();
	} else if (mode == LIVE_OFF) {
		err = live_start(new);
	} else {
		err = live_sites_set_mediate(new == LIVE_MEDIATE);
		if (!err)
			set_mode(new);
	}
	if (!err)
		lvbs_log("live mode: %s", mode_names[new]);
	return err;
}

int live_set_mode(const char *name)
{
	int new = match_string(mode_names, LIVE_MODE_NR, name);
	int err = 0;

	if (new < 0)
		return -EINVAL;

	live_mode_lock();
	/* Modes are in order of what they allow. */
	if (new >= mode) {
		err = live_switch(new);
	} else {
		err = vtlcall_widen_begin();
		if (!err) {
			err = live_switch(new);
			vtlcall_widen_end();
		}
	}
	live_mode_unlock();
	return err;
}

const char *live_mode_name(void)
{
	return mode_names[READ_ONCE(mode)];
}

int live_init(void)
{
	int err;

	live_kernel_find();
	live_check_find();
	live_policy_find();
	err = live_places_find();
	if (err)
		return err;
	err = first_seen_init();
	if (err)
		goto exit_places;
	err = live_sites_init();
	if (err)
		goto exit_first_seen;
	return 0;

exit_first_seen:
	first_seen_exit();
exit_places:
	live_places_exit();
	return err;
}

/* Not a user's wish: also after the end of boot. */
static int live_end(void)
{
	int err;

	live_mode_lock();
	err = live_switch(LIVE_OFF);
	live_mode_unlock();
	return err;
}

void live_exit(void)
{
	/*
	 * After a bug in ftrace the hook cannot be removed. The kernel still
	 * calls it, so this module must not go; live mode goes on meanwhile.
	 */
	if (live_end())
		pr_emerg("live mode: the module cannot be unloaded: the kernel's text writer is still hooked\n");
	while (mode != LIVE_OFF) {
		ssleep(10);
		live_end();
	}
	live_policy_exit();
	live_hook_exit();
	live_sites_exit();
	first_seen_exit();
	live_places_exit();
}
