// SPDX-License-Identifier: GPL-2.0
/*
 * Parsing of command words: accepted spellings, and similar ones that are
 * refused.
 */
#include <kunit/test.h>
#include <linux/string.h>

#include "kunit/param.h"
#include "parse.h"

#define UNTOUCHED	0x5a5a5a5a5a5a5a5aULL

/* ---- numbers ---- */

struct number_row {
	const char *name;
	const char *text;
	int err;
	u64 value;
};

static const struct number_row number_rows[] = {
	{ "zero", "0", 0, 0 },
	{ "decimal", "1234567890", 0, 1234567890 },
	{ "hex, lower case", "0xdeadbeef", 0, 0xdeadbeef },
	{ "hex, upper case", "0XDEADBEEF", 0, 0xdeadbeef },
	{ "hex zero", "0x0", 0, 0 },
	{ "leading 0 is not octal", "010", 0, 10 },
	{ "leading 0 is not octal, 8", "08", 0, 8 },
	{ "many leading zeroes", "000000000000000000000000000007", 0, 7 },
	{ "largest decimal", "18446744073709551615", 0, U64_MAX },
	{ "largest hex", "0xffffffffffffffff", 0, U64_MAX },
	{ "decimal too large by one", "18446744073709551616", -EINVAL },
	{ "hex too large by one", "0x10000000000000000", -EINVAL },
	{ "far too large", "99999999999999999999999999999999", -EINVAL },
	{ "empty", "", -EINVAL },
	{ "prefix alone", "0x", -EINVAL },
	{ "prefix twice", "0x0x1", -EINVAL },
	{ "prefix without 0", "x1", -EINVAL },
	{ "plus", "+1", -EINVAL },
	{ "minus", "-1", -EINVAL },
	{ "plus in hex", "0x+1", -EINVAL },
	{ "minus in hex", "0x-1", -EINVAL },
	{ "plus before hex", "+0x1", -EINVAL },
	{ "hex digits without prefix", "ff", -EINVAL },
	{ "hex digit after decimal", "1f", -EINVAL },
	{ "not a hex digit", "0xg", -EINVAL },
	{ "binary", "0b1", -EINVAL },
	{ "blank before", " 1", -EINVAL },
	{ "blank after", "1 ", -EINVAL },
	{ "blank in hex", "0x 1", -EINVAL },
	{ "blank alone", " ", -EINVAL },
	{ "suffix", "4k", -EINVAL },
	{ "fraction", "1.5", -EINVAL },
	{ "two numbers", "1 2", -EINVAL },
	{ "non-ASCII letter", "\xe4", -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(number, number_rows, name);

static void number_test(struct kunit *test)
{
	const struct number_row *row = test->param_value;
	u64 value = UNTOUCHED;

	KUNIT_EXPECT_EQ(test, parse_number(row->text, &value), row->err);
	if (!row->err)
		KUNIT_EXPECT_EQ(test, value, row->value);
}

/* ---- ranges ---- */

struct range_row {
	const char *name;
	const char *text;
	int err;
	u64 start;
	u64 end;
};

static const struct range_row range_rows[] = {
	{ "decimal", "1-2", 0, 1, 2 },
	{ "hex", "0x1000-0x1fff", 0, 0x1000, 0x1fff },
	{ "mixed", "16-0x20", 0, 16, 32 },
	{ "one address", "7-7", 0, 7, 7 },
	{ "everything, hex", "0x0-0xffffffffffffffff", 0, 0, U64_MAX },
	{ "longest decimal", "18446744073709551614-18446744073709551615", 0,
	  U64_MAX - 1, U64_MAX },
	{ "end before start", "2-1", -EINVAL },
	{ "start alone", "1", -EINVAL },
	{ "start and dash", "1-", -EINVAL },
	{ "dash and end", "-1", -EINVAL },
	{ "dash alone", "-", -EINVAL },
	{ "empty", "", -EINVAL },
	{ "three numbers", "1-2-3", -EINVAL },
	{ "two dashes", "1--2", -EINVAL },
	{ "trailing dash", "1-2-", -EINVAL },
	{ "signed end", "1-+2", -EINVAL },
	{ "blanks around the dash", "1 - 2", -EINVAL },
	{ "blank after", "1-2 ", -EINVAL },
	{ "no digits", "a-b", -EINVAL },
	{ "end too large", "1-18446744073709551616", -EINVAL },
	{ "start too large", "18446744073709551616-18446744073709551617",
	  -EINVAL },
	{ "too long by one", "018446744073709551614-18446744073709551615",
	  -EINVAL },
	{ "valid only if it were cut",
	  "0-00000000000000000000000000000000000000000002", -EINVAL },
	{ "far too long",
	  "00000000000000000000000000000000001-0000000000000000000000000002",
	  -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(range, range_rows, name);

static void range_test(struct kunit *test)
{
	const struct range_row *row = test->param_value;
	u64 start = UNTOUCHED, end = UNTOUCHED;

	KUNIT_EXPECT_EQ(test, parse_range(row->text, &start, &end), row->err);
	if (row->err)
		return;
	KUNIT_EXPECT_EQ(test, start, row->start);
	KUNIT_EXPECT_EQ(test, end, row->end);
}

/* ---- words ---- */

struct word_row {
	const char *name;
	const char *text;
	const char *words[4];
};

static const struct word_row word_rows[] = {
	{ "empty", "", { } },
	{ "blanks alone", "\n \t\n\t ", { } },
	{ "one", "one", { "one" } },
	{ "one, with newline", "one\n", { "one" } },
	{ "three", "one two three", { "one", "two", "three" } },
	{ "blanks before", "  one", { "one" } },
	{ "blanks after", "one  ", { "one" } },
	{ "every separator", "one\ttwo\n \t three", { "one", "two", "three" } },
	{ "other white space is not a separator", "one\rtwo\vx",
	  { "one\rtwo\vx" } },
	{ "dashes are kept", "1-2 -", { "1-2", "-" } },
};

KUNIT_ARRAY_PARAM_DESC(word, word_rows, name);

static void word_test(struct kunit *test)
{
	const struct word_row *row = test->param_value;
	char line[64], *rest = line;
	unsigned int i;

	strscpy(line, row->text, sizeof(line));
	for (i = 0; row->words[i]; i++) {
		char *word = parse_word(&rest);

		KUNIT_ASSERT_NOT_NULL_MSG(test, word, "word %u", i);
		KUNIT_EXPECT_STREQ(test, word, row->words[i]);
	}
	/* Calls past the end return NULL, too. */
	KUNIT_EXPECT_NULL(test, parse_word(&rest));
	KUNIT_EXPECT_NULL(test, parse_word(&rest));
}

/* ---- bytes ---- */

struct hex_row {
	const char *name;
	const char *text;
	int err;
	size_t len;
	u8 bytes[10];
};

static const struct hex_row hex_rows[] = {
	{ "no digits", "", 0, 0, { } },
	{ "one byte", "a5", 0, 1, { 0xa5 } },
	{ "zero byte", "00", 0, 1, { 0 } },
	{ "upper and lower case", "fFAb09", 0, 3, { 0xff, 0xab, 0x09 } },
	{ "ten", "00112233445566778899", 0, 10,
	  { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99 } },
	{ "one digit", "a", -EINVAL },
	{ "odd", "a5b", -EINVAL },
	{ "bad first digit", "g0", -EINVAL },
	{ "bad last digit", "a50g", -EINVAL },
	{ "prefix", "0xa5", -EINVAL },
	{ "blank between", "a5 b6", -EINVAL },
	{ "blanks instead of digits", "a5  b6", -EINVAL },
	{ "sign", "-1", -EINVAL },
	{ "newline", "a5\n", -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(hex, hex_rows, name);

static void hex_test(struct kunit *test)
{
	const struct hex_row *row = test->param_value;
	size_t len = 77;
	char word[32];

	strscpy(word, row->text, sizeof(word));
	KUNIT_EXPECT_EQ(test, parse_hex(word, &len), row->err);
	if (row->err)
		return;
	KUNIT_ASSERT_EQ(test, len, row->len);
	KUNIT_EXPECT_EQ(test, 0, memcmp(word, row->bytes, len));
}

static struct kunit_case parse_cases[] = {
	KUNIT_CASE_PARAM(number_test, number_gen_params),
	KUNIT_CASE_PARAM(range_test, range_gen_params),
	KUNIT_CASE_PARAM(word_test, word_gen_params),
	KUNIT_CASE_PARAM(hex_test, hex_gen_params),
	{ }
};

static struct kunit_suite parse_suite = {
	.name = "lvbs_parse",
	.test_cases = parse_cases,
};

kunit_test_suites(&parse_suite);
