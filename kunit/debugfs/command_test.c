// SPDX-License-Identifier: GPL-2.0
/*
 * Words of commands, the word that is to blame, and how the error log shows it.
 */
#include <kunit/test.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include "debugfs/command.h"
#include "kunit/param.h"

/* ---- which word is to blame ---- */

/*
 * Takes "NUMBER HEX NAME" and refuses the name "bad" with -EBUSY, "taken" with
 * -EEXIST, "odd" with -EIO.
 */
static int run(struct command *cmd)
{
	const char *name;
	u64 number;
	size_t len;
	char *hex;

	if (command_number(cmd, "NUMBER", &number) ||
	    command_hex(cmd, "HEX", &hex, &len))
		return -EINVAL;
	name = command_word(cmd, "NAME");
	if (!name || command_end(cmd))
		return -EINVAL;
	if (!strcmp(name, "bad"))
		return command_blame(cmd, 2, "a bad name", -EBUSY);
	if (!strcmp(name, "taken"))
		return -EEXIST;
	return strcmp(name, "odd") ? 0 : -EIO;
}

static const struct command_refusal run_refusals[] = {
	{ EBUSY, 0, "not shown: the command says it" },
	{ EEXIST, 2, "taken by someone else" },
	{}
};

struct blame_row {
	const char *name;
	const char *text;
	int err;
	size_t caret;
	const char *word;	/* its name, or NULL */
	const char *why;
};

#define NOT_A_NUMBER	"is not a number of 64 bits, decimal or hex with 0x"

static const struct blame_row blame_rows[] = {
	{ "accepted", "1 ff name", 0 },
	{ "accepted, with blanks", " \t1  ff\tname\n\n", 0 },
	{ "no word", "\n", EINVAL, 0, "NUMBER", "is missing" },
	{ "first word is wrong", "x ff name", EINVAL, 0, "NUMBER", NOT_A_NUMBER },
	{ "first word is wrong, after blanks", " \t x ff name", EINVAL, 3,
	  "NUMBER", NOT_A_NUMBER },
	{ "second word is missing", "12\n", EINVAL, 3, "HEX", "is missing" },
	{ "second word is missing, blanks at the end", "12  \t\n", EINVAL, 3, "HEX",
	  "is missing" },
	{ "second word is missing, no newline", "12", EINVAL, 3, "HEX",
	  "is missing" },
	{ "second word is wrong", "12  fff name", EINVAL, 4, "HEX",
	  "is not pairs of hex digits" },
	{ "third word is missing", "1 ff\n", EINVAL, 5, "NAME", "is missing" },
	{ "a word too many", "1 ff name more\n", EINVAL, 10, NULL,
	  "too many words" },
	{ "two words too many", "1 ff name  a b", EINVAL, 11, NULL,
	  "too many words" },
	{ "the command says why", "1 ff bad", EBUSY, 5, NULL, "a bad name" },
	{ "the file says why", "1 ff taken", EEXIST, 5, NULL,
	  "taken by someone else" },
	{ "nobody says why", "1 ff odd", EIO, 0, NULL, "see the kernel log" },
};

KUNIT_ARRAY_PARAM_DESC(blame, blame_rows, name);

static void blame_test(struct kunit *test)
{
	const struct blame_row *row = test->param_value;
	struct command cmd;
	char words[64];
	int err;

	strscpy(words, row->text, sizeof(words));
	command_init(&cmd, row->text, words);
	err = run(&cmd);
	KUNIT_ASSERT_EQ(test, err, -row->err);
	if (!err)
		return;
	command_explain(&cmd, -err, run_refusals);
	KUNIT_EXPECT_EQ(test, cmd.caret, row->caret);
	if (row->word)
		KUNIT_EXPECT_STREQ(test, cmd.name, row->word);
	else
		KUNIT_EXPECT_NULL(test, cmd.name);
	KUNIT_EXPECT_STREQ(test, cmd.why, row->why);
}

static void missing_test(struct kunit *test)
{
	struct command cmd;
	char words[] = "", *hex;
	size_t len;
	u64 number;

	command_init(&cmd, "", words);
	KUNIT_EXPECT_EQ(test, command_number(&cmd, "N", &number), -EINVAL);
	command_init(&cmd, "", words);
	KUNIT_EXPECT_EQ(test, command_hex(&cmd, "HEX", &hex, &len), -EINVAL);
}

/* Each documented errno has a name and a meaning of its own. */
static void errno_test(struct kunit *test)
{
	static const int documented[] = {
		EINVAL, ERANGE, EOVERFLOW, ENXIO, EPERM, EROFS, EEXIST, EBUSY,
		EFAULT, ENOENT, EACCES, ENOSYS, ENOMEM, EINTR,
	};
	size_t i, other;

	for (i = 0; i < ARRAY_SIZE(documented); i++) {
		KUNIT_EXPECT_NOT_NULL(test, errno_name(documented[i]));
		KUNIT_EXPECT_STRNEQ(test, errno_meaning(documented[i]),
				    errno_meaning(EIO));
		for (other = 0; other < i; other++)
			KUNIT_EXPECT_STRNEQ(test, errno_meaning(documented[i]),
					    errno_meaning(documented[other]));
	}
	KUNIT_EXPECT_NULL(test, errno_name(EIO));
	KUNIT_EXPECT_STREQ(test, errno_name(EROFS), "EROFS");
}

/* ---- what the error log shows ---- */

/* A text is @head, the first @digits of 0123456789012... and @tail. */
struct shown_text {
	const char *head;
	unsigned int digits;
	const char *tail;
};

struct shown_row {
	const char *name;
	struct shown_text text;
	size_t caret;
	struct shown_text shown;
	size_t shown_caret;
};

static const struct shown_row shown_rows[] = {
	{ "short", { "log 4" }, 4, { "log 4" }, 4 },
	{ "newline at the end", { "log 4\n" }, 4, { "log 4" }, 4 },
	{ "empty", { "" }, 0, { "" }, 0 },
	{ "past the end", { "log\n" }, 4, { "log" }, 4 },
	{ "unprintable", { "a\tb\nc\x1b\x80", 1 }, 7, { "a b c  ", 1 }, 7 },
	{ "long, caret at the beginning", { "", 130 }, 3, { "", 127 }, 3 },
	{ "as long as fits", { "", 127 }, 126, { "", 127 }, 126 },
	{ "too long by one, caret at the end", { "x", 127 }, 127,
	  { "", 127 }, 126 },
	{ "too long, caret at the end", { "987654", 120, "yz" }, 127,
	  { "87654", 120, "yz" }, 126 },
	{ "too long, caret in the middle", { "", 300 }, 150,
	  { "6789", 123 }, 64 },
	{ "too long, caret below the middle", { "", 300 }, 64,
	  { "", 127 }, 64 },
};

KUNIT_ARRAY_PARAM_DESC(shown, shown_rows, name);

static const char *build_text(struct kunit *test, const struct shown_text *what)
{
	char *text = kunit_kzalloc(test, 512, GFP_KERNEL);
	size_t len, i;

	KUNIT_ASSERT_NOT_NULL(test, text);
	len = strscpy(text, what->head, 512);
	for (i = 0; i < what->digits; i++)
		text[len++] = '0' + i % 10;
	strscpy(text + len, what->tail ?: "", 512 - len);
	return text;
}

static void shown_test(struct kunit *test)
{
	const struct shown_row *row = test->param_value;
	struct command cmd = {
		.text = build_text(test, &row->text),
		.caret = row->caret,
	};
	struct error_log_line *line;

	line = kunit_kzalloc(test, sizeof(*line), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, line);
	error_log_fill(line, &cmd);
	KUNIT_EXPECT_STREQ(test, line->text, build_text(test, &row->shown));
	KUNIT_EXPECT_EQ(test, line->caret, row->shown_caret);
}

struct printed_row {
	const char *name;
	struct error_log_line line;
	const char *printed;
};

static const struct printed_row printed_rows[] = {
	{ "a word with its name",
	  { 1234567890123, "ring/new", EINVAL, "PAGES", "is missing", "log", 4 },
	  "[ 1234.567890] ring/new: EINVAL: PAGES is missing\n"
	  "  Command: log\n"
	  "               ^\n" },
	{ "a sentence",
	  { 0, "vtlcall", ENOSYS, NULL, "no such VTL call", "1 2 3 4", 0 },
	  "[    0.000000] vtlcall: ENOSYS: no such VTL call\n"
	  "  Command: 1 2 3 4\n"
	  "           ^\n" },
	{ "an errno without a name",
	  { 0, "heki/live", EIO, NULL, "see the kernel log", "audit", 0 },
	  "[    0.000000] heki/live: error 5: see the kernel log\n"
	  "  Command: audit\n"
	  "           ^\n" },
};

KUNIT_ARRAY_PARAM_DESC(printed, printed_rows, name);

static void printed_test(struct kunit *test)
{
	const struct printed_row *row = test->param_value;
	char *buf = kunit_kzalloc(test, 512, GFP_KERNEL);
	struct seq_file m = { .buf = buf, .size = 511 };

	KUNIT_ASSERT_NOT_NULL(test, buf);
	error_log_print(&m, &row->line);
	KUNIT_EXPECT_STREQ(test, buf, row->printed);
}

static struct kunit_case command_cases[] = {
	KUNIT_CASE_PARAM(blame_test, blame_gen_params),
	KUNIT_CASE(missing_test),
	KUNIT_CASE(errno_test),
	KUNIT_CASE_PARAM(shown_test, shown_gen_params),
	KUNIT_CASE_PARAM(printed_test, printed_gen_params),
	{}
};

static struct kunit_suite command_suite = {
	.name = "lvbs_command",
	.test_cases = command_cases,
};

kunit_test_suite(command_suite);
