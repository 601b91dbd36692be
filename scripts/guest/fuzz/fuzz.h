/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of lvbs's debugfs files, and of what they read in memory.
 *
 * It must be able to tell a bug of the module from its own doing. So all that
 * it lets the module write to is memory of this process (the pool), of which it
 * keeps a second copy; and no command leaves that could hurt the kernel by
 * doing what it says (harmless.c).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "random.h"

#define PAGE		4096
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Arguments may draw random numbers: each is evaluated once. */
#define min(a, b)	({ __auto_type a_ = (a); __auto_type b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b)	({ __auto_type c_ = (a); __auto_type d_ = (b); c_ > d_ ? c_ : d_; })

/*
 * The run (fuzz.c).
 */

struct run {
	const char *dir;	/* the module's debugfs folder */
	uint64_t seed;
	unsigned int epoch;
	unsigned long index;	/* of the command */
	bool trace;		/* tell the kernel's log of each command */
	bool racing;		/* others are at work: predict nothing */
	bool boot_ended;
	bool live;		/* live mode may be on */
};

extern struct run run;

/* A contract broken: says so, with the command, and ends. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Something of our own went wrong. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The command about to be run, for fail(); told to the log when tracing. */
void about(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void to_kernel_log(const char *line);

/*
 * What the machine's memory is (memory.c).
 */

enum memory_class {
	MEM_RAM,
	MEM_POOL,
	MEM_HOLE,
	MEM_OWNED,
	MEM_BEYOND,
};

void memory_learn(void);
enum memory_class memory_class(uint64_t pfn);
unsigned int memory_width(void);

/* A frame number of any class; of RAM that is not ours only if @any_ram. */
uint64_t memory_some_pfn(struct rnd *r, bool any_ram);

/*
 * Pages of our own (pool.c).
 */

enum pool_zone {
	ZONE_DATA,	/* read, written, lent to rings */
	ZONE_WIRE,	/* page lists, blobs, requests */
	ZONE_TEXT,	/* patch sites; protected sooner or later */
	ZONES
};

struct pool_page {
	uint8_t *va;
	uint8_t *copy;		/* what it should hold */
	uint64_t pfn;
	bool protected;		/* by phys/protected */
	bool in_ring;		/* the module writes to it when it likes */
};

extern struct pool_page *pool;
extern unsigned int pool_pages;

void pool_make(void);
/* The page of that frame, or NULL. */
struct pool_page *pool_find(uint64_t pfn);
struct pool_page *pool_some(struct rnd *r, enum pool_zone zone);
/* @nr pages that follow each other in physical memory too. */
struct pool_page *pool_run(struct rnd *r, enum pool_zone zone, unsigned int nr);
/* Is [pa, pa + len) all of ours? */
bool pool_covers(uint64_t pa, uint64_t len);
/* And where we do not write unless told to: a ring there holds what it was given. */
bool pool_lends(uint64_t pa, uint64_t len);
/* Write as the process would; the copy follows. */
void pool_write(uint64_t pa, const void *buf, size_t len);
/* The copy alone: what the module should have written. */
void pool_expect(uint64_t pa, const void *buf, size_t len);
void pool_check_page(const struct pool_page *page);
void pool_check_around(uint64_t pa, uint64_t len);
void pool_check_all(void);
void pool_check_frames(void);
/* Believe what is there. */
void pool_resync(bool rings_only);
void pool_forget_protection(void);

static inline uint64_t page_pa(const struct pool_page *page)
{
	return page->pfn * PAGE;
}

/*
 * The files, and the errnos that each may end with (files.c).
 */

enum file {
	FILE_MEM, FILE_SPAN, FILE_LOAD_KDATA, FILE_PATCH_TEXT, FILE_REQUEST,
	FILE_END_OF_BOOT, FILE_LIVE, FILE_RING_NEW, FILE_RING_REMOVE,
	FILE_VTLCALL,
	FILES_WITH_COMMANDS,
	FILE_RAM = FILES_WITH_COMMANDS, FILE_OWNED, FILE_PROTECTED, FILE_STATS,
	FILE_PATCHES, FILE_VERDICTS,
	FILES,
	FILE_RING_WRITE = FILES, FILE_RING_SNAPSHOT, FILE_RING_STREAM,
	FILE_RING_STATE,
	FILES_AND_RINGS
};

const char *file_name(enum file file);
/* One kept open for all commands, or a new one. */
int file_open(enum file file, bool fresh);
int ring_open(const char *ring, enum file file, int flags);
void file_close(int fd, bool fresh);
/* Counts the outcome; fails if it is none of the contract's. */
void file_outcome(enum file file, bool writing, int err);
void files_report(FILE *out);
/* All of it, for free(). */
char *file_slurp(const char *path, size_t *len);
char *file_text(enum file file, size_t *len);

/*
 * Commands in words (words.c), and what must not be said (harmless.c).
 */

#define WORDS_MAX	70000

struct words {
	char text[WORDS_MAX];
	size_t len;
};

void words_clear(struct words *w);
void words_add(struct words *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A number, in one of the ways that it can be written. */
void words_number(struct words *w, struct rnd *r, uint64_t value);
void words_hex(struct words *w, struct rnd *r, const uint8_t *buf, size_t len);
void words_mutate(struct words *w, struct rnd *r);
void words_rubbish(struct words *w, struct rnd *r);
uint64_t number_at_a_boundary(struct rnd *r);

bool harmless(enum file file, const struct words *w);
bool harmless_request(uint64_t pa0, uint64_t pa1, unsigned int size,
		      const uint8_t *code);
bool harmless_ring(uint64_t pa, uint64_t size);

/*
 * What the module says of itself (state.c).
 */

void state_learn(void);
/* After success of what changes state. */
void state_changed(void);
/* After failure: nothing may have changed. */
void state_check(void);
long state_stat(const char *key);

/*
 * Rings (rings.c).
 */

void rings_remove_all(void);
/* A ring/new was accepted: its name is the first word. */
void rings_added(const char *text);
void rings_removed(const char *text);
unsigned int rings_nr(void);
const char *rings_some(struct rnd *r);
void rings_write(struct rnd *r);
void rings_read(struct rnd *r);

/*
 * Sites, page lists and requests in memory (heki.c).
 */

enum call {
	CALL_END_OF_BOOT = 0x1ffe3,
	CALL_PROTECT_MEMORY,
	CALL_LOAD_KDATA,
	CALL_VALIDATE_MODULE,
	CALL_FREE_MODULE_INIT,
	CALL_UNLOAD_MODULE,
	CALL_PATCH_TEXT = 0x1ffeb,
	CALL_ALLOCATE_RINGBUFFER,
};

struct site {
	uint64_t pa[2];
	unsigned int size;
	uint8_t code[5];
};

enum list_kind { LIST_KDATA, LIST_PROTECT, LIST_MODULE };

/* Builds a list in the pool; says where, and how many ranges to announce. */
void heki_list(struct rnd *r, enum list_kind kind, uint64_t *pa, uint64_t *nr);
/* Its sites were accepted. */
void heki_list_taken(void);
/* One step at some site, well-formed or not. */
void heki_step(struct rnd *r, uint64_t *pa0, uint64_t *pa1, uint8_t *code,
	       unsigned int *size);
/* Lays a request into the pool. */
void heki_lay(struct rnd *r, uint64_t pa0, uint64_t pa1, const uint8_t *code,
	      unsigned int size, uint64_t *at0, uint64_t *at1);
bool heki_decode(uint64_t at0, uint64_t at1, struct site *request);
void heki_written(const struct site *request);
void heki_token(long token);
uint64_t heki_some_token(struct rnd *r);
void heki_token_gone(uint64_t token);
unsigned int heki_tokens(void);
/* Change lists and requests while somebody reads them. */
void heki_disturb(struct rnd *r);
void heki_reset(void);

/*
 * One command (commands.c).
 */

void command(struct rnd *r);

/*
 * Coverage of the module's code, where the kernel can tell (kcov.c).
 */

void kcov_begin(const char *path);
void kcov_reset(void);
/* How many places were reached for the first time since kcov_reset(). */
unsigned int kcov_collect(void);
unsigned int kcov_places(void);
void kcov_end(const char *path);

#endif
