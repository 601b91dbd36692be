/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of lvbs's debugfs files, and of the structures that they read from
 * memory.
 *
 * It has to tell bugs of the module from effects of its own commands. So the
 * module may only write to memory of this process (the pool), which is compared
 * with a shadow copy; and commands that would damage the kernel by doing what
 * they say are never sent (harmless.c).
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

#define PAGE		4096
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Evaluate each argument once: it may draw a random number. */
#define min(a, b)	({ __auto_type a_ = (a); __auto_type b_ = (b); a_ < b_ ? a_ : b_; })
#define max(a, b)	({ __auto_type c_ = (a); __auto_type d_ = (b); c_ > d_ ? c_ : d_; })

/*
 * Random numbers, the same everywhere for the same seed (SplitMix64).
 */

struct rnd {
	uint64_t state;
};

static inline uint64_t rnd64(struct rnd *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/* In [0, @n). */
static inline uint64_t rnd_below(struct rnd *r, uint64_t n)
{
	return rnd64(r) % n;
}

static inline bool rnd_one_in(struct rnd *r, unsigned int n)
{
	return !rnd_below(r, n);
}

static inline void rnd_bytes(struct rnd *r, void *buf, size_t len)
{
	uint8_t *byte = buf;

	while (len--)
		*byte++ = rnd64(r);
}

/*
 * The run (fuzz.c).
 */

struct run {
	const char *dir;	/* debugfs directory of lvbs */
	uint64_t direct_map;	/* kernel address of physical address 0 */
	uint64_t seed;
	unsigned int epoch;
	unsigned long index;	/* current command */
	bool trace;		/* write each command to the kernel log */
	bool racing;		/* other threads send commands: predict nothing */
	bool boot_ended;
	bool live;		/* live mode may be on */
};

extern struct run run;

/* A bug of the module: print it with the current command; exit with status 1. */
void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* An error of the fuzzer or its environment: exit with status 2. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Set the current command for fail(); write it to the kernel log if tracing. */
void set_command(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void write_kernel_log(const char *line);

/*
 * Physical memory of the machine (memory.c).
 */

enum memory_class {
	MEM_RAM,
	MEM_POOL,
	MEM_HOLE,
	MEM_OWNED,
	MEM_BEYOND,
};

void memory_init(void);
enum memory_class memory_class(uint64_t pfn);
unsigned int memory_width(void);

/* A frame of any class; RAM outside the pool only if @any_ram. */
uint64_t memory_random_pfn(struct rnd *r, bool any_ram);

/*
 * The pool: memory of this process (pool.c).
 */

enum pool_zone {
	ZONE_DATA,	/* read, written, memory of rings */
	ZONE_WIRE,	/* page lists, blobs, requests */
	ZONE_TEXT,	/* patch sites; may become protected */
	ZONES
};

struct pool_page {
	uint8_t *va;
	uint8_t *shadow;	/* expected contents */
	uint64_t pfn;
	bool protected;		/* listed in phys/protected */
	bool in_ring;		/* contents unknown: written by the module */
};

extern struct pool_page *pool;
extern unsigned int pool_pages;

void pool_init(void);
/* The pool page with that frame, or NULL. */
struct pool_page *pool_find(uint64_t pfn);
struct pool_page *pool_random(struct rnd *r, enum pool_zone zone);
/* The first of @nr physically contiguous pages. */
struct pool_page *pool_random_run(struct rnd *r, enum pool_zone zone, unsigned int nr);
/* Is [pa, pa + len) in the pool? */
bool pool_covers(uint64_t pa, uint64_t len);
/* Is [pa, pa + len) in ZONE_DATA, where only commands write? For rings. */
bool pool_covers_data(uint64_t pa, uint64_t len);
/* Write to memory and to the shadow. */
void pool_write(uint64_t pa, const void *buf, size_t len);
/* Write to the shadow only: the module is expected to have written this. */
void pool_expect(uint64_t pa, const void *buf, size_t len);
void pool_check_page(const struct pool_page *page);
void pool_check_around(uint64_t pa, uint64_t len);
void pool_check_all(void);
void pool_check_frames(void);
/* Copy memory to the shadow. */
void pool_resync(bool rings_only);
void pool_forget_protection(void);

static inline uint64_t page_pa(const struct pool_page *page)
{
	return page->pfn * PAGE;
}

/*
 * The files, and the errnos that each may return (files.c).
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
/* The fd kept open for all commands, or a @fresh one. */
int file_open(enum file file, bool fresh);
int ring_open(const char *ring, enum file file, int flags);
void file_close(int fd, bool fresh);
/* Count the result; fail() unless the file may return it. */
void file_outcome(enum file file, bool writing, int err);
void files_report(FILE *out);
/* Read a whole file; free() the result. */
char *file_slurp(const char *path, size_t *len);
char *file_text(enum file file, size_t *len);

/*
 * Text commands (words.c), and which of them may be sent (harmless.c).
 */

#define WORDS_MAX	70000

struct words {
	char text[WORDS_MAX];
	size_t len;
};

void words_clear(struct words *w);
void words_add(struct words *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Append a number in one of its notations. */
void words_number(struct words *w, struct rnd *r, uint64_t value);
void words_hex(struct words *w, struct rnd *r, const uint8_t *buf, size_t len);
void words_mutate(struct words *w, struct rnd *r);
void words_garbage(struct words *w, struct rnd *r);
uint64_t random_boundary(struct rnd *r);

bool harmless(enum file file, const struct words *w);
bool harmless_request(uint64_t pa0, uint64_t pa1, unsigned int size,
		      const uint8_t *code);
bool harmless_ring(uint64_t pa, uint64_t size);

/*
 * State that the module reports (state.c).
 */

/* At start, and after a success that changes state. */
void state_update(void);
/* After a failure: fail() if anything changed. */
void state_check(void);
long state_stat(const char *key);

/*
 * Rings (rings.c).
 */

void rings_remove_all(void);
/* @text was accepted by ring/new or ring/remove; its first word is the name. */
void rings_added(const char *text);
void rings_removed(const char *text);
unsigned int rings_nr(void);
const char *rings_random(struct rnd *r);
void rings_write(struct rnd *r);
void rings_read(struct rnd *r);

/*
 * Patch sites, and page lists and requests in memory (heki.c).
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

/* Build a page list in the pool; returns its address and number of ranges. */
void heki_list(struct rnd *r, enum list_kind kind, uint64_t *pa, uint64_t *nr);
/* The last list was accepted: remember its sites. */
void heki_list_accepted(void);
/* Make one step of a patch, valid or not. */
void heki_step(struct rnd *r, uint64_t *pa0, uint64_t *pa1, uint8_t *code,
	       unsigned int *size);
/* Write a request to the pool; returns its address(es). */
void heki_place_request(struct rnd *r, uint64_t pa0, uint64_t pa1, const uint8_t *code,
			unsigned int size, uint64_t *at0, uint64_t *at1);
bool heki_decode(uint64_t at0, uint64_t at1, struct site *request);
/* A request was accepted: check and record its effect. */
void heki_accepted(const struct site *request);
void heki_token_add(long token);
uint64_t heki_random_token(struct rnd *r);
void heki_token_remove(uint64_t token);
unsigned int heki_nr_tokens(void);
/* Corrupt lists and requests, most of them temporarily. */
void heki_corrupt(struct rnd *r);
void heki_reset(void);

/*
 * Send one command and check its result (commands.c).
 */

void command(struct rnd *r);

/*
 * Coverage of the module's code, on kernels with KCOV (kcov.c).
 */

void kcov_begin(const char *path);
void kcov_reset(void);
/* Number of code locations reached for the first time since kcov_reset(). */
unsigned int kcov_collect(void);
unsigned int kcov_reached(void);
void kcov_end(const char *path);

#endif
