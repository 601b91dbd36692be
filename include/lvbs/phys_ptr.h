/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Physical pointers: bounded, copy-only views of foreign physical memory.
 */
#ifndef _LVBS_PHYS_PTR_H
#define _LVBS_PHYS_PTR_H

#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/limits.h>
#include <linux/types.h>

#include <lvbs/vmap_manager.h>

/**
 * DOC: physical pointers
 *
 * Somebody who is not trusted hands over physical addresses. The memory behind
 * them may be a hole, a device, our own, or gone a moment later; its contents
 * may change between two looks. A physical pointer makes that survivable by
 * allowing one thing only: *copying*. There is no way to get at a virtual
 * address, so nothing can be dereferenced, checked in place and read again.
 *
 * A pointer is a plain value. Making one allocates nothing, and there is
 * nothing to free. It is a list of page frames (either contiguous, or an array
 * that it borrows), an offset into the first of them, a length in bytes, and
 * the size of an element. These bounds are exact: the element at index i, count
 * n, is reachable iff i + n <= bytes / elem_size. No alignment is asked of
 * anything.
 *
 * There are two types. &struct phys_const_ptr can only be read. &struct
 * phys_ptr can be written too, and contains a phys_const_ptr named ``ro`` for
 * every function that only reads. Handing a phys_const_ptr to a function that
 * writes does not compile.
 *
 * Each operation checks the frames (usable RAM; not ours; for a write, not
 * protected; not range-locked by somebody else), maps at most
 * %PHYS_WINDOW_PAGES of them at a time, copies with a fault-tolerant memcpy
 * and unmaps. All frames of an operation are checked before its first byte is
 * copied. The mapping is read-only for reads and never executable.
 *
 * Read one object::
 *
 *	struct boot_info info;
 *	int err;
 *
 *	err = phys_read_obj_at(lvbs_vmap_manager(), pa, &info);
 *	if (err)
 *		return err;
 *	// info is ours now: check it, and never read it again from pa
 *
 * An array that lies in two unrelated frames::
 *
 *	unsigned long pfns[] = { pa0 >> PAGE_SHIFT, pa1 >> PAGE_SHIFT };
 *	PHYS_PTR_OF(struct record) p;
 *	struct record rec;
 *
 *	err = phys_ptr_of_init_scattered(&p, mgr, pfns, 2,
 *					 offset_in_page(pa0), bytes);
 *	if (!err)
 *		err = phys_read_obj(&p, 3, &rec);
 *	if (!err)
 *		err = phys_write_obj(&p, 4, &rec);
 *
 * Many small accesses to the same place map once, in a session::
 *
 *	DEFINE_PHYS_SESSION(s);		// unmapped when s goes out of scope
 *
 *	err = phys_session_begin(&s, &p.ro);
 *	for (i = 0; !err && i < n; i++)
 *		err = phys_session_read(&s, i, &rec, 1);
 *
 * Several copies that belong together (read, check, write) hold a range lock::
 *
 *	err = phys_lock(&lock, &p.ro, PHYS_LOCK_EXCLUSIVE);
 *	if (err)
 *		return err;
 *	p.ro.lock = &lock;
 *	...
 *	phys_unlock(&lock);
 */

struct phys_lock;

/**
 * struct phys_const_ptr - a physical pointer that can be read
 * @mgr: who maps for it; NULL marks a pointer whose making was refused
 * @lock: the range lock that accesses through it are made under, or NULL
 * @frames: the frames, in order; a scattered pointer borrows the array
 * @bytes: length
 * @offset: where it starts in the first frame, below PAGE_SIZE
 * @elem_size: size of an element in bytes, not 0
 *
 * Made by phys_const_ptr_init() and its kin; only @lock is for callers to set.
 */
struct phys_const_ptr {
	struct vmap_manager *mgr;
	const struct phys_lock *lock;
	struct phys_frames frames;
	size_t bytes;
	unsigned int offset;
	unsigned int elem_size;
};

/**
 * struct phys_ptr - a physical pointer that can be read and written
 * @ro: the same pointer, for reading
 */
struct phys_ptr {
	struct phys_const_ptr ro;
};

/* For the macros below only: no check of the element size. */
int __phys_const_ptr_init(struct phys_const_ptr *ptr, struct vmap_manager *mgr,
			  phys_addr_t pa, size_t bytes, unsigned int elem_size);
int __phys_const_ptr_init_scattered(struct phys_const_ptr *ptr,
				    struct vmap_manager *mgr,
				    const unsigned long *pfns, unsigned long nr,
				    unsigned long offset, size_t bytes,
				    unsigned int elem_size);

/* An element size is a compile-time constant; not 0, nor cut off to be 0. */
#define __PHYS_ELEM_SIZE(size)						\
	((unsigned int)(size) +						\
	 BUILD_BUG_ON_ZERO(!__builtin_constant_p(size) || (size) == 0 ||	\
			   (unsigned long long)(size) > UINT_MAX))

/**
 * phys_const_ptr_init() - make a read-only pointer to contiguous memory
 * @ptr: &struct phys_const_ptr to make
 * @mgr: &struct vmap_manager to map with
 * @pa: physical address of the first byte; need not be aligned
 * @bytes: length; 0 makes a pointer without elements
 * @elem_size: size of an element; a compile-time constant, not 0
 *
 * Only the arithmetic is checked here: whether there is RAM behind the
 * addresses, and whose, is asked at each access.
 *
 * Context: Any.
 * Return: 0; -EINVAL if @mgr is not usable; -EOVERFLOW if the range wraps or
 * exceeds the physical address width. On error @ptr refuses all use.
 */
#define phys_const_ptr_init(ptr, mgr, pa, bytes, elem_size)		\
	__phys_const_ptr_init(ptr, mgr, pa, bytes, __PHYS_ELEM_SIZE(elem_size))

/**
 * phys_const_ptr_init_scattered() - make a read-only pointer over given frames
 * @ptr: &struct phys_const_ptr to make
 * @mgr: &struct vmap_manager to map with
 * @pfns: frame numbers, in order; borrowed: they must stay, unchanged, while
 *	@ptr is in use, so a list that came from outside is copied first
 * @nr: number of frames
 * @offset: where the first byte is in the first frame, below PAGE_SIZE
 * @bytes: length; it must fit into the frames
 * @elem_size: size of an element; a compile-time constant, not 0
 *
 * Context: Any. Takes time linear in @nr, unless the frames are in no order
 * and very many (see phys_frames.c).
 * Return: 0; -EINVAL if @mgr is not usable or @offset is not below PAGE_SIZE;
 * -ERANGE if @bytes do not fit; -EOVERFLOW if a frame exceeds the physical
 * address width; -EEXIST if a frame is named twice. On error @ptr refuses all
 * use.
 */
#define phys_const_ptr_init_scattered(ptr, mgr, pfns, nr, offset, bytes,	\
				      elem_size)				\
	__phys_const_ptr_init_scattered(ptr, mgr, pfns, nr, offset, bytes,	\
					__PHYS_ELEM_SIZE(elem_size))

/**
 * phys_ptr_init() - make a writable pointer to contiguous memory
 * @ptr: &struct phys_ptr to make
 * @mgr: as for phys_const_ptr_init()
 * @pa: as for phys_const_ptr_init()
 * @bytes: as for phys_const_ptr_init()
 * @elem_size: as for phys_const_ptr_init()
 *
 * Return: as phys_const_ptr_init().
 */
#define phys_ptr_init(ptr, mgr, pa, bytes, elem_size)			\
	phys_const_ptr_init(&(ptr)->ro, mgr, pa, bytes, elem_size)

/**
 * phys_ptr_init_scattered() - make a writable pointer over given frames
 * @ptr: &struct phys_ptr to make
 * @mgr: as for phys_const_ptr_init_scattered()
 * @pfns: as for phys_const_ptr_init_scattered()
 * @nr: as for phys_const_ptr_init_scattered()
 * @offset: as for phys_const_ptr_init_scattered()
 * @bytes: as for phys_const_ptr_init_scattered()
 * @elem_size: as for phys_const_ptr_init_scattered()
 *
 * Return: as phys_const_ptr_init_scattered().
 */
#define phys_ptr_init_scattered(ptr, mgr, pfns, nr, offset, bytes, elem_size) \
	phys_const_ptr_init_scattered(&(ptr)->ro, mgr, pfns, nr, offset,      \
				      bytes, elem_size)

/**
 * phys_read() - copy elements out of foreign memory
 * @ptr: from where
 * @index: first element
 * @buf: to where; @count elements of trusted memory
 * @count: number of elements; 0 copies nothing, and succeeds if in range
 *
 * Context: May sleep.
 * Return: 0; -EINVAL for a pointer whose making was refused; -ERANGE outside
 * the pointer; -ENXIO if a frame is no usable RAM; -EPERM if one is owned by
 * VTL1; -EBUSY if one is range-locked; -ENOMEM; -EFAULT if the memory went
 * away during the copy (@buf is then partly filled).
 */
int phys_read(const struct phys_const_ptr *ptr, size_t index, void *buf,
	      size_t count);

/**
 * phys_write() - copy elements into foreign memory
 * @ptr: to where
 * @index: first element
 * @buf: from where; @count elements of trusted memory
 * @count: number of elements; 0 copies nothing, and succeeds if in range
 *
 * Context: May sleep.
 * Return: as phys_read(), and -EROFS if a frame is protected. After any error
 * but -EFAULT nothing was written, unless a frame of a pointer longer than
 * %PHYS_WINDOW_PAGES became protected, locked or unusable meanwhile.
 */
int phys_write(const struct phys_ptr *ptr, size_t index, const void *buf,
	       size_t count);

/**
 * phys_read_bytes() - copy bytes out of foreign memory, telling how far it got
 * @ptr: from where
 * @at: first byte, counted from the pointer's start
 * @buf: to where
 * @len: number of bytes
 * @done: bytes copied, whatever the outcome; exact after a fault. May be NULL
 *
 * Context: May sleep.
 * Return: as phys_read().
 */
int phys_read_bytes(const struct phys_const_ptr *ptr, size_t at, void *buf,
		    size_t len, size_t *done);

/**
 * phys_write_bytes() - copy bytes into foreign memory, telling how far it got
 * @ptr: to where
 * @at: first byte, counted from the pointer's start
 * @buf: from where
 * @len: number of bytes
 * @done: bytes copied, whatever the outcome; exact after a fault. May be NULL
 *
 * Context: May sleep.
 * Return: as phys_write().
 */
int phys_write_bytes(const struct phys_ptr *ptr, size_t at, const void *buf,
		     size_t len, size_t *done);

/**
 * phys_read_to_user() - copy bytes from foreign memory to user memory
 * @ptr: from where
 * @at: first byte, counted from the pointer's start
 * @ubuf: to where
 * @len: number of bytes
 * @done: bytes that arrived, whatever the outcome. May be NULL
 *
 * Goes through a bounce buffer: user memory is never touched while it could
 * fault on top of a foreign mapping, and hardened usercopy sees a plain heap
 * object.
 *
 * Context: Process context; may sleep.
 * Return: as phys_read(); also -EFAULT if @ubuf is bad.
 */
int phys_read_to_user(const struct phys_const_ptr *ptr, size_t at,
		      void __user *ubuf, size_t len, size_t *done);

/**
 * phys_write_from_user() - copy bytes from user memory to foreign memory
 * @ptr: to where
 * @at: first byte, counted from the pointer's start
 * @ubuf: from where
 * @len: number of bytes
 * @done: bytes that arrived, whatever the outcome. May be NULL
 *
 * Context: Process context; may sleep.
 * Return: as phys_write(); also -EFAULT if @ubuf is bad.
 */
int phys_write_from_user(const struct phys_ptr *ptr, size_t at,
			 const void __user *ubuf, size_t len, size_t *done);

/**
 * struct phys_window - frames that are checked, claimed and, mostly, mapped
 * @claim: the claim on them
 * @map: where they are mapped
 *
 * Private to phys_window.c.
 */
struct phys_window {
	struct phys_claim claim;
	struct phys_map map;
};

/**
 * struct phys_session - memory kept mapped over several reads
 * @ptr: what it was begun on; without a manager while it is not open
 * @window: what is mapped of it
 * @first: position of the window's first frame in @ptr
 * @flags: how windows are mapped: %PHYS_MAP_WRITE, %PHYS_MAP_TEMPORARY
 *
 * Private to phys_session.c. One user at a time. All zeroes before its first
 * use, as DEFINE_PHYS_SESSION() makes it.
 */
struct phys_session {
	struct phys_const_ptr ptr;
	struct phys_window window;
	unsigned long first;
	unsigned int flags;
};

/**
 * struct phys_write_session - memory kept mapped over reads and writes
 * @ro: the same session, for reading
 */
struct phys_write_session {
	struct phys_session ro;
};

/**
 * phys_session_begin() - map memory for several reads
 * @s: the session: zeroed, or ended
 * @ptr: what to map; longer than %PHYS_WINDOW_PAGES, it is mapped a window at
 *	a time, which moves when an access falls outside
 *
 * The frames stay claimed: phys_protect() is refused on them while a write
 * session lasts.
 *
 * Context: May sleep.
 * Return: as phys_read(); also -EBUSY for a session that is open, which goes on
 * as it was. After any other error there is nothing to end, but it does no
 * harm.
 */
int phys_session_begin(struct phys_session *s,
		       const struct phys_const_ptr *ptr);

/**
 * phys_session_end() - unmap what a session mapped
 * @s: the session; one that is not begun, or ended, is fine
 *
 * Context: May sleep.
 */
void phys_session_end(struct phys_session *s);

/**
 * phys_session_read() - copy elements out of mapped foreign memory
 * @s: the session
 * @index: first element
 * @buf: to where
 * @count: number of elements
 *
 * Context: May sleep if the session is longer than a window, else any.
 * Return: as phys_read().
 */
int phys_session_read(struct phys_session *s, size_t index, void *buf,
		      size_t count);

/**
 * phys_write_session_begin() - map memory for several reads and writes
 * @s: the session: zeroed, or ended
 * @ptr: what to map, as for phys_session_begin()
 *
 * Context: May sleep.
 * Return: as phys_write(); also -EBUSY for a session that is open, which goes
 * on as it was.
 */
int phys_write_session_begin(struct phys_write_session *s,
			     const struct phys_ptr *ptr);

/**
 * phys_write_session_end() - unmap what a session mapped
 * @s: the session; one that is not begun, or ended, is fine
 *
 * Context: May sleep.
 */
static inline void phys_write_session_end(struct phys_write_session *s)
{
	phys_session_end(&s->ro);
}

/**
 * phys_session_write() - copy elements into mapped foreign memory
 * @s: the session
 * @index: first element
 * @buf: from where
 * @count: number of elements
 *
 * Context: May sleep if the session is longer than a window, else any.
 * Return: as phys_write().
 */
int phys_session_write(struct phys_write_session *s, size_t index,
		       const void *buf, size_t count);

/**
 * DEFINE_PHYS_SESSION() - a session that ends with its scope
 * @name: variable to define
 */
#define DEFINE_PHYS_SESSION(name)					\
	struct phys_session name __cleanup(phys_session_end) = {}

/**
 * DEFINE_PHYS_WRITE_SESSION() - a write session that ends with its scope
 * @name: variable to define
 */
#define DEFINE_PHYS_WRITE_SESSION(name)					\
	struct phys_write_session name __cleanup(phys_write_session_end) = {}

/**
 * enum phys_lock_mode - what a range lock keeps out
 * @PHYS_LOCK_SHARED: writes and exclusive locks
 * @PHYS_LOCK_EXCLUSIVE: reads, writes and other locks
 */
enum phys_lock_mode {
	PHYS_LOCK_SHARED = PHYS_CLAIM_SHARED,
	PHYS_LOCK_EXCLUSIVE = PHYS_CLAIM_EXCLUSIVE,
};

/**
 * struct phys_lock - hold of a set of frames across several copies
 * @mgr: whose frames
 * @claims: one claim for each piece of the set
 * @nr: number of pieces
 * @one: the piece, where one is enough
 *
 * Private to phys_lock.c.
 */
struct phys_lock {
	struct vmap_manager *mgr;
	struct phys_claim *claims;
	unsigned long nr;
	struct phys_claim one;
};

/**
 * phys_lock() - hold the frames of a pointer, all or none
 * @lock: the lock
 * @ptr: whose frames; what it borrows stays until phys_unlock()
 * @mode: what to keep out
 *
 * Does not wait. While the lock is held, accesses by others that conflict with
 * @mode are refused with -EBUSY; accesses through pointers whose ``lock`` is
 * @lock go on. What VTL0 does to its own memory, no lock of ours can hold up.
 *
 * Context: May sleep if @ptr is scattered over more than %PHYS_WINDOW_PAGES
 * frames, else any but NMI.
 * Return: 0; -EINVAL for a pointer without frames or an unknown mode; -EBUSY if
 * somebody holds or accesses one of the frames; -ENOMEM.
 */
int phys_lock(struct phys_lock *lock, const struct phys_const_ptr *ptr,
	      enum phys_lock_mode mode);

/**
 * phys_unlock() - let go
 * @lock: what phys_lock() took; no session made under it may be open
 *
 * Context: May sleep if phys_lock() might.
 */
void phys_unlock(struct phys_lock *lock);

/**
 * PHYS_CONST_PTR_OF() - type of a read-only pointer to objects of one type
 * @type: type of the objects, of a size other than 0
 *
 * The member ``ro`` is the &struct phys_const_ptr.
 */
#define PHYS_CONST_PTR_OF(type)						\
	union {								\
		struct phys_const_ptr ro;				\
		const type *of;						\
	}

/**
 * PHYS_PTR_OF() - type of a writable pointer to objects of one type
 * @type: type of the objects, of a size other than 0
 *
 * The member ``ptr`` is the &struct phys_ptr, ``ro`` the &struct phys_const_ptr
 * inside it.
 */
#define PHYS_PTR_OF(type)						\
	union {								\
		struct phys_ptr ptr;					\
		struct phys_const_ptr ro;				\
		type *of;						\
	}

/* Objects go with the pointer's own type only. */
#define __PHYS_SAME_SIZE(p, obj)					\
	BUILD_BUG_ON_ZERO(sizeof(*(obj)) != sizeof(*(p)->of))

/**
 * phys_ptr_of_init() - make a typed pointer to contiguous memory
 * @p: pointer to a PHYS_PTR_OF() or PHYS_CONST_PTR_OF()
 * @mgr: as for phys_const_ptr_init()
 * @pa: as for phys_const_ptr_init()
 * @bytes: as for phys_const_ptr_init()
 *
 * Return: as phys_const_ptr_init().
 */
#define phys_ptr_of_init(p, mgr, pa, bytes)				\
	phys_const_ptr_init(&(p)->ro, mgr, pa, bytes, sizeof(*(p)->of))

/**
 * phys_ptr_of_init_scattered() - make a typed pointer over given frames
 * @p: pointer to a PHYS_PTR_OF() or PHYS_CONST_PTR_OF()
 * @mgr: as for phys_const_ptr_init_scattered()
 * @pfns: as for phys_const_ptr_init_scattered()
 * @nr: as for phys_const_ptr_init_scattered()
 * @offset: as for phys_const_ptr_init_scattered()
 * @bytes: as for phys_const_ptr_init_scattered()
 *
 * Return: as phys_const_ptr_init_scattered().
 */
#define phys_ptr_of_init_scattered(p, mgr, pfns, nr, offset, bytes)	\
	phys_const_ptr_init_scattered(&(p)->ro, mgr, pfns, nr,	\
				      offset, bytes, sizeof(*(p)->of))

/**
 * phys_read_obj() - read one object
 * @p: pointer to a PHYS_PTR_OF() or PHYS_CONST_PTR_OF()
 * @index: which one
 * @obj: to where; an object of another size does not compile
 *
 * Return: as phys_read().
 */
#define phys_read_obj(p, index, obj)					\
	phys_read(&(p)->ro, index, obj, 1 + __PHYS_SAME_SIZE(p, obj))

/**
 * phys_write_obj() - write one object
 * @p: pointer to a PHYS_PTR_OF(); a PHYS_CONST_PTR_OF() does not compile
 * @index: which one
 * @obj: from where; an object of another size does not compile
 *
 * Return: as phys_write().
 */
#define phys_write_obj(p, index, obj)					\
	phys_write(&(p)->ptr, index, obj, 1 + __PHYS_SAME_SIZE(p, obj))

/* For the macros below only: no check of the size. */
int __phys_read_at(struct vmap_manager *mgr, phys_addr_t pa, void *buf,
		   unsigned int size);
int __phys_write_at(struct vmap_manager *mgr, phys_addr_t pa, const void *buf,
		    unsigned int size);

/**
 * phys_read_obj_at() - read one object at a physical address
 * @mgr: &struct vmap_manager to map with
 * @pa: where it starts; it may straddle contiguous frames
 * @obj: to where; its type gives the size
 *
 * Return: as phys_const_ptr_init() and phys_read().
 */
#define phys_read_obj_at(mgr, pa, obj)					\
	__phys_read_at(mgr, pa, obj, __PHYS_ELEM_SIZE(sizeof(*(obj))))

/**
 * phys_write_obj_at() - write one object at a physical address
 * @mgr: &struct vmap_manager to map with
 * @pa: where it starts; it may straddle contiguous frames
 * @obj: from where; its type gives the size
 *
 * Return: as phys_ptr_init() and phys_write().
 */
#define phys_write_obj_at(mgr, pa, obj)					\
	__phys_write_at(mgr, pa, obj, __PHYS_ELEM_SIZE(sizeof(*(obj))))

#endif /* _LVBS_PHYS_PTR_H */
