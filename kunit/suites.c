// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the suites of a module. See kunit/suites.h.
 */
#ifdef LVBS_RUN_SUITES

#include <kunit/test.h>

#include "kunit/suites.h"
#include "subsystems.h"

static struct kunit_suite *suites_end[0] __aligned(sizeof(void *)) __used
	LVBS_SUITES;

int unit_tests_init(void)
{
	/* A case that fails is a result, not an error. */
	return __kunit_test_suites_init(suites_start, suites_end - suites_start);
}

void unit_tests_exit(void)
{
	__kunit_test_suites_exit(suites_start, suites_end - suites_start);
}

#endif
