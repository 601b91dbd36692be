// SPDX-License-Identifier: GPL-2.0
/*
 * Legal forms of patched instructions, and the index of their places.
 */
#include <kunit/test.h>
#include <linux/kernel.h>

#include "kunit/fakes/random.h"
#include "kunit/param.h"
#include "live/forms.h"

/* All instructions are at VA; the targets are relative to it. */
#define VA		0x81000000UL
#define TARGET		(VA + 0x1005)
#define CALL_TARGET	{ 0xe8, 0x00, 0x10, 0x00, 0x00 }
#define JMP_TARGET	{ 0xe9, 0x00, 0x10, 0x00, 0x00 }
#define JMP_BACK	{ 0xe9, 0xfb, 0xff, 0xff, 0xff }
#define NOP5		{ 0x0f, 0x1f, 0x44, 0x00, 0x00 }
#define RET		{ 0xc3, 0xcc, 0xcc, 0xcc, 0xcc }
#define WARN_TRAP		{ 0x67, 0x48, 0x0f, 0xb9, 0x3a }
#define XOR		{ 0x2e, 0x2e, 0x2e, 0x31, 0xc0 }

static const struct form_targets targets = {
	.return0 = VA + 0x2000,
	.return_thunk = VA + 0x3005,
	.warn_trap = VA + 0x4000,
};

struct call_row {
	const char *name;
	u8 insn[FORM_BYTES];
	bool tail;
	unsigned long func;
	bool legal;
};

static const struct call_row call_rows[] = {
	{ "call of the function", CALL_TARGET, false, TARGET, true },
	{ "call of another function", CALL_TARGET, false, TARGET + 1, false },
	{ "jump where a call belongs", JMP_TARGET, false, TARGET, false },
	{ "NOP, no function", NOP5, false, 0, true },
	{ "NOP, function", NOP5, false, TARGET, false },
	{ "call, no function", CALL_TARGET, false, 0, false },
	{ "xor, return 0", XOR, false, VA + 0x2000, true },
	{ "xor, another function", XOR, false, TARGET, false },
	{ "NOP, return 0", NOP5, false, VA + 0x2000, false },
	{ "trap, function that warns", WARN_TRAP, false, VA + 0x4000, true },
	{ "trap, another function", WARN_TRAP, false, TARGET, false },
	{ "trap, no function", WARN_TRAP, false, 0, false },
	{ "tail: trap, function that warns", WARN_TRAP, true, VA + 0x4000, false },
	{ "ret where a call belongs", RET, false, 0, false },
	{ "tail: jump to the function", JMP_TARGET, true, TARGET, true },
	{ "tail: jump elsewhere", JMP_TARGET, true, TARGET - 1, false },
	{ "tail: call of the function", CALL_TARGET, true, TARGET, false },
	{ "tail: ret, no function", RET, true, 0, true },
	{ "tail: ret, function", RET, true, TARGET, false },
	{ "tail: jump to the return thunk, no function",
	  { 0xe9, 0x00, 0x30, 0x00, 0x00 }, true, 0, true },
	{ "tail: jump elsewhere, no function", JMP_TARGET, true, 0, false },
	{ "tail: NOP, no function", NOP5, true, 0, false },
	{ "INT3", { 0xcc, 0x00, 0x10, 0x00, 0x00 }, false, TARGET, false },
};

KUNIT_ARRAY_PARAM_DESC(call, call_rows, name);

static void static_call_form(struct kunit *test)
{
	const struct call_row *row = test->param_value;

	KUNIT_EXPECT_EQ(test, form_is_static_call(row->insn, VA, row->tail,
						  row->func, &targets),
			row->legal);
}

/* A kernel without a return thunk has none at address 0 either. */
static void no_return_thunk(struct kunit *test)
{
	static const struct form_targets none;
	static const u8 jmp_to_0[] = { 0xe9, 0xfb, 0xff, 0xff, 0xff };

	KUNIT_EXPECT_FALSE(test, form_is_static_call(jmp_to_0, 0, true, 0,
						     &none));
}

struct label_row {
	const char *name;
	u8 insn[FORM_BYTES];
	unsigned int size;
	unsigned long target;
	bool legal;
};

static const struct label_row label_rows[] = {
	{ "NOP of 5", NOP5, 5, TARGET, true },
	{ "jump of 5", JMP_TARGET, 5, TARGET, true },
	{ "jump of 5 elsewhere", JMP_TARGET, 5, TARGET + 1, false },
	{ "jump of 5 back", JMP_BACK, 5, VA, true },
	{ "call", CALL_TARGET, 5, TARGET, false },
	{ "NOP of 2", { 0x66, 0x90 }, 2, VA + 18, true },
	{ "jump of 2", { 0xeb, 0x10 }, 2, VA + 18, true },
	{ "jump of 2 elsewhere", { 0xeb, 0x11 }, 2, VA + 18, false },
	{ "jump of 2 back", { 0xeb, 0xfe }, 2, VA, true },
	{ "NOP of 2 at a site of 5", { 0x66, 0x90 }, 5, TARGET, false },
	{ "NOP of 5 at a site of 2", NOP5, 2, VA + 18, false },
	{ "INT3", { 0xcc, 0x1f, 0x44 }, 5, TARGET, false },
	{ "a size that no site has", NOP5, 3, TARGET, false },
};

KUNIT_ARRAY_PARAM_DESC(label, label_rows, name);

static void jump_label_form(struct kunit *test)
{
	const struct label_row *row = test->param_value;

	KUNIT_EXPECT_EQ(test, form_is_jump_label(row->insn, row->size, VA,
						 row->target), row->legal);
}

/* With call thunks, a call of a function calls the padding before it. */
static void call_thunk_form(struct kunit *test)
{
	static const u8 call[] = CALL_TARGET, jump[] = JMP_TARGET;
	struct form_targets padded = targets;

	padded.pad = 16;
	KUNIT_EXPECT_TRUE(test, form_is_static_call(call, VA, false,
						    TARGET + 16, &padded));
	KUNIT_EXPECT_TRUE(test, form_is_static_call(call, VA, false, TARGET,
						    &padded));
	KUNIT_EXPECT_FALSE(test, form_is_static_call(call, VA, false,
						     TARGET + 15, &padded));
	KUNIT_EXPECT_FALSE(test, form_is_static_call(call, VA, false,
						     TARGET + 16, &targets));
	KUNIT_EXPECT_TRUE(test, form_is_static_call(jump, VA, true, TARGET + 16,
						    &padded));
	KUNIT_EXPECT_FALSE(test, form_is_static_call(jump, VA, true,
						     TARGET - 16, &padded));
}

/* What it increments is relative to where it is. */
static void moved_call_thunk_form(struct kunit *test)
{
	static const u8 own[] = { 0x65, 0x48, 0xc1, 0x3d, 1, 2, 3, 4, 5 };
	u32 moved = 0x04030201 + (u32)(unsigned long)own - (u32)VA;
	u8 thunk[9];
	unsigned int i;

	memcpy(thunk, own, sizeof(thunk));
	for (i = 0; i < 4; i++)
		thunk[4 + i] = moved >> (8 * i);
	KUNIT_EXPECT_TRUE(test, form_is_call_thunk(thunk, VA, own, 9));
	KUNIT_EXPECT_FALSE(test, form_is_call_thunk(thunk, VA + 1, own, 9));
	KUNIT_EXPECT_FALSE(test, form_is_call_thunk(own, VA, own, 9));
	for (i = 0; i < sizeof(thunk); i++) {
		thunk[i] ^= 0x10;
		KUNIT_EXPECT_FALSE(test, form_is_call_thunk(thunk, VA, own, 9));
		thunk[i] ^= 0x10;
	}
}

/* One that refers to a fixed address is copied as it is. */
static void fixed_call_thunk_form(struct kunit *test)
{
	static const u8 own[] = { 0x65, 0x48, 0xc1, 0x3c, 0x25, 1, 2, 3, 4, 5 };
	static const u8 other[] = { 0x65, 0x48, 0xc1, 0x3c, 0x25, 1, 2, 3, 5, 5 };

	KUNIT_EXPECT_TRUE(test, form_is_call_thunk(own, VA, own, 10));
	KUNIT_EXPECT_FALSE(test, form_is_call_thunk(other, VA, own, 10));
}

static void stands_for_call_form(struct kunit *test)
{
	static const struct {
		u8 insn[FORM_BYTES];
		bool stands;
	} rows[] = {
		{ XOR, true }, { WARN_TRAP, true }, { CALL_TARGET }, { NOP5 },
		{ JMP_TARGET }, { RET }, { { 0x2e, 0x2e, 0x2e, 0x31, 0xc1 } },
		{ { 0x67, 0x48, 0x0f, 0xb9, 0x3b } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, rows[i].stands,
				    form_stands_for_call(rows[i].insn),
				    "row %u", i);
}

struct conditional_row {
	const char *name;
	u8 insn[INSN_BYTES];
	unsigned long func;
	bool legal;
};

static const struct conditional_row conditional_rows[] = {
	{ "jump to the function", { 0x0f, 0x84, 0xff, 0x0f, 0x00, 0x00 },
	  TARGET, true },
	{ "another condition", { 0x0f, 0x8f, 0xff, 0x0f, 0x00, 0x00 },
	  TARGET, true },
	{ "jump elsewhere", { 0x0f, 0x84, 0x00, 0x10, 0x00, 0x00 },
	  TARGET, false },
	{ "return thunk, no function", { 0x0f, 0x84, 0xff, 0x2f, 0x00, 0x00 },
	  0, true },
	{ "elsewhere, no function", { 0x0f, 0x84, 0xff, 0x0f, 0x00, 0x00 },
	  0, false },
	{ "no condition", { 0x0f, 0x74, 0xff, 0x0f, 0x00, 0x00 },
	  TARGET, false },
	{ "another prefix", { 0x66, 0x84, 0xff, 0x0f, 0x00, 0x00 },
	  TARGET, false },
};

KUNIT_ARRAY_PARAM_DESC(conditional, conditional_rows, name);

static void conditional_form(struct kunit *test)
{
	const struct conditional_row *row = test->param_value;

	KUNIT_EXPECT_EQ(test, row->legal,
			form_is_conditional_call(row->insn, VA, row->func,
						 &targets));
}

static void jump_label_size(struct kunit *test)
{
	static const u8 insns[][FORM_BYTES] = {
		NOP5, JMP_TARGET, { 0x66, 0x90 }, { 0xeb }, CALL_TARGET, RET,
	};
	static const unsigned int sizes[] = { 5, 5, 2, 2, 0, 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		KUNIT_EXPECT_EQ(test, form_jump_label_size(insns[i]), sizes[i]);
}

static void lock_form(struct kunit *test)
{
	unsigned int byte;

	for (byte = 0; byte < 256; byte++)
		KUNIT_EXPECT_EQ(test, form_is_lock(byte),
				byte == 0xf0 || byte == 0x3e);
}

#define PLACES	64

/* Against a linear search. */
static void index_finds_like_the_model(struct kunit *test)
{
	struct form_ref refs[PLACES];
	struct form_index index = { .refs = refs };
	struct rnd_state rnd;
	u32 seed = random_start(test, &rnd);
	unsigned int round, i;

	for (round = 0; round < RANDOM_ROUNDS(1000); round++) {
		u32 at = random_below(&rnd, 300), want = U32_MAX;
		const struct form_ref *ref;

		index.nr = random_below(&rnd, PLACES + 1);
		for (i = 0; i < index.nr; i++) {
			refs[i] = (struct form_ref) {
				.at = random_below(&rnd, 256),
			};
			if (refs[i].at <= at &&
			    (want == U32_MAX || refs[i].at > want))
				want = refs[i].at;
		}
		form_index_sort(&index);
		ref = form_index_find(&index, at);
		KUNIT_ASSERT_EQ_MSG(test, ref ? ref->at : U32_MAX, want,
				    "seed %u, round %u", seed, round);
	}
}

static struct kunit_case forms_cases[] = {
	KUNIT_CASE_PARAM(static_call_form, call_gen_params),
	KUNIT_CASE(no_return_thunk),
	KUNIT_CASE_PARAM(jump_label_form, label_gen_params),
	KUNIT_CASE(call_thunk_form),
	KUNIT_CASE(moved_call_thunk_form),
	KUNIT_CASE(fixed_call_thunk_form),
	KUNIT_CASE(stands_for_call_form),
	KUNIT_CASE_PARAM(conditional_form, conditional_gen_params),
	KUNIT_CASE(jump_label_size),
	KUNIT_CASE(lock_form),
	KUNIT_CASE(index_finds_like_the_model),
	{}
};

static struct kunit_suite forms_suite = {
	.name = "lvbs_live_forms",
	.test_cases = forms_cases,
};

kunit_test_suite(forms_suite);

MODULE_LICENSE("GPL");
