/* SPDX-License-Identifier: GPL-2.0 */
/* Parameterised cases on kernels before 6.3. */
#ifndef _LVBS_KUNIT_PARAM_H
#define _LVBS_KUNIT_PARAM_H

#include <kunit/test.h>
#include <linux/string.h>

#ifndef KUNIT_ARRAY_PARAM_DESC
#define KUNIT_ARRAY_PARAM_DESC(name, array, desc_member)		\
	static void name##_param_desc(typeof(&(array)[0]) row,		\
				      char *desc)			\
	{								\
		strscpy(desc, row->desc_member, KUNIT_PARAM_DESC_SIZE);	\
	}								\
	KUNIT_ARRAY_PARAM(name, array, name##_param_desc)
#endif

#endif /* _LVBS_KUNIT_PARAM_H */
