// SPDX-License-Identifier: GPL-2.0
/*
 * The validator: each row of its table, and all states that sequences of
 * requests can reach.
 */

#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "heki/heki.h"
#include "kunit/param.h"

/* The last representable address, as of heki_clamp_pa_bits(). */
#define LAST	(((phys_addr_t)ULONG_MAX << HEKI_PAGE_SHIFT) |		\
		 (HEKI_PAGE_SIZE - 1))

/*
 * The JMP (C) of a site is e9 01 02 03 04 or eb 10, its NOP (N) 0f 1f 44 00 00
 * or 66 90. SPLITn sites have n bytes in their first page.
 */
#define SITE5	{ { 0x1100, 0 }, 5, { 0xe9, 1, 2, 3, 4 } }
#define SITE2	{ { 0x1100, 0 }, 2, { 0xeb, 0x10 } }
#define SITE1	{ { 0x1100, 0 }, 1, { 0x90 } }
#define SITE3	{ { 0x1100, 0 }, 3, { 0xe9, 1, 2 } }
#define SITE4	{ { 0x1100, 0 }, 4, { 0xe9, 1, 2, 3 } }
#define SPLIT1	{ { 0x1fff, 0x9000 }, 5, { 0xe9, 1, 2, 3, 4 } }
#define SPLIT2	{ { 0x1ffe, 0x9000 }, 5, { 0xe9, 1, 2, 3, 4 } }
#define SPLIT4	{ { 0x1ffc, 0x9000 }, 5, { 0xe9, 1, 2, 3, 4 } }
#define SPLIT1_ADJACENT	{ { 0x1fff, 0x2000 }, 5, { 0xe9, 1, 2, 3, 4 } }
#define SITE2_SPLIT	{ { 0x1fff, 0x9000 }, 2, { 0xeb, 0x10 } }

struct row {
	const char *name;
	struct heki_site site;
	u8 cur[HEKI_CODE_MAX];
	struct heki_request request;
	enum heki_step step;
	enum heki_reason reason;
};

#define GUARD	HEKI_STEP_GUARD
#define TAIL	HEKI_STEP_TAIL
#define HEAD	HEKI_STEP_HEAD
#define NONE	HEKI_STEP_NONE
#define R(reason) HEKI_REASON_##reason

/* The rows of the table in validate.c, and requests that deviate from each. */
static const struct row rows[] = {
	/* Five bytes. */
	{ "5: INT3 on JMP", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FITS) },
	{ "5: INT3 on NOP", SITE5, { 0x0f, 0x1f, 0x44, 0, 0 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FITS) },
	{ "5: INT3 retry, JMP tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(RETRY) },
	{ "5: INT3 retry, NOP tail", SITE5, { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(RETRY) },
	{ "5: INT3 on foreign bytes", SITE5, { 0x55, 0x48, 0x89, 0xe5, 0x41 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "5: INT3 on JMP to another target", SITE5, { 0xe9, 1, 2, 3, 5 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "5: INT3 on JMP head, NOP tail", SITE5, { 0xe9, 0x1f, 0x44, 0, 0 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "5: INT3 on NOP head, JMP tail", SITE5, { 0x0f, 1, 2, 3, 4 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "5: INT3 on INT3, foreign tail", SITE5, { 0xcc, 1, 2, 3, 5 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "5: JMP tail on JMP tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1101 }, 4, { 1, 2, 3, 4 } }, TAIL, R(FITS) },
	{ "5: NOP tail on JMP tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1101 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL, R(FITS) },
	{ "5: JMP tail on NOP tail", SITE5, { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x1101 }, 4, { 1, 2, 3, 4 } }, TAIL, R(FITS) },
	{ "5: NOP tail on NOP tail", SITE5, { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x1101 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL, R(FITS) },
	{ "5: JMP tail on NOP without INT3", SITE5, { 0x0f, 0x1f, 0x44, 0, 0 },
	  { { 0x1101 }, 4, { 1, 2, 3, 4 } }, TAIL, R(UNGUARDED) },
	{ "5: NOP tail on JMP without INT3", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1101 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL, R(UNGUARDED) },
	{ "5: JMP tail on JMP without INT3", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1101 }, 4, { 1, 2, 3, 4 } }, TAIL, R(UNGUARDED) },
	{ "5: foreign tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1101 }, 4, { 1, 2, 3, 5 } }, TAIL, R(BYTES) },
	{ "5: JMP and NOP bytes mixed in tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1101 }, 4, { 0x01, 0x02, 0x00, 0x00 } }, TAIL, R(BYTES) },
	{ "5: JMP tail on foreign tail", SITE5, { 0xcc, 1, 2, 3, 5 },
	  { { 0x1101 }, 4, { 1, 2, 3, 4 } }, TAIL, R(FOREIGN) },
	{ "5: JMP tail on foreign bytes", SITE5,
	  { 0x55, 0x48, 0x89, 0xe5, 0x41 }, { { 0x1101 }, 4, { 1, 2, 3, 4 } },
	  TAIL, R(FOREIGN) },
	{ "5: JMP head on JMP tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1100 }, 1, { 0xe9 } }, HEAD, R(FITS) },
	{ "5: NOP head on NOP tail", SITE5, { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x1100 }, 1, { 0x0f } }, HEAD, R(FITS) },
	{ "5: JMP head on NOP tail", SITE5, { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x1100 }, 1, { 0xe9 } }, HEAD, R(MIX) },
	{ "5: NOP head on JMP tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1100 }, 1, { 0x0f } }, HEAD, R(MIX) },
	{ "5: foreign head", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1100 }, 1, { 0xe8 } }, HEAD, R(BYTES) },
	{ "5: JMP head on JMP without INT3", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1100 }, 1, { 0xe9 } }, HEAD, R(UNGUARDED) },
	{ "5: NOP head on JMP without INT3", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1100 }, 1, { 0x0f } }, HEAD, R(UNGUARDED) },
	{ "5: JMP head on foreign tail", SITE5, { 0xcc, 1, 2, 3, 5 },
	  { { 0x1100 }, 1, { 0xe9 } }, HEAD, R(FOREIGN) },
	{ "5: JMP head on foreign bytes", SITE5,
	  { 0x55, 0x48, 0x89, 0xe5, 0x41 }, { { 0x1100 }, 1, { 0xe9 } }, HEAD,
	  R(FOREIGN) },
	{ "5: whole JMP on NOP", SITE5, { 0x0f, 0x1f, 0x44, 0, 0 },
	  { { 0x1100 }, 5, { 0xe9, 1, 2, 3, 4 } }, NONE, R(SIZE) },
	{ "5: whole JMP on INT3", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1100 }, 5, { 0xe9, 1, 2, 3, 4 } }, NONE, R(SIZE) },
	{ "5: two bytes at the first byte", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1100 }, 2, { 0xcc, 0x01 } }, NONE, R(SIZE) },
	{ "5: size 0 at the first byte", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1100 }, 0, { } }, NONE, R(SIZE) },
	{ "5: size 6 at the first byte", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1100 }, 6, { 0xe9, 1, 2, 3, 4 } }, NONE, R(SIZE) },
	{ "5: short tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1101 }, 3, { 1, 2, 3, 4 } }, TAIL, R(SIZE) },
	{ "5: long tail", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1101 }, 5, { 1, 2, 3, 4 } }, TAIL, R(SIZE) },
	{ "5: INT3 at the second byte", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1101 }, 1, { 0xcc } }, TAIL, R(SIZE) },
	{ "5: INT3 at the third byte", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1102 }, 1, { 0xcc } }, NONE, R(ADDRESS) },
	{ "5: INT3 at the last byte", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1104 }, 1, { 0xcc } }, NONE, R(ADDRESS) },
	{ "5: tail bytes from the third on", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1102 }, 3, { 2, 3, 4 } }, NONE, R(ADDRESS) },
	{ "5: INT3 before the site", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x10ff }, 1, { 0xcc } }, NONE, R(NO_SITE) },
	{ "5: INT3 after the site", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1105 }, 1, { 0xcc } }, NONE, R(NO_SITE) },
	{ "reference: INT3 where there is no site", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1800 }, 1, { 0xcc } }, NONE, R(NO_SITE) },
	{ "5: INT3 with second page", SITE5, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1100, 0x2000 }, 1, { 0xcc } }, GUARD, R(PAGE) },
	{ "5: JMP head with second page", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1100, 0x2000 }, 1, { 0xe9 } }, HEAD, R(PAGE) },
	{ "5: JMP tail with second page", SITE5, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1101, 0x2000 }, 4, { 1, 2, 3, 4 } }, TAIL, R(PAGE) },

	/* Two bytes. */
	{ "2: INT3 on JMP", SITE2, { 0xeb, 0x10 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FITS) },
	{ "2: INT3 on NOP", SITE2, { 0x66, 0x90 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FITS) },
	{ "2: INT3 retry, JMP tail", SITE2, { 0xcc, 0x10 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(RETRY) },
	{ "2: INT3 retry, NOP tail", SITE2, { 0xcc, 0x90 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(RETRY) },
	{ "2: INT3 on foreign bytes", SITE2, { 0x55, 0x90 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "2: INT3 on JMP to another target", SITE2, { 0xeb, 0x11 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "2: INT3 on JMP head, NOP tail", SITE2, { 0xeb, 0x90 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "2: INT3 on NOP head, JMP tail", SITE2, { 0x66, 0x10 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "2: INT3 on INT3 INT3", SITE2, { 0xcc, 0xcc },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "2: NOP tail on JMP tail", SITE2, { 0xcc, 0x10 },
	  { { 0x1101 }, 1, { 0x90 } }, TAIL, R(FITS) },
	{ "2: JMP tail on NOP tail", SITE2, { 0xcc, 0x90 },
	  { { 0x1101 }, 1, { 0x10 } }, TAIL, R(FITS) },
	{ "2: JMP tail on JMP tail", SITE2, { 0xcc, 0x10 },
	  { { 0x1101 }, 1, { 0x10 } }, TAIL, R(FITS) },
	{ "2: NOP tail on JMP without INT3", SITE2, { 0xeb, 0x10 },
	  { { 0x1101 }, 1, { 0x90 } }, TAIL, R(UNGUARDED) },
	{ "2: foreign tail", SITE2, { 0xcc, 0x10 },
	  { { 0x1101 }, 1, { 0x11 } }, TAIL, R(BYTES) },
	{ "2: INT3 at the second byte", SITE2, { 0xeb, 0x10 },
	  { { 0x1101 }, 1, { 0xcc } }, TAIL, R(BYTES) },
	{ "2: JMP tail on foreign tail", SITE2, { 0xcc, 0x11 },
	  { { 0x1101 }, 1, { 0x10 } }, TAIL, R(FOREIGN) },
	{ "2: JMP head on JMP tail", SITE2, { 0xcc, 0x10 },
	  { { 0x1100 }, 1, { 0xeb } }, HEAD, R(FITS) },
	{ "2: NOP head on NOP tail", SITE2, { 0xcc, 0x90 },
	  { { 0x1100 }, 1, { 0x66 } }, HEAD, R(FITS) },
	{ "2: JMP head on NOP tail", SITE2, { 0xcc, 0x90 },
	  { { 0x1100 }, 1, { 0xeb } }, HEAD, R(MIX) },
	{ "2: NOP head on JMP tail", SITE2, { 0xcc, 0x10 },
	  { { 0x1100 }, 1, { 0x66 } }, HEAD, R(MIX) },
	{ "2: NOP head on JMP without INT3", SITE2, { 0xeb, 0x10 },
	  { { 0x1100 }, 1, { 0x66 } }, HEAD, R(UNGUARDED) },
	{ "2: whole JMP on NOP", SITE2, { 0x66, 0x90 },
	  { { 0x1100 }, 2, { 0xeb, 0x10 } }, NONE, R(SIZE) },
	{ "2: long tail", SITE2, { 0xcc, 0x10 },
	  { { 0x1101 }, 2, { 0x90, 0x90 } }, TAIL, R(SIZE) },
	{ "2: after the site", SITE2, { 0xcc, 0x10 },
	  { { 0x1102 }, 1, { 0x90 } }, NONE, R(NO_SITE) },

	/* Lengths without a NOP. */
	{ "1: INT3 on instruction", SITE1, { 0x90 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FITS) },
	{ "1: INT3 retry", SITE1, { 0xcc },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(RETRY) },
	{ "1: INT3 on foreign byte", SITE1, { 0x91 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "1: instruction on INT3", SITE1, { 0xcc },
	  { { 0x1100 }, 1, { 0x90 } }, HEAD, R(FITS) },
	{ "1: instruction without INT3", SITE1, { 0x90 },
	  { { 0x1100 }, 1, { 0x90 } }, HEAD, R(UNGUARDED) },
	{ "1: foreign byte on INT3", SITE1, { 0xcc },
	  { { 0x1100 }, 1, { 0x91 } }, HEAD, R(BYTES) },
	{ "1: no second byte", SITE1, { 0xcc },
	  { { 0x1101 }, 1, { 0x90 } }, NONE, R(NO_SITE) },
	{ "1: empty tail", SITE1, { 0xcc },
	  { { 0x1101 }, 0, { } }, NONE, R(NO_SITE) },
	{ "3: INT3 on JMP", SITE3, { 0xe9, 1, 2 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FITS) },
	{ "3: INT3 on 3-byte NOP", SITE3, { 0x0f, 0x1f, 0x00 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "reference: NOP tail, site of 3 bytes", SITE3, { 0xcc, 1, 2 },
	  { { 0x1101 }, 2, { 0x1f, 0x00 } }, TAIL, R(BYTES) },
	{ "3: JMP tail", SITE3, { 0xcc, 1, 2 },
	  { { 0x1101 }, 2, { 1, 2 } }, TAIL, R(FITS) },
	{ "3: JMP head", SITE3, { 0xcc, 1, 2 },
	  { { 0x1100 }, 1, { 0xe9 } }, HEAD, R(FITS) },
	{ "4: INT3 on 4-byte NOP", SITE4, { 0x0f, 0x1f, 0x40, 0x00 },
	  { { 0x1100 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
	{ "4: tail of 4-byte NOP", SITE4, { 0xcc, 1, 2, 3 },
	  { { 0x1101 }, 3, { 0x1f, 0x40, 0x00 } }, TAIL, R(BYTES) },
	{ "4: head of 5-byte NOP", SITE4, { 0xcc, 1, 2, 3 },
	  { { 0x1100 }, 1, { 0x0f } }, HEAD, R(BYTES) },

	/*
	 * The head is the last byte of its page. The reference system accepted
	 * the tail at the physically next page, too.
	 */
	{ "5 split 1+4: tail at the second page", SPLIT1, { 0xcc, 1, 2, 3, 4 },
	  { { 0x9000 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL, R(FITS) },
	{ "reference: tail at the physically next page", SPLIT1,
	  { 0xcc, 1, 2, 3, 4 }, { { 0x2000 }, 4, { 0x1f, 0x44, 0, 0 } }, NONE,
	  R(NO_SITE) },
	{ "5 split 1+4: JMP tail at the physically next page", SPLIT1,
	  { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x2000 }, 4, { 1, 2, 3, 4 } }, NONE, R(NO_SITE) },
	{ "5 split 1+4: tail names its own page", SPLIT1, { 0xcc, 1, 2, 3, 4 },
	  { { 0x9000, 0x9000 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL, R(PAGE) },
	{ "5 split 1+4: tail names the first page", SPLIT1,
	  { 0xcc, 1, 2, 3, 4 }, { { 0x9000, 0x1000 }, 4, { 0x1f, 0x44, 0, 0 } },
	  TAIL, R(PAGE) },
	{ "5 split 1+4: INT3", SPLIT1, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1fff }, 1, { 0xcc } }, GUARD, R(FITS) },
	{ "5 split 1+4: INT3 with second page", SPLIT1, { 0xe9, 1, 2, 3, 4 },
	  { { 0x1fff, 0x9000 }, 1, { 0xcc } }, GUARD, R(PAGE) },
	{ "5 split 1+4: INT3 at the second byte", SPLIT1, { 0xe9, 1, 2, 3, 4 },
	  { { 0x9000 }, 1, { 0xcc } }, TAIL, R(SIZE) },
	{ "5 split 1+4: INT3 at the third byte", SPLIT1, { 0xe9, 1, 2, 3, 4 },
	  { { 0x9001 }, 1, { 0xcc } }, NONE, R(ADDRESS) },
	{ "5 split 1+4: INT3 after the site", SPLIT1, { 0xe9, 1, 2, 3, 4 },
	  { { 0x9004 }, 1, { 0xcc } }, NONE, R(NO_SITE) },
	{ "5 split 1+4, adjacent pages: tail at the next page", SPLIT1_ADJACENT,
	  { 0xcc, 1, 2, 3, 4 }, { { 0x2000 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL,
	  R(FITS) },
	{ "5 split 1+4, adjacent pages: tail at another page", SPLIT1_ADJACENT,
	  { 0xcc, 1, 2, 3, 4 }, { { 0x9000 }, 4, { 0x1f, 0x44, 0, 0 } }, NONE,
	  R(NO_SITE) },
	/* The tail straddles. */
	{ "5 split 2+3: tail straddles", SPLIT2, { 0xcc, 1, 2, 3, 4 },
	  { { 0x1fff, 0x9000 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL, R(FITS) },
	{ "5 split 2+3: tail straddles to the physically next page", SPLIT2,
	  { 0xcc, 1, 2, 3, 4 }, { { 0x1fff, 0x2000 }, 4, { 0x1f, 0x44, 0, 0 } },
	  TAIL, R(PAGE) },
	{ "5 split 2+3: tail names no second page", SPLIT2,
	  { 0xcc, 1, 2, 3, 4 }, { { 0x1fff }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL,
	  R(PAGE) },
	{ "5 split 2+3: bytes of the second page only", SPLIT2,
	  { 0xcc, 1, 2, 3, 4 }, { { 0x9000 }, 3, { 0x44, 0, 0 } }, NONE,
	  R(ADDRESS) },
	{ "5 split 4+1: tail straddles", SPLIT4, { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x1ffd, 0x9000 }, 4, { 1, 2, 3, 4 } }, TAIL, R(FITS) },
	{ "5 split 4+1: tail straddles to the physically next page", SPLIT4,
	  { 0xcc, 0x1f, 0x44, 0, 0 }, { { 0x1ffd, 0x2000 }, 4, { 1, 2, 3, 4 } },
	  TAIL, R(PAGE) },
	{ "5 split 4+1: bytes of the first page only", SPLIT4,
	  { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x1ffd }, 3, { 1, 2, 3, 4 } }, TAIL, R(SIZE) },
	{ "5 split 4+1: last byte", SPLIT4, { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x9000 }, 1, { 0x04 } }, NONE, R(ADDRESS) },
	{ "2 split 1+1: tail at the second page", SITE2_SPLIT, { 0xcc, 0x10 },
	  { { 0x9000 }, 1, { 0x90 } }, TAIL, R(FITS) },
	{ "2 split 1+1: tail at the physically next page", SITE2_SPLIT,
	  { 0xcc, 0x10 }, { { 0x2000 }, 1, { 0x90 } }, NONE, R(NO_SITE) },

	/* No address arithmetic wraps. */
	{ "last address: INT3", { { LAST - 4 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xe9, 1, 2, 3, 4 },
	  { { LAST - 4 }, 1, { 0xcc } }, GUARD, R(FITS) },
	{ "last address: tail", { { LAST - 4 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xcc, 1, 2, 3, 4 },
	  { { LAST - 3 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL, R(FITS) },
	{ "last address: INT3 at address 0",
	  { { LAST - 4 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xe9, 1, 2, 3, 4 },
	  { { 0 }, 1, { 0xcc } }, NONE, R(NO_SITE) },
	{ "last address, split 1+4: tail at address 0",
	  { { LAST, 0x9000 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xcc, 1, 2, 3, 4 },
	  { { 0 }, 4, { 0x1f, 0x44, 0, 0 } }, NONE, R(NO_SITE) },
	{ "last address, split 1+4: tail",
	  { { LAST, 0x9000 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xcc, 1, 2, 3, 4 },
	  { { 0x9000 }, 4, { 0x1f, 0x44, 0, 0 } }, TAIL, R(FITS) },

	/* More test vectors of the reference system's validator. */
	{ "reference: tail at the second page",
	  { { 0x1fff, 0x2000 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x2000 }, 4, { 1, 2, 3, 4 } }, TAIL, R(FITS) },
	{ "reference: tail straddles to a page other than the site's",
	  { { 0x1ffe, 0x2000 }, 3, { 0xe9, 1, 2 } },
	  { 0xcc, 1, 2 },
	  { { 0x1fff, 0x3000 }, 2, { 1, 2 } }, TAIL, R(PAGE) },
	{ "reference: JMP head on NOP tail",
	  { { 0x1000 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xcc, 0x1f, 0x44, 0, 0 },
	  { { 0x1000 }, 1, { 0xe9 } }, HEAD, R(MIX) },
	{ "reference: NOP head on JMP tail",
	  { { 0x1000 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xcc, 1, 2, 3, 4 },
	  { { 0x1000 }, 1, { 0x0f } }, HEAD, R(MIX) },
	{ "reference: INT3 on JMP head, NOP tail",
	  { { 0x1000 }, 5, { 0xe9, 1, 2, 3, 4 } },
	  { 0xe9, 0x1f, 0x44, 0, 0 },
	  { { 0x1000 }, 1, { 0xcc } }, GUARD, R(FOREIGN) },
};

KUNIT_ARRAY_PARAM_DESC(row, rows, name);

/* What the apply callback was called with. */
struct applied {
	unsigned int calls;
	struct heki_request request;
	int err;
};

static int apply(const struct heki_checked_patch *patch, void *ctx)
{
	struct applied *applied = ctx;

	applied->calls++;
	applied->request = *heki_checked_request(patch);
	return applied->err;
}

static void verdicts(struct kunit *test)
{
	const struct row *row = test->param_value;
	bool accepted = row->reason == R(FITS) || row->reason == R(RETRY);
	bool written = row->reason == R(FITS);
	struct heki_verdict verdict, silent;
	struct applied applied = { .err = -EFAULT };
	int err = accepted ? 0 : row->reason == R(NO_SITE) ? -ENOENT : -EACCES;

	KUNIT_EXPECT_EQ(test, err,
			heki_check_patch(&row->site, row->cur, &row->request,
					 &silent, NULL, NULL));
	KUNIT_EXPECT_EQ(test, written ? -EFAULT : err,
			heki_check_patch(&row->site, row->cur, &row->request,
					 &verdict, apply, &applied));
	KUNIT_EXPECT_STREQ(test, heki_reason_name(verdict.reason),
			   heki_reason_name(row->reason));
	KUNIT_EXPECT_STREQ(test, heki_step_name(verdict.step),
			   heki_step_name(row->step));
	KUNIT_EXPECT_EQ(test, verdict.nothing_to_write,
			row->reason == R(RETRY));
	KUNIT_EXPECT_EQ(test, silent.reason, verdict.reason);
	KUNIT_EXPECT_EQ(test, silent.step, verdict.step);

	KUNIT_ASSERT_EQ(test, applied.calls, (unsigned int)written);
	if (!written)
		return;
	KUNIT_EXPECT_EQ(test, applied.request.pa[0], row->request.pa[0]);
	KUNIT_EXPECT_EQ(test, applied.request.pa[1], row->request.pa[1]);
	KUNIT_ASSERT_EQ(test, applied.request.size, row->request.size);
	KUNIT_EXPECT_EQ(test, 0,
			memcmp(applied.request.bytes, row->request.bytes,
			       row->request.size));
}

static void names(struct kunit *test)
{
	unsigned int i, j;

	for (i = 0; i < HEKI_REASON_NR; i++) {
		const char *name = heki_reason_name(i);

		KUNIT_EXPECT_NOT_ERR_OR_NULL(test, name);
		KUNIT_EXPECT_NE(test, '?', name[0]);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_STRNEQ(test, name, heki_reason_name(j));
	}
	KUNIT_EXPECT_STREQ(test, heki_reason_name(HEKI_REASON_NR), "?");
	KUNIT_EXPECT_STREQ(test, heki_reason_name(-1), "?");
	for (i = 0; i < HEKI_STEP_NR; i++)
		KUNIT_EXPECT_NE(test, '?', heki_step_name(i)[0]);
	KUNIT_EXPECT_STREQ(test, heki_step_name(HEKI_STEP_NR), "?");
}

static void nop_bytes(struct kunit *test)
{
	static const u8 n2[] = { 0x66, 0x90 };
	static const u8 n5[] = { 0x0f, 0x1f, 0x44, 0, 0 };
	unsigned int size;

	for (size = 0; size < 8; size++) {
		if (size != 2 && size != 5)
			KUNIT_EXPECT_NULL(test, heki_nop(size));
	}
	KUNIT_EXPECT_EQ(test, 0, memcmp(heki_nop(2), n2, 2));
	KUNIT_EXPECT_EQ(test, 0, memcmp(heki_nop(5), n5, 5));
}

/*
 * A walk applies accepted requests to a model of the site, byte by byte, and
 * collects the states that the site can reach.
 */

#define WALK_STATES	16

struct walk {
	struct heki_site site;
	phys_addr_t where[HEKI_CODE_MAX];
	u8 states[WALK_STATES][HEKI_CODE_MAX];
	unsigned int nr;
	unsigned int tried;
	unsigned int accepted;
	unsigned int stray;
	unsigned int bad;
	bool overflow;
};

static void walk_place(struct walk *walk, unsigned int size,
		       unsigned int on_first, phys_addr_t second)
{
	static const u8 codes[][HEKI_CODE_MAX] = {
		[1] = { 0x90 }, [2] = { 0xeb, 0x10 }, [3] = { 0xe9, 1, 2 },
		[4] = { 0xe9, 1, 2, 3 }, [5] = { 0xe9, 1, 2, 3, 4 },
	};
	unsigned int i;

	memset(walk, 0, sizeof(*walk));
	walk->site.pa[0] = 0x2000 - on_first;
	walk->site.pa[1] = on_first < size ? second : 0;
	walk->site.size = size;
	memcpy(walk->site.code, codes[size], sizeof(codes[size]));
	for (i = 0; i < size; i++)
		walk->where[i] = i < on_first ? 0x2000 - on_first + i :
						second + i - on_first;
}

/* The invariant, written down independently of the validator. */
static bool walk_allowed(const struct walk *walk, const u8 *state)
{
	static const u8 n2[] = { 0x66, 0x90 };
	static const u8 n5[] = { 0x0f, 0x1f, 0x44, 0, 0 };
	unsigned int size = walk->site.size;
	const u8 *nop = size == 2 ? n2 : size == 5 ? n5 : walk->site.code;

	if (state[0] == 0xcc)
		return !memcmp(state + 1, walk->site.code + 1, size - 1) ||
		       !memcmp(state + 1, nop + 1, size - 1);
	return !memcmp(state, walk->site.code, size) ||
	       !memcmp(state, nop, size);
}

static void walk_add(struct walk *walk, const u8 *state)
{
	unsigned int i;

	if (!walk_allowed(walk, state))
		walk->bad++;
	for (i = 0; i < walk->nr; i++) {
		if (!memcmp(walk->states[i], state, HEKI_CODE_MAX))
			return;
	}
	if (walk->nr == WALK_STATES) {
		walk->overflow = true;
		return;
	}
	memcpy(walk->states[walk->nr++], state, HEKI_CODE_MAX);
}

static void walk_apply(struct walk *walk, const u8 *state,
		       const struct heki_request *request, bool changes)
{
	unsigned int i, j, on_first = 0x1000 - (request->pa[0] & 0xfff);
	u8 next[HEKI_CODE_MAX];

	memcpy(next, state, HEKI_CODE_MAX);
	for (i = 0; i < request->size; i++) {
		phys_addr_t pa = i < on_first ? request->pa[0] + i :
				 request->pa[1] + i - on_first;

		for (j = 0; j < walk->site.size; j++) {
			if (walk->where[j] == pa)
				break;
		}
		if (j == walk->site.size)
			walk->stray++;
		else
			next[j] = request->bytes[i];
	}
	if (!changes && memcmp(next, state, HEKI_CODE_MAX))
		walk->bad++;
	walk_add(walk, next);
}

static void walk_try(struct walk *walk, const u8 *state,
		     const struct heki_request *request)
{
	struct applied applied = { };
	struct heki_verdict verdict;
	bool fits;
	int err;

	walk->tried++;
	err = heki_check_patch(&walk->site, state, request, &verdict, apply,
			       &applied);
	fits = verdict.reason == R(FITS);
	if (!err != (fits || verdict.reason == R(RETRY)) ||
	    applied.calls != fits)
		walk->bad++;
	if (err)
		return;
	walk->accepted++;
	walk_apply(walk, state, applied.calls ? &applied.request : request,
		   applied.calls);
}

/* Tries all substrings of @size bytes of plausible contents. */
static void walk_bytes(struct walk *walk, const u8 *state,
		       struct heki_request *request)
{
	static const u8 others[][2 * HEKI_CODE_MAX] = {
		{ 0x66, 0x90, 0x66, 0x90 },
		{ 0x0f, 0x1f, 0x44, 0, 0, 0x0f, 0x1f, 0x44, 0, 0 },
		{ 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc },
		{ 0xcc, 1, 2, 3, 4, 0xcc, 0x1f, 0x44, 0, 0 },
		{ 0xe9, 0x1f, 0x44, 0, 0, 0xeb, 0x10, 0x66, 0x90 },
		{ 0x0f, 1, 2, 3, 4, 0xeb, 0x90, 0x66, 0x10 }, { },
	};
	u8 own[2 * HEKI_CODE_MAX] = { };
	unsigned int i, from, size = request->size;

	memcpy(own, walk->site.code, walk->site.size);
	for (from = 0; from <= HEKI_CODE_MAX; from++) {
		memcpy(request->bytes, own + from, HEKI_CODE_MAX);
		memset(request->bytes + size, 0, HEKI_CODE_MAX - size);
		walk_try(walk, state, request);
		for (i = 0; i < ARRAY_SIZE(others); i++) {
			memcpy(request->bytes, others[i] + from, size);
			walk_try(walk, state, request);
		}
	}
}

static void walk_state(struct walk *walk, const u8 *state)
{
	const phys_addr_t seconds[] = {
		0, 0x1000, 0x2000, 0x9000, walk->site.pa[1],
	};
	phys_addr_t starts[26];
	unsigned int i, j, nr = 0;
	struct heki_request request = { };

	for (i = 0; i < 8; i++) {
		starts[nr++] = 0x2000 - 6 + i;
		starts[nr++] = 0x9000 - 2 + i;
		starts[nr++] = 0x2000 + i;
	}
	starts[nr++] = 0;
	starts[nr++] = LAST;

	for (i = 0; i < nr; i++) {
		for (j = 0; j < ARRAY_SIZE(seconds); j++) {
			request.pa[0] = starts[i];
			request.pa[1] = seconds[j];
			for (request.size = 1; request.size <= HEKI_CODE_MAX;
			     request.size++)
				walk_bytes(walk, state, &request);
		}
	}
}

static void walk_all(struct kunit *test, unsigned int size,
		     unsigned int on_first, phys_addr_t second)
{
	struct walk *walk = kunit_kzalloc(test, sizeof(*walk), GFP_KERNEL);
	u8 start[HEKI_CODE_MAX] = { };
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, walk);
	walk_place(walk, size, on_first, second);
	memcpy(start, walk->site.code, size);
	walk_add(walk, start);
	for (i = 0; i < walk->nr; i++)
		walk_state(walk, walk->states[i]);

	KUNIT_EXPECT_EQ_MSG(test, walk->bad, 0U, "%u bytes, %u on first page",
			    size, on_first);
	KUNIT_EXPECT_EQ_MSG(test, walk->stray, 0U,
			    "%u bytes, %u on first page", size, on_first);
	KUNIT_EXPECT_FALSE(test, walk->overflow);
	/* C, INT3 with its tail, and the same for N if there is one. */
	KUNIT_EXPECT_EQ_MSG(test, walk->nr, size == 2 || size == 5 ? 4U : 2U,
			    "%u bytes, %u on first page", size, on_first);
	KUNIT_EXPECT_GT(test, walk->accepted, 0U);
	kunit_info(test, "%u bytes, %u on the first page: accepted %u of %u",
		   size, on_first, walk->accepted, walk->tried);
}

/* Sequences of accepted requests reach no other state. */
static void reachable_states(struct kunit *test)
{
	unsigned int size, on_first;

	for (size = 1; size <= HEKI_CODE_MAX; size++) {
		for (on_first = 1; on_first <= size; on_first++) {
			walk_all(test, size, on_first, 0x9000);
			walk_all(test, size, on_first, 0x2000);
		}
	}
}

/* Nothing is accepted for foreign contents. */
static void foreign_contents(struct kunit *test)
{
	static const u8 foreign[][HEKI_CODE_MAX] = {
		{ 0x55, 0x48, 0x89, 0xe5, 0x41 }, { 0xe9, 0x1f, 0x44, 0, 0 },
		{ 0x0f, 1, 2, 3, 4 }, { 0xcc, 0x01, 0x02, 0x00, 0x00 },
		{ 0xcc, 0xcc, 0xcc, 0xcc, 0xcc }, { },
	};
	struct walk *walk = kunit_kzalloc(test, sizeof(*walk), GFP_KERNEL);
	unsigned int i, on_first;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, walk);
	for (on_first = 1; on_first <= 5; on_first++) {
		for (i = 0; i < ARRAY_SIZE(foreign); i++) {
			walk_place(walk, 5, on_first, 0x9000);
			walk_state(walk, foreign[i]);
			KUNIT_EXPECT_EQ(test, walk->accepted, 0U);
		}
	}
}

/* JMP to NOP and back, for each way to straddle. */
static void patch_and_revert(struct kunit *test)
{
	static const u8 nop[] = { 0x0f, 0x1f, 0x44, 0, 0 };
	unsigned int on_first, round;

	for (on_first = 1; on_first <= 5; on_first++) {
		struct walk walk;
		u8 cur[HEKI_CODE_MAX] = { 0xe9, 1, 2, 3, 4 };
		struct heki_verdict verdict;

		walk_place(&walk, 5, on_first, 0x9000);
		for (round = 0; round < 2; round++) {
			const u8 *to = round ? walk.site.code : nop;
			struct heki_request guard = {
				{ walk.where[0] }, 1, { 0xcc }
			};
			struct heki_request tail = {
				{ walk.where[1],
				  on_first > 1 && on_first < 5 ? 0x9000 : 0 },
				4, { to[1], to[2], to[3], to[4] }
			};
			struct heki_request head = {
				{ walk.where[0] }, 1, { to[0] }
			};

			KUNIT_EXPECT_EQ(test, 0,
					heki_check_patch(&walk.site, cur,
							 &guard, &verdict,
							 NULL, NULL));
			cur[0] = 0xcc;
			KUNIT_EXPECT_EQ(test, 0,
					heki_check_patch(&walk.site, cur, &tail,
							 &verdict, NULL, NULL));
			memcpy(cur + 1, to + 1, 4);
			KUNIT_EXPECT_EQ(test, 0,
					heki_check_patch(&walk.site, cur, &head,
							 &verdict, NULL, NULL));
			cur[0] = to[0];
		}
	}
}

/* The table holds for an instruction that begins with INT3. */
static void int3_instruction(struct kunit *test)
{
	struct heki_site site = { { 0x1100 }, 5, { 0xcc, 1, 2, 3, 4 } };
	const u8 code[] = { 0xcc, 1, 2, 3, 4 };
	const u8 nop[] = { 0x0f, 0x1f, 0x44, 0, 0 };
	struct heki_request guard = { { 0x1100 }, 1, { 0xcc } };
	struct heki_request head = { { 0x1100 }, 1, { 0x0f } };
	struct heki_verdict verdict;

	KUNIT_EXPECT_EQ(test, 0, heki_check_patch(&site, code, &guard, &verdict,
						  NULL, NULL));
	KUNIT_EXPECT_TRUE(test, verdict.nothing_to_write);
	KUNIT_EXPECT_EQ(test, 0, heki_check_patch(&site, nop, &guard, &verdict,
						  NULL, NULL));
	KUNIT_EXPECT_FALSE(test, verdict.nothing_to_write);
	KUNIT_EXPECT_EQ(test, -EACCES,
			heki_check_patch(&site, code, &head, &verdict, NULL,
					 NULL));
	KUNIT_EXPECT_EQ(test, verdict.reason, R(MIX));
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(verdicts, row_gen_params),
	KUNIT_CASE(names),
	KUNIT_CASE(nop_bytes),
	KUNIT_CASE(reachable_states),
	KUNIT_CASE(foreign_contents),
	KUNIT_CASE(patch_and_revert),
	KUNIT_CASE(int3_instruction),
	{ }
};

static struct kunit_suite suite = {
	.name = "lvbs_heki_validate",
	.test_cases = cases,
};

kunit_test_suite(suite);

MODULE_LICENSE("GPL");
