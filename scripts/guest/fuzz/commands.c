// SPDX-License-Identifier: GPL-2.0
/*
 * Sends commands and checks their results. phys/mem and phys/span must return
 * the predicted result. Other files must return one that the file may return,
 * with an effect to match.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"

#define BUF		(512U << 10)
#define WINDOW		64	/* PHYS_WINDOW_PAGES */
#define KERNEL_LOADS	150	/* per run: these are never unloaded */

/* Ends at an unmapped page: a transfer past the end of the buffer faults. */
static uint8_t *get_buffer(void)
{
	static __thread uint8_t *buf;

	if (!buf) {
		buf = mmap(NULL, BUF + PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (buf == MAP_FAILED || mprotect(buf + BUF, PAGE, PROT_NONE))
			die("buffer: %m");
	}
	return buf;
}

static int class_errno(enum memory_class class)
{
	switch (class) {
	case MEM_RAM:
	case MEM_POOL:
		return 0;
	case MEM_HOLE:
		return ENXIO;
	case MEM_OWNED:
		return EPERM;
	default:
		return EOVERFLOW;
	}
}

/*
 * phys/mem.
 */

/* Bytes before the first page that is refused, and the errno of that page. */
static size_t mem_predict(uint64_t pa, size_t len, bool writing, int *err)
{
	size_t done = 0;

	*err = 0;
	while (done < len) {
		uint64_t pfn = (pa + done) / PAGE;
		const struct pool_page *page = pool_find(pfn);

		*err = class_errno(memory_class(pfn));
		if (!*err && writing && page && page->protected)
			*err = EROFS;
		if (*err)
			break;
		done = min(done + PAGE - (pa + done) % PAGE, len);
	}
	return done;
}

static void mem_compare(uint64_t pa, const uint8_t *buf, size_t len)
{
	while (len) {
		const struct pool_page *page = pool_find(pa / PAGE);
		size_t n = min(len, PAGE - pa % PAGE);

		if (page && !page->in_ring && memcmp(buf, page->shadow + pa % PAGE, n))
			fail("the bytes read at %#llx are wrong", (unsigned long long)pa);
		pa += n;
		buf += n;
		len -= n;
	}
}

static size_t mem_len(struct rnd *r)
{
	switch (rnd_below(r, 10)) {
	case 0:
		return rnd_below(r, 3 * PAGE);
	case 1:
		return PAGE * (1 + rnd_below(r, 5)) - rnd_below(r, 2);
	case 2:
		return rnd_one_in(r, 20) ? rnd_below(r, BUF) : PAGE;
	default:
		return rnd_below(r, 70);
	}
}

static uint64_t mem_address(struct rnd *r, bool any_ram)
{
	uint64_t pa = memory_random_pfn(r, any_ram) * PAGE;

	switch (rnd_below(r, 4)) {
	case 0:
		return pa;
	case 1:
		return pa + PAGE - 1 - rnd_below(r, 70);
	default:
		return pa + rnd_below(r, PAGE);
	}
}

/*
 * Check the result @n, or errno @got, of a transfer of @len bytes at @pa with a
 * buffer of @have bytes. False if there is no data to check.
 */
static bool mem_check(uint64_t pa, size_t len, size_t have, bool writing, ssize_t n, int got)
{
	const char *name = got ? strerrorname_np(got) : "";
	int err;
	size_t want = mem_predict(pa, len, writing, &err);

	if ((int64_t)pa < 0 || (int64_t)(pa + len) < 0) {
		if (n >= 0 || got != EINVAL)
			fail("returned %zd at a negative offset", n);
		return false;
	}
	if (have < len && want > have) {
		if (n > (ssize_t)have || (n < 0 && got != EFAULT))
			fail("returned %zd (%s), with a buffer of %zu bytes", n, name, have);
	} else if (want ? n != (ssize_t)want : err ? n != -1 || got != err : n) {
		fail("returned %zd (%s), expected %zu (%s)", n, name, want,
		     err ? strerrorname_np(err) : "");
	}
	return true;
}

static void mem_read(struct rnd *r)
{
	bool fresh = rnd_one_in(r, 16);
	uint64_t pa = mem_address(r, true);
	size_t len = min(mem_len(r), (size_t)BUF), have = len;
	uint8_t *buf = get_buffer();
	ssize_t n;
	int fd, err;

	if (rnd_one_in(r, 12)) {
		have = rnd_below(r, len + 1);
		buf += BUF - have;
	}
	set_command("phys/mem: read of %zu bytes at %#llx, buffer of %zu", len,
		    (unsigned long long)pa, have);
	fd = file_open(FILE_MEM, fresh);
	n = pread(fd, buf, len, pa);
	err = n < 0 ? errno : 0;
	file_close(fd, fresh);
	file_outcome(FILE_MEM, false, err);
	if (run.racing)
		return;

	if (!mem_check(pa, len, have, false, n, err))
		return;
	if (n > 0)
		mem_compare(pa, buf, n);
}

static void mem_write(struct rnd *r)
{
	bool fresh = rnd_one_in(r, 16);
	uint64_t pa = mem_address(r, false);
	size_t len = min(mem_len(r), (size_t)BUF), have, i;
	uint8_t *buf = get_buffer();
	ssize_t n;
	int fd, err;

	/* Do not write past the end of the pool. */
	if (memory_class(pa / PAGE) == MEM_POOL)
		while (len && !pool_covers(pa, len))
			len -= min(len, max((size_t)1, (pa + len) % PAGE));
	have = len;
	if (rnd_one_in(r, 12)) {
		have = rnd_below(r, len + 1);
		buf += BUF - have;
	}
	for (i = 0; i < have; i++)
		buf[i] = rnd64(r);
	set_command("phys/mem: write of %zu bytes at %#llx, buffer of %zu", len,
		    (unsigned long long)pa, have);
	fd = file_open(FILE_MEM, fresh);
	n = pwrite(fd, buf, len, pa);
	err = n < 0 ? errno : 0;
	file_close(fd, fresh);
	file_outcome(FILE_MEM, true, err);
	if (run.racing)
		return;

	if (!mem_check(pa, len, have, true, n, err))
		return;
	if (n > 0)
		pool_expect(pa, buf, n);
	pool_check_around(pa, len);
}

/*
 * phys/span.
 */

static bool frames_repeat(const uint64_t *pfn, unsigned int nr)
{
	unsigned int i, j;

	for (i = 0; i < nr; i++)
		for (j = 0; j < i; j++)
			if (pfn[i] == pfn[j])
				return true;
	return false;
}

static int span_predict(uint64_t offset, uint64_t len, const uint64_t *pfn,
			unsigned int nr, bool writing)
{
	unsigned int used, first, i;
	int err;

	if (offset >= PAGE)
		return EINVAL;
	used = len ? (offset + len - 1) / PAGE + 1 : 0;
	if (len > (uint64_t)nr * PAGE || used > nr)
		return ERANGE;
	for (i = 0; i < nr; i++)
		if (memory_class(pfn[i]) == MEM_BEYOND)
			return EOVERFLOW;
	if (frames_repeat(pfn, nr))
		return EEXIST;
	for (first = 0; first < used; first += WINDOW) {
		for (i = first; i < min(first + WINDOW, used); i++) {
			err = class_errno(memory_class(pfn[i]));
			if (err)
				return err;
		}
		for (i = first; writing && i < min(first + WINDOW, used); i++)
			if (pool_find(pfn[i])->protected)
				return EROFS;
	}
	return 0;
}

static void span_compare(const char *answer, uint64_t offset, size_t len,
			 const uint64_t *pfn)
{
	unsigned int byte;
	size_t i;

	for (i = 0; i < len; i++) {
		const struct pool_page *page = pool_find(pfn[(offset + i) / PAGE]);

		if (!page || page->in_ring)
			continue;
		if (sscanf(answer + 2 * i, "%2x", &byte) != 1 ||
		    byte != page->shadow[(offset + i) % PAGE])
			fail("byte %zu of the answer is wrong", i);
	}
}

/* Read the answer in pieces of random length, and check it. */
static void span_check_answer(struct rnd *r, int fd, uint64_t offset, size_t len,
			      const uint64_t *pfn)
{
	size_t room = 2 * len + 3, have = 0;
	char *answer = malloc(room);
	ssize_t n;

	do {
		n = read(fd, answer + have, rnd_one_in(r, 2) ? room - have :
			 1 + rnd_below(r, room - have));
		file_outcome(FILE_SPAN, false, n < 0 ? errno : 0);
		have += max(n, 0);
	} while (n > 0);
	if (have != 2 * len + 1 || answer[have - 1] != '\n')
		fail("the answer has %zu bytes, expected %zu", have, 2 * len + 1);
	span_compare(answer, offset, len, pfn);
	free(answer);
}

static void span(struct rnd *r)
{
	static __thread struct words w;
	static __thread uint64_t pfn[1200];
	bool writing = rnd_one_in(r, 2), mutated = rnd_one_in(r, 5);
	unsigned int nr = 1 + rnd_below(r, 4), i;
	uint64_t offset = rnd_below(r, PAGE), len;
	uint8_t bytes[3 * PAGE];
	int fd, err, want;
	ssize_t n;

	if (rnd_one_in(r, 20))
		nr = 1 + rnd_below(r, rnd_one_in(r, 4) ? ARRAY_SIZE(pfn) : 100);
	if (rnd_one_in(r, 3))
		offset = rnd_below(r, PAGE + 2);
	/* All frames valid; maybe replace some of them below. */
	for (i = 0; i < nr; i++)
		pfn[i] = pool_random(r, ZONE_DATA)->pfn;
	if (nr <= 8 && frames_repeat(pfn, nr) && !rnd_one_in(r, 4))
		for (i = 1; i < nr; i++)
			pfn[i] = pool_random_run(r, ZONE_DATA, 1)->pfn;
	while (rnd_one_in(r, 3))
		pfn[rnd_below(r, nr)] = memory_random_pfn(r, !writing);
	len = rnd_one_in(r, 8) ? rnd_below(r, nr * PAGE + 10) :
	      rnd_below(r, min((uint64_t)nr * PAGE - min(offset, (uint64_t)nr * PAGE) + 1, (uint64_t)80));
	if (rnd_one_in(r, 4) && nr > 1)
		len = rnd_below(r, PAGE + 20);
	if (rnd_one_in(r, 30))
		len = random_boundary(r);
	if (writing)
		len = min(len, sizeof(bytes));

	words_clear(&w);
	words_add(&w, "%s ", writing ? "write" : "read");
	words_number(&w, r, offset);
	words_add(&w, " ");
	if (writing) {
		rnd_bytes(r, bytes, len);
		if (!len)
			len = 1;
		words_hex(&w, r, bytes, len);
	} else {
		words_number(&w, r, len);
	}
	for (i = 0; i < nr; i++) {
		words_add(&w, " ");
		words_number(&w, r, pfn[i]);
	}
	if (mutated) {
		words_mutate(&w, r);
		if (!harmless(FILE_SPAN, &w))
			return;
	}
	set_command("phys/span: %.*s", min((int)w.len, 400), w.text);
	fd = file_open(FILE_SPAN, true);
	n = write(fd, w.text, w.len);
	err = n < 0 ? errno : 0;
	file_outcome(FILE_SPAN, true, err);
	if (run.racing || mutated) {
		/* What a mutated command writes is unknown. */
		if (!run.racing && !err)
			pool_resync(false);
		if (!err && rnd_one_in(r, 2) && read(fd, bytes, sizeof(bytes)) < 0)
			file_outcome(FILE_SPAN, false, errno);
		close(fd);
		if (err)
			state_check();
		return;
	}

	want = span_predict(offset, len, pfn, nr, writing);
	if (err != want)
		fail("returned %s, expected %s", err ? strerrorname_np(err) : "success",
		     want ? strerrorname_np(want) : "success");
	if (!err && n != (ssize_t)w.len)
		fail("write() returned %zd of %zu", n, w.len);
	if (!err && writing) {
		size_t done, part;

		for (done = 0; done < len; done += part) {
			part = min(len - done, PAGE - (offset + done) % PAGE);
			pool_expect(pfn[(offset + done) / PAGE] * PAGE + (offset + done) % PAGE,
				    bytes + done, part);
		}
	} else if (!err) {
		span_check_answer(r, fd, offset, len, pfn);
	}
	if (!err && (write(fd, w.text, w.len) >= 0 || errno != EBUSY))
		fail("a second command was accepted");
	for (i = 0; i < nr; i++)
		if (pool_find(pfn[i]))
			pool_check_page(pool_find(pfn[i]));
	close(fd);
	if (err)
		state_check();
}

/*
 * Text commands.
 */

static unsigned int kernel_loads;

static void make_numbers(struct words *w, struct rnd *r, const uint64_t *number,
			 unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (i)
			words_add(w, rnd_one_in(r, 8) ? "\t" : " ");
		words_number(w, r, number[i]);
	}
	if (rnd_one_in(r, 2))
		words_add(w, "\n");
}

static void make_list(struct words *w, struct rnd *r, enum list_kind kind)
{
	uint64_t number[2];

	heki_list(r, kind, &number[0], &number[1]);
	make_numbers(w, r, number, 2);
}

static void make_patch_text(struct words *w, struct rnd *r)
{
	uint64_t pa0, pa1, number[2];
	unsigned int size;
	uint8_t code[8];

	heki_step(r, &pa0, &pa1, code, &size);
	heki_place_request(r, pa0, pa1, code, size, &number[0], &number[1]);
	make_numbers(w, r, number, 2);
}

static void make_request(struct words *w, struct rnd *r)
{
	uint64_t number[2];
	unsigned int size;
	uint8_t code[8];

	memset(code, 0, sizeof(code));
	heki_step(r, &number[0], &number[1], code, &size);
	make_numbers(w, r, number, 2);
	words_add(w, " ");
	words_hex(w, r, code, min(size, 8u));
}

/* Memory for a ring: in the pool, or memory that must be refused. */
static void ring_memory(struct rnd *r, uint64_t *pa, uint64_t *size)
{
	unsigned int pages = 1 + rnd_below(r, 20);

	do {
		*pa = page_pa(pool_random_run(r, ZONE_DATA, pages));
		*size = pages * PAGE;
		if (rnd_one_in(r, 2)) {
			*pa += rnd_below(r, PAGE);
			*size = 1 + rnd_below(r, pages * PAGE);
		}
		if (rnd_one_in(r, 6))
			*pa = memory_random_pfn(r, false) * PAGE;
		if (rnd_one_in(r, 10))
			*size = random_boundary(r);
	} while (!harmless_ring(*pa, *size));
}

static void make_ring_new(struct words *w, struct rnd *r)
{
	uint64_t pa, size;

	words_add(w, "r%u ", (unsigned int)rnd_below(r, run.racing ? 3 : 12));
	if (rnd_one_in(r, 2)) {
		words_number(w, r, rnd_one_in(r, 10) ? rnd64(r) : rnd_below(r, 20));
	} else {
		ring_memory(r, &pa, &size);
		words_number(w, r, pa);
		words_add(w, " ");
		words_number(w, r, size);
	}
	words_add(w, " %s", rnd_one_in(r, 2) ? "persistent" : "ondemand");
}

static void make_call(struct words *w, struct rnd *r)
{
	static const enum call calls[] = {
		CALL_PROTECT_MEMORY, CALL_LOAD_KDATA, CALL_VALIDATE_MODULE, CALL_VALIDATE_MODULE,
		CALL_FREE_MODULE_INIT, CALL_UNLOAD_MODULE, CALL_PATCH_TEXT, CALL_PATCH_TEXT,
		CALL_ALLOCATE_RINGBUFFER, CALL_END_OF_BOOT,
	};
	uint64_t number[4] = { calls[rnd_below(r, ARRAY_SIZE(calls))] };
	uint64_t pa0, pa1;
	unsigned int size;
	uint8_t code[8];

	if (heki_nr_tokens() > 40)
		number[0] = CALL_UNLOAD_MODULE;
	number[3] = rnd_one_in(r, 4) ? random_boundary(r) : 0;
	switch (number[0]) {
	case CALL_PROTECT_MEMORY:
	case CALL_LOAD_KDATA:
		if (kernel_loads > KERNEL_LOADS && !run.boot_ended) {
			number[0] = CALL_VALIDATE_MODULE;
			heki_list(r, LIST_MODULE, &number[1], &number[2]);
			break;
		}
		heki_list(r, number[0] == CALL_LOAD_KDATA ? LIST_KDATA : LIST_PROTECT, &number[1],
			  &number[2]);
		break;
	case CALL_VALIDATE_MODULE:
		heki_list(r, LIST_MODULE, &number[1], &number[2]);
		break;
	case CALL_PATCH_TEXT:
		heki_step(r, &pa0, &pa1, code, &size);
		heki_place_request(r, pa0, pa1, code, size, &number[1], &number[2]);
		break;
	case CALL_ALLOCATE_RINGBUFFER:
		ring_memory(r, &number[1], &number[2]);
		break;
	case CALL_FREE_MODULE_INIT:
	case CALL_UNLOAD_MODULE:
		number[1] = heki_random_token(r);
		break;
	case CALL_END_OF_BOOT:
		/* Another call number: the epoch itself ends boot, later. */
		number[0] = rnd_one_in(r, 2) ? random_boundary(r) :
			    CALL_END_OF_BOOT - 2 + rnd_below(r, 14);
		break;
	}
	make_numbers(w, r, number, 4);
}

static void make_command(struct words *w, struct rnd *r, enum file file)
{
	words_clear(w);
	switch (file) {
	case FILE_LOAD_KDATA:
		make_list(w, r, LIST_KDATA);
		break;
	case FILE_PATCH_TEXT:
		make_patch_text(w, r);
		break;
	case FILE_REQUEST:
		make_request(w, r);
		break;
	case FILE_END_OF_BOOT:
		words_add(w, "%u", (unsigned int)rnd_below(r, 3));
		break;
	case FILE_LIVE:
		words_add(w, "off");
		break;
	case FILE_RING_NEW:
		make_ring_new(w, r);
		break;
	case FILE_RING_REMOVE:
		words_add(w, "%s", rnd_one_in(r, 6) ? "log" : rings_random(r));
		break;
	default:
		make_call(w, r);
		break;
	}
}

/* Decode the patch request in a command; false if there is none. */
static bool decode_request(enum file file, const struct words *w, struct site *request)
{
	unsigned long long n[3];
	char pa[2][80], code[80];
	unsigned int i, byte;
	int fields;

	if (file == FILE_PATCH_TEXT) {
		if (sscanf(w->text, " %79s %79s", pa[0], pa[1]) != 2)
			return false;
		return heki_decode(strtoull(pa[0], NULL, 0), strtoull(pa[1], NULL, 0), request);
	}
	if (file == FILE_VTLCALL) {
		fields = sscanf(w->text, " %79s %79s %79s", code, pa[0], pa[1]);
		for (i = 0; fields == 3 && i < 3; i++)
			n[i] = strtoull(i ? pa[i - 1] : code, NULL, 0);
		return fields == 3 && n[0] == CALL_PATCH_TEXT && heki_decode(n[1], n[2], request);
	}
	if (file != FILE_REQUEST || sscanf(w->text, " %79s %79s %79s", pa[0], pa[1], code) != 3)
		return false;
	request->pa[0] = strtoull(pa[0], NULL, 0);
	request->pa[1] = strtoull(pa[1], NULL, 0);
	request->size = strlen(code) / 2;
	for (i = 0; i < request->size && i < 5; i++) {
		if (sscanf(code + 2 * i, "%2x", &byte) != 1)
			return false;
		request->code[i] = byte;
	}
	return true;
}

static void vtlcall_succeeded(int fd, const struct words *w)
{
	char id[80], first[80], answer[32];
	uint64_t number;
	ssize_t n;
	long value;

	if (run.racing || sscanf(w->text, " %79s %79s", id, first) != 2)
		return;
	number = strtoull(id, NULL, 0);
	n = pread(fd, answer, sizeof(answer) - 1, 0);
	file_outcome(FILE_VTLCALL, false, n < 0 ? errno : 0);
	if (n <= 0)
		fail("has no answer");
	answer[n] = '\0';
	value = strtol(answer, NULL, 10);
	switch (number) {
	case CALL_PROTECT_MEMORY:
	case CALL_LOAD_KDATA:
	case CALL_ALLOCATE_RINGBUFFER:
		if (run.boot_ended)
			fail("was accepted after the end of boot");
		kernel_loads++;
		if (number == CALL_LOAD_KDATA)
			heki_list_accepted();
		break;
	case CALL_VALIDATE_MODULE:
		if (value <= 0)
			fail("returned the token %ld", value);
		heki_token_add(value);
		heki_list_accepted();
		return;
	case CALL_UNLOAD_MODULE:
		heki_token_remove(strtoull(first, NULL, 0));
		break;
	}
	if (value)
		fail("succeeded, but answered %ld", value);
}

static void command_succeeded(enum file file, int fd, const struct words *w, bool was_request,
			      const struct site *request)
{
	switch (file) {
	case FILE_LOAD_KDATA:
		if (run.boot_ended)
			fail("was accepted after the end of boot");
		kernel_loads++;
		heki_list_accepted();
		break;
	case FILE_RING_NEW:
		rings_added(w->text);
		break;
	case FILE_RING_REMOVE:
		rings_removed(w->text);
		break;
	case FILE_VTLCALL:
		vtlcall_succeeded(fd, w);
		break;
	default:
		break;
	}
	if (was_request) {
		heki_accepted(request);
		return;
	}
	if (file == FILE_PATCH_TEXT || file == FILE_REQUEST)
		fail("was accepted, but cannot be decoded");
	state_update();
}

/* Keep commands that reached new code, to mutate them later. */
#define SEEDS	64
static struct {
	char text[300];
	size_t len;
} seeds[FILES_WITH_COMMANDS][SEEDS];
static unsigned int nr_seeds[FILES_WITH_COMMANDS];

static bool seed_reuse(struct words *w, struct rnd *r, enum file file)
{
	unsigned int i;

	if (run.racing || !nr_seeds[file] || !rnd_one_in(r, 6))
		return false;
	i = rnd_below(r, min(nr_seeds[file], (unsigned int)SEEDS));
	w->len = seeds[file][i].len;
	memcpy(w->text, seeds[file][i].text, w->len);
	w->text[w->len] = '\0';
	return true;
}

static void seed_keep(const struct words *w, enum file file)
{
	unsigned int i = nr_seeds[file] % SEEDS;

	if (run.racing || w->len >= sizeof(seeds[file][i].text))
		return;
	memcpy(seeds[file][i].text, w->text, w->len);
	seeds[file][i].len = w->len;
	nr_seeds[file]++;
}

static void text_command(struct rnd *r)
{
	static const enum file files[] = {
		FILE_LOAD_KDATA, FILE_PATCH_TEXT, FILE_PATCH_TEXT, FILE_REQUEST, FILE_REQUEST,
		FILE_REQUEST, FILE_END_OF_BOOT, FILE_LIVE, FILE_RING_NEW, FILE_RING_REMOVE,
		FILE_VTLCALL, FILE_VTLCALL, FILE_VTLCALL, FILE_VTLCALL,
	};
	static __thread struct words w;
	enum file file = files[rnd_below(r, ARRAY_SIZE(files))];
	bool fresh = rnd_one_in(r, 8), was_request;
	struct site request = { .size = 0 };
	ssize_t n;
	int fd, err;

	if (file == FILE_LOAD_KDATA && kernel_loads > KERNEL_LOADS && !run.boot_ended)
		file = FILE_VTLCALL;
	if (file == FILE_RING_NEW && rings_nr() > 8)
		file = FILE_RING_REMOVE;

	if (rnd_one_in(r, 16)) {
		words_garbage(&w, r);
	} else if (seed_reuse(&w, r, file)) {
		words_mutate(&w, r);
	} else {
		make_command(&w, r, file);
		if (rnd_one_in(r, 4))
			words_mutate(&w, r);
	}
	if (!harmless(file, &w))
		return;
	set_command("%s: %.*s", file_name(file), min((int)w.len, 400), w.text);
	was_request = decode_request(file, &w, &request);
	fd = file_open(file, fresh);
	n = write(fd, w.text, w.len);
	err = n < 0 ? errno : 0;
	file_outcome(file, true, err);
	if (kcov_collect())
		seed_keep(&w, file);
	if (!err && n != (ssize_t)w.len)
		fail("write() returned %zd of %zu", n, w.len);
	if (!err)
		command_succeeded(file, fd, &w, was_request, &request);
	else if (was_request && !run.racing)
		pool_check_around(request.pa[0], request.size);
	if (err)
		state_check();
	file_close(fd, fresh);
}

/* Garbage, or a VTL call, to any file. */
static void garbage(struct rnd *r)
{
	static __thread struct words w;
	enum file file = rnd_below(r, FILES_WITH_COMMANDS);
	int fd;

	if (file == FILE_MEM)
		return;
	if (rnd_one_in(r, 2))
		words_garbage(&w, r);
	else
		make_command(&w, r, FILE_VTLCALL);
	/* The file may accept it, so it must be harmless. */
	if (!harmless(file, &w) || !harmless(FILE_VTLCALL, &w))
		return;
	if (file == FILE_RING_NEW || file == FILE_RING_REMOVE || file == FILE_VTLCALL)
		return;
	set_command("%s: %.*s", file_name(file), min((int)w.len, 400), w.text);
	fd = file_open(file, true);
	if (write(fd, w.text, w.len) < 0) {
		file_outcome(file, true, errno);
		state_check();
	} else {
		file_outcome(file, true, 0);
		state_update();
	}
	close(fd);
}

/*
 * Reads of any length at any offset.
 */

static void read_somewhere(struct rnd *r)
{
	enum file file = rnd_below(r, FILES);
	bool fresh = rnd_one_in(r, 4), vector = rnd_one_in(r, 6);
	size_t len = rnd_one_in(r, 3) ? rnd_below(r, 8) : rnd_below(r, 20000), have = len;
	uint8_t *buf = get_buffer();
	off_t at = rnd_one_in(r, 2) ? (off_t)random_boundary(r) : (off_t)rnd_below(r, 3000);
	struct iovec vec[2];
	ssize_t n;
	int fd;

	if (file == FILE_MEM || (run.live && file == FILE_PATCHES && !rnd_one_in(r, 50)))
		file = FILE_STATS;
	if (rnd_one_in(r, 12)) {
		have = rnd_below(r, len + 1);
		buf += BUF - have;
	}
	set_command("%s: read of %zu bytes at %lld, buffer of %zu", file_name(file), len,
		    (long long)at, have);
	fd = file_open(file, fresh);
	if (vector) {
		vec[0].iov_base = buf;
		vec[0].iov_len = len / 2;
		vec[1].iov_base = buf + len / 2;
		vec[1].iov_len = len - len / 2;
		n = preadv(fd, vec, 2, at);
	} else if (rnd_one_in(r, 2)) {
		n = pread(fd, buf, len, at);
	} else {
		n = lseek(fd, at, rnd_below(r, 3)) < 0 ? 0 : read(fd, buf, len);
	}
	file_outcome(file, false, n < 0 ? errno : 0);
	if (n > (ssize_t)have)
		fail("returned %zd, with a buffer of %zu bytes", n, have);
	file_close(fd, fresh);
}

/* Switch live mode, then a static key of the kernel. */
static void switch_live(struct rnd *r)
{
	static const char * const modes[] = { "off", "audit", "mediate" };
	const char *mode = modes[rnd_below(r, ARRAY_SIZE(modes))];
	int fd;

	set_command("heki/live: %s", mode);
	fd = file_open(FILE_LIVE, true);
	run.live = true;
	if (write(fd, mode, strlen(mode)) < 0) {
		if (errno == EPERM && !run.boot_ended)
			fail("was refused before the end of boot");
		file_outcome(FILE_LIVE, true, errno);
	} else {
		file_outcome(FILE_LIVE, true, 0);
	}
	close(fd);
	fd = open("/proc/sys/kernel/sched_schedstats", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "1", 1) != 1 || pwrite(fd, "0", 1, 0) != 1)
			fail("cannot switch kernel.sched_schedstats: %m");
		close(fd);
	}
	if (!run.racing) {
		run.live = strcmp(mode, "off");
		state_update();
	}
}

void command(struct rnd *r)
{
	switch (rnd_below(r, 20)) {
	case 0:
	case 1:
	case 2:
		mem_read(r);
		break;
	case 3:
	case 4:
		mem_write(r);
		break;
	case 5:
	case 6:
	case 7:
		span(r);
		break;
	case 8:
		rings_write(r);
		break;
	case 9:
		rings_read(r);
		break;
	case 10:
		read_somewhere(r);
		break;
	case 11:
		if (rnd_one_in(r, 150))
			switch_live(r);
		else
			garbage(r);
		break;
	default:
		text_command(r);
		break;
	}
	kcov_collect();
}
