/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parse the words of debugfs commands and module parameters. The functions
 * return 0 or -EINVAL.
 */
#ifndef _LVBS_PARSE_H
#define _LVBS_PARSE_H

#include <linux/types.h>

/* What separates words. */
#define PARSE_BLANKS	" \t\n"

char *parse_word(char **rest);
int parse_number(const char *word, u64 *value);
int parse_range(const char *word, u64 *start, u64 *end);
int parse_hex(char *word, size_t *len);

#endif /* _LVBS_PARSE_H */
