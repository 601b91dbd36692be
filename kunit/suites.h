/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The suites of a module on a kernel that would run them before its init
 * function. They are in a section of their own, in the order of the objects in
 * Kbuild: suites_start.c is the first and suites.c the last.
 */
#ifndef _LVBS_KUNIT_SUITES_H
#define _LVBS_KUNIT_SUITES_H

struct kunit_suite;

extern struct kunit_suite *suites_start[];

#endif /* _LVBS_KUNIT_SUITES_H */
