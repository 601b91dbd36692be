// SPDX-License-Identifier: GPL-2.0
/*
 * The start of the array of suites. See kunit/suites.h.
 */
#ifdef LVBS_RUN_SUITES

#include "kunit/suites.h"

struct kunit_suite *suites_start[0] __aligned(sizeof(void *)) __used LVBS_SUITES;

#endif
