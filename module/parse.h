/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The words that users write into our files: numbers, ranges, hex bytes.
 */
#ifndef _LVBS_PARSE_H
#define _LVBS_PARSE_H

#include <linux/types.h>

/**
 * parse_word() - take the next word off a line
 * @rest: the line; moved behind the word, which is terminated in place
 *
 * Words are separated by blanks, tabs and newlines.
 *
 * Return: the word, or NULL at the end.
 */
char *parse_word(char **rest);

/**
 * parse_number() - a number, decimal or 0x hex
 * @word: the word; all of it is the number. A leading 0 does not mean octal
 * @value: the number
 *
 * Return: 0; -EINVAL if it is none, or does not fit.
 */
int parse_number(const char *word, u64 *value);

/**
 * parse_next_number() - take the next word off a line; it is a number
 * @rest: the line
 * @value: the number
 *
 * Return: 0; -EINVAL if there is no word, or it is no number.
 */
int parse_next_number(char **rest, u64 *value);

/**
 * parse_range() - START-END, END inclusive
 * @word: the word; all of it is the range
 * @start: first number
 * @end: last number, not less than @start
 *
 * Return: 0; -EINVAL if it is no range.
 */
int parse_range(const char *word, u64 *start, u64 *end);

/**
 * parse_hex() - bytes, two hex digits each, in place
 * @word: the digits; overwritten by the bytes, which are fewer
 * @len: number of bytes
 *
 * Return: 0; -EINVAL for an odd number of digits, or something else than
 * digits. No digits are no bytes.
 */
int parse_hex(char *word, size_t *len);

#endif /* _LVBS_PARSE_H */
