/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands: lines of words that are written to debugfs files.
 */
#ifndef _LVBS_DEBUGFS_COMMAND_H
#define _LVBS_DEBUGFS_COMMAND_H

#include <linux/types.h>

struct file;
struct seq_file;

/**
 * struct command - one command while it runs
 * @file: open file that it was written to
 * @text: as written; terminated
 * @rest: what was not taken yet of a copy of @text; NULL at the end
 * @nr: number of words taken
 * @caret: position in @text of what is to blame, if @why is set
 * @name: name of the word there, to which @why belongs, or NULL
 * @why: why the command is refused; NULL until that is noted
 */
struct command {
	struct file *file;
	const char *text;
	char *rest;
	unsigned int nr;
	size_t caret;
	const char *name;
	const char *why;
};

/**
 * struct command_refusal - what an errno means for one file's commands
 * @err: the errno, positive
 * @word: index of the word that is to blame
 * @why: the sentence
 */
struct command_refusal {
	int err;
	unsigned int word;
	const char *why;
};

void command_init(struct command *cmd, const char *text, char *words);
int command_blame(struct command *cmd, unsigned int word, const char *why,
		  int err);
char *command_word(struct command *cmd, const char *name);
bool command_more(const struct command *cmd);
int command_number(struct command *cmd, const char *name, u64 *value);
int command_hex(struct command *cmd, const char *name, char **bytes,
		size_t *len);
int command_end(struct command *cmd);
void command_explain(struct command *cmd, int err,
		     const struct command_refusal *refusals);

const char *errno_name(int err);
const char *errno_meaning(int err);

/* Bytes of a command that the error log shows. */
#define ERROR_LOG_TEXT	128

/**
 * struct error_log_line - a refused command
 * @ns: time since boot, as in the kernel log
 * @path: the file
 * @err: the errno, positive
 * @name: as in &struct command
 * @why: as in &struct command
 * @text: the command, or the part of it around the word that is to blame
 * @caret: position of that word in @text
 */
struct error_log_line {
	u64 ns;
	char path[64];
	int err;
	const char *name;
	const char *why;
	char text[ERROR_LOG_TEXT];
	size_t caret;
};

void error_log_fill(struct error_log_line *line, const struct command *cmd);
void error_log_print(struct seq_file *m, const struct error_log_line *line);
void error_log_add(struct file *file, const struct command *cmd, int err);

extern const struct file_operations error_log_fops;

#endif /* _LVBS_DEBUGFS_COMMAND_H */
