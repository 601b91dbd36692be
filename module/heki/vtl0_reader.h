/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LVBS_VTL0_READER_H
#define _LVBS_VTL0_READER_H

#include "heki/page_list.h"

/* Reads VTL0's memory through physical pointers. */
extern const struct heki_reader vtl0_reader;

#endif /* _LVBS_VTL0_READER_H */
