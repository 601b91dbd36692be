// SPDX-License-Identifier: GPL-2.0
/*
 * Fail each call once. See kunit/fakes/sweep.h.
 */
#include <kunit/test.h>

#include "kunit/fakes/sweep.h"
#include "kunit/fakes/vmap.h"

/* More calls than any test makes. */
#define NTH_MAX	1000

static const struct {
	const char *name;
	int err;
	int outcome;
} failures[FAKE_NR_OPS] = {
	[FAKE_VALIDATE]	= { "validate_unowned", -ENXIO, -ENXIO },
	[FAKE_VMAP]	= { "vmap", -ENOMEM, -ENOMEM },
	[FAKE_VUNMAP]	= { "vunmap", -EBUSY, 0 },
	[FAKE_PROTECT]	= { "protect", -EBUSY, -EBUSY },
};

static bool sweep_nth(struct fake_vmap *fake, sweep_fn run, void *arg,
		      enum fake_op op, unsigned long nth)
{
	unsigned int leaked = fake->leaked;
	bool did;
	int err;

	fake_fail(fake, op, nth, failures[op].err);
	err = run(fake, arg);
	did = fake_did_fail(fake, op);

	KUNIT_EXPECT_EQ_MSG(fake->test, err, did ? failures[op].outcome : 0,
			    "call %lu of %s fails", nth, failures[op].name);
	KUNIT_EXPECT_EQ_MSG(fake->test, fake->leaked - leaked,
			    (unsigned int)(did && op == FAKE_VUNMAP),
			    "call %lu of %s fails", nth, failures[op].name);
	fake_reuse_leaked(fake);
	fake_expect_idle(fake);
	return did;
}

void fake_sweep(struct fake_vmap *fake, sweep_fn run, void *arg)
{
	enum fake_op op;

	for (op = 0; op < FAKE_NR_OPS; op++) {
		unsigned long calls = fake->calls[op], nth = 1;

		KUNIT_EXPECT_EQ(fake->test, run(fake, arg), 0);
		calls = fake->calls[op] - calls;
		while (nth < NTH_MAX && sweep_nth(fake, run, arg, op, nth))
			nth++;
		/* Each call has failed once. */
		KUNIT_EXPECT_EQ_MSG(fake->test, nth, calls + 1, "%s",
				    failures[op].name);
	}
}
