// SPDX-License-Identifier: GPL-2.0
/*
 * The words of a command, and what is wrong with them.
 *
 * The functions that take words return an error, and note the word and what is
 * wrong with it; the error log shows that with a caret under the word.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "debugfs/command.h"
#include "parse.h"

/* @words is a copy of @text that is modified. */
void command_init(struct command *cmd, const char *text, char *words)
{
	*cmd = (struct command){ .text = text, .rest = words };
}

/* Position of the @word-th word, or of the first one that is missing. */
static size_t word_position(const char *text, unsigned int word)
{
	const char *at = text + strspn(text, PARSE_BLANKS);

	while (word-- && *at) {
		at += strcspn(at, PARSE_BLANKS);
		/* A missing word would follow after a blank. */
		if (!at[strspn(at, PARSE_BLANKS)])
			return at - text + 1;
		at += strspn(at, PARSE_BLANKS);
	}
	return *at ? at - text : 0;
}

/* The first thing that is wrong counts. */
static int blame(struct command *cmd, unsigned int word, const char *name,
		 const char *why, int err)
{
	if (!cmd->why) {
		cmd->caret = word_position(cmd->text, word);
		cmd->name = name;
		cmd->why = why;
	}
	return err;
}

/* Refuse a command because of its @word-th word. Returns @err. */
int command_blame(struct command *cmd, unsigned int word, const char *why,
		  int err)
{
	return blame(cmd, word, NULL, why, err);
}

bool command_more(const struct command *cmd)
{
	return cmd->rest && cmd->rest[strspn(cmd->rest, PARSE_BLANKS)];
}

/* Returns NULL at the end of the line. @name is the word's name in the usage. */
char *command_word(struct command *cmd, const char *name)
{
	char *word = parse_word(&cmd->rest);

	if (word)
		cmd->nr++;
	else
		blame(cmd, cmd->nr, name, "is missing", -EINVAL);
	return word;
}

int command_number(struct command *cmd, const char *name, u64 *value)
{
	const char *word = command_word(cmd, name);

	if (!word)
		return -EINVAL;
	if (!parse_number(word, value))
		return 0;
	return blame(cmd, cmd->nr - 1, name,
		     "is not a number of 64 bits, decimal or hex with 0x",
		     -EINVAL);
}

/* Decode a word in place into @len bytes, perhaps 0. */
int command_hex(struct command *cmd, const char *name, char **bytes,
		size_t *len)
{
	*bytes = command_word(cmd, name);
	if (!*bytes)
		return -EINVAL;
	if (!parse_hex(*bytes, len))
		return 0;
	return blame(cmd, cmd->nr - 1, name, "is not pairs of hex digits",
		     -EINVAL);
}

int command_end(struct command *cmd)
{
	if (!command_more(cmd))
		return 0;
	return blame(cmd, cmd->nr, NULL, "too many words", -EINVAL);
}

static const struct errno_entry {
	int err;
	const char *name;
	const char *meaning;
} errnos[] = {
	{ EINVAL, "EINVAL", "malformed" },
	{ ERANGE, "ERANGE", "more bytes than the frames have" },
	{ EOVERFLOW, "EOVERFLOW",
	  "the address wraps, or exceeds the physical address width" },
	{ ENXIO, "ENXIO",
	  "no usable RAM there: a hole, a device, offline or poisoned" },
	{ EPERM, "EPERM", "VTL1 owns a frame, or boot has ended" },
	{ EROFS, "EROFS", "a frame is protected" },
	{ EEXIST, "EEXIST", "exists, or overlaps what exists" },
	{ EBUSY, "EBUSY", "locked, or in use by someone else right now" },
	{ EFAULT, "EFAULT", "the copy faulted" },
	{ ENOENT, "ENOENT", "no such site, ring or owner" },
	{ EACCES, "EACCES", "the request does not fit the site" },
	{ ENOSYS, "ENOSYS", "no such VTL call" },
	{ ENOMEM, "ENOMEM", "out of memory or address space" },
	{ EINTR, "EINTR", "a signal arrived" },
};

static const struct errno_entry *find_errno(int err)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(errnos); i++)
		if (errnos[i].err == err)
			return &errnos[i];
	return NULL;
}

/* The name of @err, which is positive, or NULL if lvbs does not document it. */
const char *errno_name(int err)
{
	const struct errno_entry *entry = find_errno(err);

	return entry ? entry->name : NULL;
}

/* What @err, which is positive, means unless a file says it more precisely. */
const char *errno_meaning(int err)
{
	const struct errno_entry *entry = find_errno(err);

	return entry ? entry->meaning : "see the kernel log";
}

/*
 * Note why a command failed with @err (positive), unless that is noted already.
 * The array @refusals, which may be NULL, ends with an entry without a sentence.
 */
void command_explain(struct command *cmd, int err,
		     const struct command_refusal *refusals)
{
	for (; refusals && refusals->why; refusals++)
		if (refusals->err == err)
			command_blame(cmd, refusals->word, refusals->why, -err);
	command_blame(cmd, 0, errno_meaning(err), -err);
}
