/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fail each call once: repeat an operation with one call of the vmap manager
 * failing each time, until every call has failed.
 */
#ifndef _LVBS_KUNIT_FAKE_SWEEP_H
#define _LVBS_KUNIT_FAKE_SWEEP_H

struct fake_vmap;

/**
 * typedef sweep_fn - operation to repeat
 * @fake: the fake
 * @arg: argument of the operation
 *
 * Leaves nothing mapped, claimed or protected, even on error.
 *
 * Return: 0, or the first error.
 */
typedef int (*sweep_fn)(struct fake_vmap *fake, void *arg);

/**
 * fake_sweep() - expect the right error and a complete cleanup for each failure
 * @fake: the fake
 * @run: the operation
 * @arg: argument of the operation
 *
 * If vunmap fails, the operation succeeds and a window is leaked.
 */
void fake_sweep(struct fake_vmap *fake, sweep_fn run, void *arg);

#endif /* _LVBS_KUNIT_FAKE_SWEEP_H */
