/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fail at the nth: run something again and again, with another call of the vmap
 * manager failing each time, until all calls have had their turn.
 */
#ifndef _LVBS_KUNIT_FAKE_SWEEP_H
#define _LVBS_KUNIT_FAKE_SWEEP_H

struct fake_vmap;

/**
 * typedef sweep_fn - what is swept
 * @fake: the fake
 * @arg: its argument
 *
 * Leaves nothing open, whatever the outcome.
 *
 * Return: the first error that it met.
 */
typedef int (*sweep_fn)(struct fake_vmap *fake, void *arg);

/**
 * fake_sweep() - expect the right error, and nothing left, from each failure
 * @fake: the fake
 * @run: what is swept
 * @arg: its argument
 *
 * A failure of vunmap is no error of the operation: the window is leaked.
 */
void fake_sweep(struct fake_vmap *fake, sweep_fn run, void *arg);

#endif /* _LVBS_KUNIT_FAKE_SWEEP_H */
