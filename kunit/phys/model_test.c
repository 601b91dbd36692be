// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test of physical pointers against a naive model: random accesses (a
 * million under UML), each predicted byte by byte and frame by frame.
 *
 * The model does not know windows, slices or claims. From a copy of the memory
 * and the trouble with each frame, it predicts the result and the effect of
 * each access.
 */
#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "kunit/fakes/vmap.h"
#include "kunit/fakes/random.h"

#define P		PAGE_SIZE
#define W		PHYS_WINDOW_PAGES

/* Accesses are longer with larger pages. */
#define MODEL_ACCESSES	RANDOM_ROUNDS(1000000 / (PAGE_SIZE / SZ_4K))
#define MODEL_ROUND	16	/* accesses per pointer */

/* The time of long accesses is proportional to the page size. */
#define LONG_ONE_IN	(PAGE_SIZE / 2)

/* Reasons to refuse an access; there may be several. */
#define HOLE		BIT(0)
#define OWNED		BIT(1)
#define PROTECTED	BIT(2)
#define LOCKED_SHARED	BIT(3)
#define LOCKED		BIT(4)
/* Locked by this round's own lock, which the pointer holds. */
#define OWN_SHARED	BIT(5)
#define OWN_LOCKED	BIT(6)

struct model {
	struct fake_vmap *fake;
	struct kunit *test;
	struct rnd_state rnd;
	u32 seed;
	unsigned long accesses;
	unsigned long refused;
	unsigned long out_of_range;
	u8 *memory;
	u8 *buf;
	unsigned int trouble[FAKE_FRAMES];
	/* This round's pointer, as its creator sees it. */
	struct phys_ptr ptr;
	unsigned long pfns[FAKE_FRAMES];
	unsigned long nr;
	size_t offset;
	size_t bytes;
	size_t elem;
	/* This round's trouble. */
	struct phys_protection prot;
	struct phys_lock other;
	struct phys_lock own;
	bool has_prot;
	bool has_other;
	bool has_own;
};

#define MODEL_EXPECT(m, condition, fmt, ...) do {			\
	const struct model *__model = (m);				\
									\
	KUNIT_EXPECT_TRUE_MSG(__model->test, condition,			\
			      "seed %#x, access %lu: " fmt,		\
			      __model->seed, __model->accesses,		\
			      ##__VA_ARGS__);				\
} while (0)

static u8 *model_byte(struct model *model, size_t at)
{
	size_t pos = model->offset + at;

	return &model->memory[(model->pfns[pos / P] << PAGE_SHIFT) + pos % P];
}

/* ---- the predicted result ---- */

static unsigned int trouble_of(const struct model *model, size_t at, size_t len)
{
	unsigned long i, last = (model->offset + at + len - 1) / P;
	unsigned int trouble = 0;

	for (i = (model->offset + at) / P; len && i <= last; i++)
		trouble |= model->trouble[model->pfns[i]];
	return trouble;
}

static bool is_right(unsigned int trouble, bool write, int err)
{
	unsigned int busy = write ? LOCKED | LOCKED_SHARED : LOCKED;
	unsigned int relevant = trouble & (HOLE | OWNED | busy);

	if (write)
		relevant |= trouble & PROTECTED;
	switch (err) {
	case 0:
		return !relevant;
	case -ENXIO:
		return relevant & HOLE;
	case -EPERM:
		return relevant & OWNED;
	case -EROFS:
		return relevant & PROTECTED;
	case -EBUSY:
		return relevant & busy;
	default:
		return false;
	}
}

/* ---- the pointer of a round ---- */

static void random_frames(struct model *model)
{
	struct rnd_state *rnd = &model->rnd;
	unsigned long first, i;

	if (random_one_in(rnd, 128))
		model->nr = random_below(rnd, FAKE_FRAMES + 1);
	else
		model->nr = random_below(rnd, 6);

	if (random_one_in(rnd, 2)) {
		first = random_below(rnd, FAKE_FRAMES - model->nr + 1);
		for (i = 0; i < model->nr; i++)
			model->pfns[i] = first + i;
		return;
	}
	/* Few frames are drawn freely, many from a permutation. */
	if (model->nr > 5) {
		for (i = 0; i < FAKE_FRAMES; i++)
			model->pfns[i] = i;
		random_shuffle(rnd, model->pfns, FAKE_FRAMES);
		return;
	}
	for (i = 0; i < model->nr; i++) {
		unsigned long j;

		do {
			model->pfns[i] = random_below(rnd, FAKE_FRAMES);
			for (j = 0; model->pfns[j] != model->pfns[i]; j++)
				;
		} while (j < i);
	}
}

static bool is_run(const struct model *model)
{
	unsigned long i;

	for (i = 1; i < model->nr; i++)
		if (model->pfns[i] != model->pfns[0] + i)
			return false;
	return model->nr;
}

static bool model_make_pointer(struct model *model)
{
	static const unsigned int elems[] = { 1, 1, 2, 3, 4, 8, 13, 64, 4000 };
	struct rnd_state *rnd = &model->rnd;
	size_t room;
	int err;

	random_frames(model);
	model->offset = random_one_in(rnd, 2) ? 0 : random_below(rnd, P);
	room = model->nr * P;
	room = room > model->offset ? room - model->offset : 0;
	model->bytes = random_one_in(rnd, 4) ? room :
					       random_below(rnd, room + 1);
	model->elem = elems[random_below(rnd, ARRAY_SIZE(elems))];

	if (is_run(model) && random_one_in(rnd, 2))
		err = __phys_const_ptr_init(&model->ptr.ro, &model->fake->mgr,
					    PFN_PHYS(model->pfns[0]) +
					    model->offset, model->bytes,
					    model->elem);
	else
		err = __phys_const_ptr_init_scattered(&model->ptr.ro,
						      &model->fake->mgr,
						      model->pfns, model->nr,
						      model->offset,
						      model->bytes,
						      model->elem);
	MODEL_EXPECT(model, !err, "no pointer: %d", err);
	return !err;
}

/* ---- the trouble of a round ---- */

static unsigned long random_frame(struct model *model)
{
	/* Mostly in a frame of the pointer. */
	if (model->nr && !random_one_in(&model->rnd, 4))
		return model->pfns[random_below(&model->rnd, model->nr)];
	return random_below(&model->rnd, FAKE_FRAMES);
}

static void make_bad_frame(struct model *model)
{
	static const enum fake_state states[] = {
		FAKE_HOLE, FAKE_POISONED, FAKE_OWNED
	};
	enum fake_state state = states[random_below(&model->rnd, 3)];
	unsigned long pfn = random_frame(model);

	model->fake->state[pfn] = state;
	model->trouble[pfn] |= state == FAKE_OWNED ? OWNED : HOLE;
}

/* Done before frames go bad: bad frames cannot be protected. */
static void make_protection(struct model *model)
{
	unsigned long first = random_frame(model), i;
	unsigned long nr = 1 + random_below(&model->rnd, 3);
	int err;

	nr = min(nr, FAKE_FRAMES - first);
	err = phys_protect(&model->fake->mgr, &model->prot, first, nr);
	MODEL_EXPECT(model, !err, "no protection: %d", err);
	model->has_prot = !err;
	for (i = 0; !err && i < nr; i++)
		model->trouble[first + i] |= PROTECTED;
}

static void make_other_lock(struct model *model)
{
	bool shared = random_one_in(&model->rnd, 2);
	unsigned long pfn = random_frame(model);
	struct phys_const_ptr ptr;
	int err;

	err = phys_const_ptr_init(&ptr, &model->fake->mgr, PFN_PHYS(pfn), 1, 1);
	if (!err)
		err = phys_lock(&model->other, &ptr, shared ?
				PHYS_LOCK_SHARED : PHYS_LOCK_EXCLUSIVE);
	MODEL_EXPECT(model, !err, "no lock: %d", err);
	model->has_other = !err;
	if (!err)
		model->trouble[pfn] |= shared ? LOCKED_SHARED : LOCKED;
}

static void make_own_lock(struct model *model)
{
	bool shared = random_one_in(&model->rnd, 2);
	unsigned int trouble = trouble_of(model, 0, model->bytes);
	bool busy = trouble & (shared ? LOCKED : LOCKED | LOCKED_SHARED);
	int want = !model->bytes ? -EINVAL : busy ? -EBUSY : 0, err;
	unsigned long i;

	err = phys_lock(&model->own, &model->ptr.ro,
			shared ? PHYS_LOCK_SHARED : PHYS_LOCK_EXCLUSIVE);
	MODEL_EXPECT(model, err == want, "lock: %d, not %d", err, want);
	model->has_own = !err;
	if (err)
		return;
	model->ptr.ro.lock = &model->own;
	for (i = 0; i <= (model->offset + model->bytes - 1) / P; i++)
		model->trouble[model->pfns[i]] |= shared ? OWN_SHARED :
							   OWN_LOCKED;
}

static void model_make_trouble(struct model *model)
{
	struct rnd_state *rnd = &model->rnd;

	if (random_one_in(rnd, 4))
		make_other_lock(model);
	if (random_one_in(rnd, 4))
		make_own_lock(model);
	if (random_one_in(rnd, 4))
		make_protection(model);
	while (random_one_in(rnd, 4))
		make_bad_frame(model);
}

static void model_end_trouble(struct model *model)
{
	if (model->has_own)
		phys_unlock(&model->own);
	if (model->has_other)
		phys_unlock(&model->other);
	if (model->has_prot)
		phys_unprotect(&model->fake->mgr, &model->prot);
	model->has_own = false;
	model->has_other = false;
	model->has_prot = false;
	memset(model->trouble, 0, sizeof(model->trouble));
	memset(model->fake->state, 0, sizeof(model->fake->state));
}

/* ---- one access ---- */

#define UNREAD	0x5b

/* Mostly a length that fits, sometimes a large or an invalid one. */
static void random_range(struct model *model, size_t limit, size_t *at,
			 size_t *len)
{
	struct rnd_state *rnd = &model->rnd;
	size_t room;

	if (random_one_in(rnd, 16)) {
		*at = random_below(rnd, limit + 3);
		*len = random_one_in(rnd, 4) ? SIZE_MAX - random_below(rnd, 4) :
					       random_below(rnd, limit + 3);
		if (random_one_in(rnd, LONG_ONE_IN / 16 + 1))
			return;
		if (*at > limit || *len > limit - *at)
			return;
	}
	*at = random_below(rnd, limit + 1);
	room = limit - *at;
	if (random_one_in(rnd, LONG_ONE_IN))
		*len = random_below(rnd, room + 1);
	else if (random_one_in(rnd, 64))
		*len = random_below(rnd, min_t(size_t, room, 2 * P) + 1);
	else
		*len = random_below(rnd, min_t(size_t, room, 40) + 1);
}

static void fill_buffer(struct model *model, size_t len)
{
	u32 x = prandom_u32_state(&model->rnd);
	size_t i;

	for (i = 0; i < len; i++)
		model->buf[i] = x + i * 31 + (i >> 8);
}

/* A read of more than a window may be refused when its first window was copied. */
static bool may_be_partial(const struct model *model, size_t at, size_t len,
			   bool write)
{
	return !write && (model->offset + at) % P + len > W * P;
}

/* Check the outcome of an access that is in range. */
static void check_in_range(struct model *model, size_t at, size_t len,
			   bool write, unsigned int trouble, int err)
{
	size_t i;

	MODEL_EXPECT(model, is_right(len ? trouble : 0, write, err),
		     "%s of %zu at %zu: %d, trouble %#x",
		     write ? "write" : "read", len, at, err, trouble);
	model->refused += !!err;
	if (err) {
		for (i = 0; !write && i < len; i++)
			if (model->buf[i] != UNREAD)
				break;
		MODEL_EXPECT(model, write || i == len ||
			     may_be_partial(model, at, len, write),
			     "refused, but copied something");
		return;
	}
	for (i = 0; i < len; i++) {
		u8 *byte = model_byte(model, at + i);

		if (write)
			*byte = model->buf[i];
		else if (*byte != model->buf[i])
			break;
	}
	MODEL_EXPECT(model, i == len, "byte %zu of %zu at %zu differs", i, len,
		     at);
	MODEL_EXPECT(model, model->buf[len] == UNREAD, "written past the buffer");
}

/* Check the whole first and last frame of what was written. */
static void check_frames(struct model *model, size_t at, size_t len)
{
	size_t pos[2] = { model->offset + at, model->offset + at + len - 1 };
	unsigned int i;

	for (i = 0; len && i < 2; i++) {
		unsigned long pfn = model->pfns[pos[i] / P];

		MODEL_EXPECT(model,
			     !memcmp(fake_frame(model->fake, pfn),
				     model->memory + (pfn << PAGE_SHIFT), P),
			     "frame %lu differs", pfn);
	}
}

static void check_memory(struct model *model)
{
	MODEL_EXPECT(model,
		     !memcmp(model->fake->memory, model->memory, FAKE_BYTES),
		     "memory differs");
}

/* Random @index and @count, in units of @unit. */
static bool is_in_range(const struct model *model, size_t unit, size_t index,
			size_t count)
{
	size_t nr = model->bytes / unit;

	return index <= nr && count <= nr - index;
}

static void prepare(struct model *model, size_t len, bool write)
{
	if (write)
		fill_buffer(model, len);
	else
		memset(model->buf, UNREAD, len);
	model->buf[len] = UNREAD;
}

static void model_elements(struct model *model, bool write)
{
	size_t index, count, at, len;
	int err;

	random_range(model, model->bytes / model->elem, &index, &count);
	if (!is_in_range(model, model->elem, index, count)) {
		err = write ? phys_write(&model->ptr, index, model->buf,
					 count) :
			      phys_read(&model->ptr.ro, index, model->buf,
					count);
		MODEL_EXPECT(model, err == -ERANGE, "%zu, %zu: %d", index,
			     count, err);
		model->out_of_range++;
		return;
	}
	at = index * model->elem;
	len = count * model->elem;
	prepare(model, len, write);
	err = write ? phys_write(&model->ptr, index, model->buf, count) :
		      phys_read(&model->ptr.ro, index, model->buf, count);
	check_in_range(model, at, len, write, trouble_of(model, at, len), err);
	if (write)
		check_frames(model, at, len);
}

static void model_bytes(struct model *model, bool write)
{
	size_t at, len, done = 77, want;
	int err;

	random_range(model, model->bytes, &at, &len);
	if (is_in_range(model, 1, at, len))
		prepare(model, len, write);
	err = write ? phys_write_bytes(&model->ptr, at, model->buf, len,
				       &done) :
		      phys_read_bytes(&model->ptr.ro, at, model->buf, len,
				      &done);
	want = err ? 0 : len;
	MODEL_EXPECT(model, done == want ||
		     (done < len && may_be_partial(model, at, len, write)),
		     "done %zu of %zu: %d", done, len, err);
	if (!is_in_range(model, 1, at, len)) {
		MODEL_EXPECT(model, err == -ERANGE, "%zu, %zu: %d", at, len,
			     err);
		model->out_of_range++;
		return;
	}
	check_in_range(model, at, len, write, trouble_of(model, at, len), err);
	if (write)
		check_frames(model, at, len);
}

/* A word at a physical address, without a pointer. */
static void model_at(struct model *model, bool write)
{
	size_t pa = random_below(&model->rnd, FAKE_BYTES + 8);
	u64 value = prandom_u32_state(&model->rnd), old = ~value;
	unsigned int trouble;
	int err;

	err = write ? phys_write_obj_at(&model->fake->mgr, pa, &value) :
		      phys_read_obj_at(&model->fake->mgr, pa, &old);
	if (pa > FAKE_BYTES - 8) {
		MODEL_EXPECT(model, err == -EOVERFLOW, "%#zx: %d", pa, err);
		model->out_of_range++;
		return;
	}
	trouble = model->trouble[pa / P] | model->trouble[(pa + 7) / P];
	/* This access does not hold the lock of the round. */
	trouble |= trouble & OWN_SHARED ? LOCKED_SHARED : 0;
	trouble |= trouble & OWN_LOCKED ? LOCKED : 0;
	MODEL_EXPECT(model, is_right(trouble, write, err), "%#zx: %d", pa, err);
	if (err)
		return;
	if (write)
		memcpy(model->memory + pa, &value, 8);
	else
		MODEL_EXPECT(model, !memcmp(model->memory + pa, &old, 8),
			     "%#zx differs", pa);
}

/*
 * Several accesses in a session. All of its frames are validated when it
 * begins; the trouble of a round does not change.
 */
static void model_session(struct model *model, bool write)
{
	unsigned int trouble = trouble_of(model, 0, model->bytes);
	unsigned int n = 1 + random_below(&model->rnd, 8);
	struct phys_write_session s = {};
	int err;

	err = write ? phys_write_session_begin(&s, &model->ptr) :
		      phys_session_begin(&s.ro, &model->ptr.ro);
	MODEL_EXPECT(model, is_right(trouble, write, err),
		     "session: %d, trouble %#x", err, trouble);
	model->refused += !!err;

	while (!err && n--) {
		bool writes = write && random_one_in(&model->rnd, 2);
		size_t index, count, at, len;
		int got;

		model->accesses++;
		random_range(model, model->bytes / model->elem, &index, &count);
		if (!is_in_range(model, model->elem, index, count)) {
			got = phys_session_read(&s.ro, index, model->buf,
						count);
			MODEL_EXPECT(model, got == -ERANGE, "%zu, %zu: %d",
				     index, count, got);
			model->out_of_range++;
			continue;
		}
		at = index * model->elem;
		len = count * model->elem;
		prepare(model, len, writes);
		got = writes ? phys_session_write(&s, index, model->buf,
						  count) :
			       phys_session_read(&s.ro, index, model->buf,
						 count);
		check_in_range(model, at, len, writes, 0, got);
	}
	/* Ending a session that is not open is allowed. */
	if (write)
		phys_write_session_end(&s);
	else
		phys_session_end(&s.ro);
}

static void model_access(struct model *model)
{
	bool write = random_one_in(&model->rnd, 2);

	model->accesses++;
	switch (random_below(&model->rnd, 8)) {
	case 0 ... 2:
		model_elements(model, write);
		break;
	case 3 ... 5:
		model_bytes(model, write);
		break;
	case 6:
		model_at(model, write);
		break;
	default:
		/* Beginning a long session copies a whole window. */
		if (model->bytes < W * P / 4 || random_one_in(&model->rnd, 8))
			model_session(model, write);
		else
			model_elements(model, write);
	}
}

static void model_round(struct model *model)
{
	unsigned int i;

	if (!model_make_pointer(model))
		return;
	if (random_one_in(&model->rnd, 2))
		model_make_trouble(model);
	for (i = 0; i < MODEL_ROUND; i++)
		model_access(model);
	model_end_trouble(model);
}

static void model_test(struct kunit *test)
{
	unsigned long rounds = 0;
	struct model *model;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	model->fake = test->priv;
	model->test = test;
	model->prot.owner = "model";
	model->memory = vmalloc(FAKE_BYTES);
	model->buf = vmalloc(FAKE_BYTES + 1);
	if (!model->memory || !model->buf) {
		KUNIT_FAIL(test, "out of memory");
		goto out;
	}
	memcpy(model->memory, model->fake->memory, FAKE_BYTES);
	model->seed = random_start(test, &model->rnd);

	/* Stop at the first difference; later ones would follow from it. */
	while (model->accesses < MODEL_ACCESSES &&
	       READ_ONCE(test->status) == KUNIT_SUCCESS) {
		model_round(model);
		if (++rounds % 512 == 0)
			check_memory(model);
		cond_resched();
	}
	check_memory(model);
	kunit_info(test, "%lu accesses, %lu refused, %lu out of range\n",
		   model->accesses, model->refused, model->out_of_range);
	/* The generator produced enough of each kind. */
	KUNIT_EXPECT_GT(test, model->refused, model->accesses / 50);
	KUNIT_EXPECT_LT(test, model->refused, model->accesses / 2);
	KUNIT_EXPECT_GT(test, model->out_of_range, model->accesses / 200);
out:
	vfree(model->buf);
	vfree(model->memory);
}

/* Once for each way in which single accesses are mapped. */
#define PHYS_MODEL_CASES {						\
	KUNIT_CASE(model_test),						\
	{ }								\
}

static struct kunit_case phys_model_cases[] = PHYS_MODEL_CASES;
static struct kunit_case phys_model_cases_local[] = PHYS_MODEL_CASES;

static struct kunit_suite phys_model_suite = {
	.name = "lvbs_phys_model",
	.init = fake_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_model_cases,
};

static struct kunit_suite phys_model_local_suite = {
	.name = "lvbs_phys_model_local",
	.init = fake_local_vmap_init,
	.exit = fake_vmap_exit,
	.test_cases = phys_model_cases_local,
};

kunit_test_suites(&phys_model_suite, &phys_model_local_suite);
