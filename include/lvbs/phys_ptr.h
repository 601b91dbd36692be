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
 * Physical addresses from an untrusted source may refer to a hole, a device, or
 * memory owned by VTL1; the memory may be removed at any time, and its contents
 * may change between two reads. A physical pointer makes such memory safe to
 * use by allowing a single operation: *copying*. It never reveals a virtual
 * address, so nothing can be dereferenced, or checked in place and read again.
 *
 * A pointer is a plain value; making one allocates nothing, and nothing has to
 * be freed. It consists of page frames (a contiguous run, or a borrowed array),
 * an offset into the first frame, a length in bytes, and the size of an
 * element. The bounds are exact: count elements from index on can be accessed
 * if and only if index + count <= bytes / elem_size. Nothing needs to be
 * aligned.
 *
 * There are two types. A &struct phys_const_ptr can only be read. A &struct
 * phys_ptr can also be written, and contains a phys_const_ptr named ``ro`` for
 * functions that only read. Passing a phys_const_ptr to a function that writes
 * does not compile.
 *
 * Each operation claims its frames (for writes they must not be protected, and
 * no other user may hold a range lock), validates them under the claim (usable
 * RAM, not owned by VTL1), and then maps at most %PHYS_WINDOW_PAGES of them at a
 * time, copies with a fault-tolerant memcpy, and unmaps them. The mapping is
 * read-only for reads, and never executable.
 *
 * Read one object::
 *
 *	struct boot_info info;
 *	int err;
 *
 *	err = phys_read_obj_at(lvbs_vmap_manager(), pa, &info);
 *	if (err)
 *		return err;
 *	// info is a private copy: check it, and do not read pa again
 *
 * Access an array in two unrelated frames::
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
 * Map once for many small accesses, with a session::
 *
 *	DEFINE_PHYS_SESSION(s);		// ends when s goes out of scope
 *
 *	err = phys_session_begin(&s, &p.ro);
 *	for (i = 0; !err && i < n; i++)
 *		err = phys_session_read(&s, i, &rec, 1);
 *
 * Hold a range lock over several copies (read, check, write)::
 *
 *	err = phys_lock(&lock, &p.ro, PHYS_LOCK_EXCLUSIVE);
 *	if (err)
 *		return err;
 *	p.ro.lock = &lock;
 *	...
 *	phys_unlock(&lock);
 */

struct phys_lock;
struct phys_local_claim;

/**
 * struct phys_const_ptr - a read-only physical pointer
 * @mgr: the vmap manager; NULL if initialisation failed
 * @lock: range lock held for accesses through this pointer, or NULL
 * @frames: the frames, in order; the array of a scattered pointer is borrowed
 * @bytes: length
 * @offset: offset of the first byte in the first frame, less than PAGE_SIZE
 * @elem_size: size of an element in bytes, not 0
 *
 * Initialised by phys_const_ptr_init() or one of its variants. Callers may set
 * @lock; the other members are private.
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
 * struct phys_ptr - a writable physical pointer
 * @ro: the same pointer, read-only
 */
struct phys_ptr {
	struct phys_const_ptr ro;
};

/* Used by the macros below, which check the element size. */
int __phys_const_ptr_init(struct phys_const_ptr *ptr, struct vmap_manager *mgr,
			  phys_addr_t pa, size_t bytes, unsigned int elem_size);
int __phys_const_ptr_init_scattered(struct phys_const_ptr *ptr,
				    struct vmap_manager *mgr,
				    const unsigned long *pfns, unsigned long nr,
				    unsigned long offset, size_t bytes,
				    unsigned int elem_size);

/* A compile-time constant from 1 to UINT_MAX. */
#define __PHYS_ELEM_SIZE(size)						\
	((unsigned int)(size) +						\
	 BUILD_BUG_ON_ZERO(!__builtin_constant_p(size) || (size) == 0 ||	\
			   (unsigned long long)(size) > UINT_MAX))

/**
 * phys_const_ptr_init() - initialise a read-only pointer to contiguous memory
 * @ptr: the &struct phys_const_ptr
 * @mgr: the &struct vmap_manager
 * @pa: physical address of the first byte, of any alignment
 * @bytes: length; a pointer of length 0 has no elements
 * @elem_size: size of an element; a compile-time constant, not 0
 *
 * Only checks the arithmetic. Whether the memory is usable RAM, and not owned
 * by VTL1, is checked by each access.
 *
 * Context: Any context.
 * Return: 0; -EINVAL if @mgr is unusable; -EOVERFLOW if the range wraps or
 * exceeds the physical address width. On error, accesses through @ptr fail with
 * -EINVAL.
 */
#define phys_const_ptr_init(ptr, mgr, pa, bytes, elem_size)		\
	__phys_const_ptr_init(ptr, mgr, pa, bytes, __PHYS_ELEM_SIZE(elem_size))

/**
 * phys_const_ptr_init_scattered() - initialise a read-only pointer to frames
 * @ptr: the &struct phys_const_ptr
 * @mgr: the &struct vmap_manager
 * @pfns: frame numbers, in order; borrowed, so they must stay valid and
 *	unchanged while @ptr is in use: copy a list that comes from an untrusted
 *	source
 * @nr: number of frames
 * @offset: offset of the first byte in the first frame, less than PAGE_SIZE
 * @bytes: length, at most what the frames hold
 * @elem_size: size of an element; a compile-time constant, not 0
 *
 * The time is linear in @nr. Does not sleep, and is allowed in any context, if
 * @nr is at most %PHYS_WINDOW_PAGES.
 *
 * Context: Process context; may sleep.
 * Return: 0; -EINVAL if @mgr is unusable or @offset is not less than PAGE_SIZE;
 * -ERANGE if @bytes do not fit; -EOVERFLOW if a frame exceeds the physical
 * address width; -EEXIST if a frame is listed twice; -ENOMEM for the check of
 * more than %PHYS_WINDOW_PAGES frames. On error, accesses through @ptr fail with
 * -EINVAL.
 */
#define phys_const_ptr_init_scattered(ptr, mgr, pfns, nr, offset, bytes,	\
				      elem_size)				\
	__phys_const_ptr_init_scattered(ptr, mgr, pfns, nr, offset, bytes,	\
					__PHYS_ELEM_SIZE(elem_size))

/**
 * phys_ptr_init() - initialise a writable pointer to contiguous memory
 * @ptr: the &struct phys_ptr
 * @mgr: the &struct vmap_manager
 * @pa: physical address of the first byte, of any alignment
 * @bytes: length; a pointer of length 0 has no elements
 * @elem_size: size of an element; a compile-time constant, not 0
 *
 * Context: Any context.
 * Return: as phys_const_ptr_init().
 */
#define phys_ptr_init(ptr, mgr, pa, bytes, elem_size)			\
	phys_const_ptr_init(&(ptr)->ro, mgr, pa, bytes, elem_size)

/**
 * phys_ptr_init_scattered() - initialise a writable pointer to frames
 * @ptr: the &struct phys_ptr
 * @mgr: the &struct vmap_manager
 * @pfns: frame numbers, borrowed as by phys_const_ptr_init_scattered()
 * @nr: number of frames
 * @offset: offset of the first byte in the first frame, less than PAGE_SIZE
 * @bytes: length, at most what the frames hold
 * @elem_size: size of an element; a compile-time constant, not 0
 *
 * Allowed in the contexts of phys_const_ptr_init_scattered().
 *
 * Context: Process context; may sleep.
 * Return: as phys_const_ptr_init_scattered().
 */
#define phys_ptr_init_scattered(ptr, mgr, pfns, nr, offset, bytes, elem_size) \
	phys_const_ptr_init_scattered(&(ptr)->ro, mgr, pfns, nr, offset,      \
				      bytes, elem_size)

/**
 * phys_read() - copy elements from foreign memory
 * @ptr: the pointer
 * @index: first element
 * @buf: destination, in trusted memory
 * @count: number of elements; with 0, only the range is checked
 *
 * Does not sleep, and is allowed in any context except NMI, if local windows are
 * in use (x86-64 without windows=0; see vmap_manager.h) and the elements are in
 * at most %PHYS_WINDOW_PAGES frames.
 *
 * Context: Process context; may sleep.
 * Return: 0; -EINVAL if the initialisation of @ptr failed; -ERANGE outside the
 * pointer; -ENXIO if a frame is not usable RAM; -EPERM if a frame is owned by
 * VTL1; -EBUSY if a frame is range-locked, or the context is not allowed;
 * -ENOMEM; -EFAULT if the memory went away during the copy. After an error @buf
 * may be partly filled.
 */
int phys_read(const struct phys_const_ptr *ptr, size_t index, void *buf,
	      size_t count);

/**
 * phys_write() - copy elements to foreign memory
 * @ptr: the pointer
 * @index: first element
 * @buf: source, in trusted memory
 * @count: number of elements; with 0, only the range is checked
 *
 * Allowed in the contexts of phys_read().
 *
 * Context: Process context; may sleep.
 * Return: as phys_read(), and -EROFS if a frame is protected. After an error
 * other than -EFAULT nothing has been written, unless the access is longer than
 * %PHYS_WINDOW_PAGES and a frame became protected, locked or unusable, or
 * memory ran out, after the first window.
 */
int phys_write(const struct phys_ptr *ptr, size_t index, const void *buf,
	       size_t count);

/**
 * phys_read_bytes() - copy bytes from foreign memory, and report the progress
 * @ptr: the pointer
 * @at: first byte, relative to the start of the pointer
 * @buf: destination, in trusted memory
 * @len: number of bytes
 * @done: set to the exact number of bytes copied, also on error; may be NULL
 *
 * Allowed in the contexts of phys_read().
 *
 * Context: Process context; may sleep.
 * Return: as phys_read().
 */
int phys_read_bytes(const struct phys_const_ptr *ptr, size_t at, void *buf,
		    size_t len, size_t *done);

/**
 * phys_write_bytes() - copy bytes to foreign memory, and report the progress
 * @ptr: the pointer
 * @at: first byte, relative to the start of the pointer
 * @buf: source, in trusted memory
 * @len: number of bytes
 * @done: set to the exact number of bytes copied, also on error; may be NULL
 *
 * Allowed in the contexts of phys_read().
 *
 * Context: Process context; may sleep.
 * Return: as phys_write().
 */
int phys_write_bytes(const struct phys_ptr *ptr, size_t at, const void *buf,
		     size_t len, size_t *done);

/**
 * phys_read_to_user() - copy bytes from foreign memory to user memory
 * @ptr: the pointer
 * @at: first byte, relative to the start of the pointer
 * @ubuf: destination
 * @len: number of bytes
 * @done: set to the number of bytes that reached @ubuf, also on error; may be
 *	NULL
 *
 * Nothing is claimed or mapped while user memory is accessed, which may take for
 * ever: its pages are pinned first, or a bounce buffer is used. All frames are
 * checked first; a frame that is locked, protected or removed later ends the
 * copy there.
 *
 * Context: Process context; may sleep.
 * Return: as phys_read(); also -EFAULT if @ubuf is invalid.
 */
int phys_read_to_user(const struct phys_const_ptr *ptr, size_t at,
		      void __user *ubuf, size_t len, size_t *done);

/**
 * phys_write_from_user() - copy bytes from user memory to foreign memory
 * @ptr: the pointer
 * @at: first byte, relative to the start of the pointer
 * @ubuf: source
 * @len: number of bytes
 * @done: set to the number of bytes written, also on error; may be NULL
 *
 * Context: Process context; may sleep.
 * Return: as phys_write(); also -EFAULT if @ubuf is invalid.
 */
int phys_write_from_user(const struct phys_ptr *ptr, size_t at,
			 const void __user *ubuf, size_t len, size_t *done);

/**
 * struct phys_window - frames that are claimed and mapped
 * @mgr: the vmap manager
 * @claim: the claim, unless the window is local
 * @local_claim: the claim of a local window; see claim.c
 * @map: the mapping
 *
 * Private to ptr.c.
 */
struct phys_window {
	struct vmap_manager *mgr;
	struct phys_claim claim;
	struct phys_local_claim *local_claim;
	struct phys_map map;
};

/**
 * struct phys_session - a mapping that is kept over several reads
 * @ptr: the mapped pointer; its manager is NULL while the session is not open
 * @window: the mapped window
 * @bias: position in the window of the pointer's first byte, modulo 2^N
 * @mapped: size of the window in bytes; 0 if nothing is mapped
 * @flags: how to map: %PHYS_MAP_WRITE or 0
 *
 * Private to ptr.c. Must be zeroed before its first use, as
 * DEFINE_PHYS_SESSION() does. The caller serialises its use.
 */
struct phys_session {
	struct phys_const_ptr ptr;
	struct phys_window window;
	size_t bias;
	size_t mapped;
	unsigned int flags;
};

/**
 * struct phys_write_session - a mapping that is kept over reads and writes
 * @ro: the same session, for reading
 */
struct phys_write_session {
	struct phys_session ro;
};

/**
 * phys_session_begin() - map memory for several reads
 * @s: the session; zeroed or ended
 * @ptr: what to map; if longer than %PHYS_WINDOW_PAGES, a single window of it
 *	is mapped, which moves when an access falls outside
 *
 * The frames of the window stay claimed until the session ends.
 *
 * Context: Process context; may sleep.
 * Return: as phys_read(); also -EBUSY if the session is already open, which
 * leaves it unchanged. After other errors the session is not open.
 */
int phys_session_begin(struct phys_session *s,
		       const struct phys_const_ptr *ptr);

/**
 * phys_session_end() - unmap the memory of a session
 * @s: the session; does nothing if it is not open
 *
 * Context: Process context; may sleep.
 */
void phys_session_end(struct phys_session *s);

/**
 * phys_session_read() - copy elements from the memory of a session
 * @s: the session
 * @index: first element
 * @buf: destination, in trusted memory
 * @count: number of elements
 *
 * Does not sleep, and is allowed in any context, if the pointer has at most
 * %PHYS_WINDOW_PAGES frames.
 *
 * Context: Process context; may sleep.
 * Return: as phys_read().
 */
int phys_session_read(struct phys_session *s, size_t index, void *buf,
		      size_t count);

/**
 * phys_write_session_begin() - map memory for several reads and writes
 * @s: the session; zeroed or ended
 * @ptr: what to map, as for phys_session_begin()
 *
 * The frames of the window cannot be protected until the session ends.
 *
 * Context: Process context; may sleep.
 * Return: as phys_write(); also -EBUSY if the session is already open, which
 * leaves it unchanged. After other errors the session is not open.
 */
int phys_write_session_begin(struct phys_write_session *s,
			     const struct phys_ptr *ptr);

/**
 * phys_write_session_end() - unmap the memory of a session
 * @s: the session; does nothing if it is not open
 *
 * Context: Process context; may sleep.
 */
static inline void phys_write_session_end(struct phys_write_session *s)
{
	phys_session_end(&s->ro);
}

/**
 * phys_session_write() - copy elements to the memory of a session
 * @s: the session
 * @index: first element
 * @buf: source, in trusted memory
 * @count: number of elements
 *
 * Does not sleep, and is allowed in any context, if the pointer has at most
 * %PHYS_WINDOW_PAGES frames.
 *
 * Context: Process context; may sleep.
 * Return: as phys_write().
 */
int phys_session_write(struct phys_write_session *s, size_t index,
		       const void *buf, size_t count);

/**
 * DEFINE_PHYS_SESSION() - define a session that ends with its scope
 * @name: name of the variable
 */
#define DEFINE_PHYS_SESSION(name)					\
	struct phys_session name __cleanup(phys_session_end) = {}

/**
 * DEFINE_PHYS_WRITE_SESSION() - define a write session that ends with its scope
 * @name: name of the variable
 */
#define DEFINE_PHYS_WRITE_SESSION(name)					\
	struct phys_write_session name __cleanup(phys_write_session_end) = {}

/**
 * enum phys_lock_mode - modes of a range lock
 * @PHYS_LOCK_SHARED: excludes writes and exclusive locks
 * @PHYS_LOCK_EXCLUSIVE: excludes reads, writes and other locks
 */
enum phys_lock_mode {
	PHYS_LOCK_SHARED = PHYS_CLAIM_SHARED,
	PHYS_LOCK_EXCLUSIVE = PHYS_CLAIM_EXCLUSIVE,
};

/**
 * struct phys_lock - a range lock on frames
 * @mgr: the vmap manager
 * @claims: one claim for each piece of the frames
 * @nr: number of claims
 * @one: storage for a single claim
 *
 * Private to claim.c.
 */
struct phys_lock {
	struct vmap_manager *mgr;
	struct phys_claim *claims;
	unsigned long nr;
	struct phys_claim one;
};

/**
 * phys_lock() - lock all frames of a pointer, or none
 * @lock: the lock
 * @ptr: whose frames; an array that it borrows stays in use until phys_unlock()
 * @mode: what to exclude
 *
 * Does not wait. While the lock is held, accesses that conflict with @mode fail
 * with -EBUSY, except through pointers whose ``lock`` is @lock. VTL0's accesses
 * to its own memory are not affected.
 *
 * Does not sleep, and is allowed in any context except NMI, if the frames are
 * contiguous or at most %PHYS_WINDOW_PAGES.
 *
 * Context: Process context; may sleep.
 * Return: 0; -EINVAL if @ptr has no frames or @mode is unknown; -EBUSY if a
 * frame is locked or in use, or has a known patch site; -ENOMEM.
 */
int phys_lock(struct phys_lock *lock, const struct phys_const_ptr *ptr,
	      enum phys_lock_mode mode);

/**
 * phys_unlock() - release a range lock
 * @lock: the lock; sessions begun with it must have ended
 *
 * Does not sleep, and is allowed in any context except NMI, if the same is true
 * for the phys_lock() call.
 *
 * Context: Process context; may sleep.
 */
void phys_unlock(struct phys_lock *lock);

/**
 * PHYS_CONST_PTR_OF() - type of a read-only pointer to objects of a type
 * @type: type of the objects, of a size other than 0
 *
 * Its member ``ro`` is a &struct phys_const_ptr.
 */
#define PHYS_CONST_PTR_OF(type)						\
	union {								\
		struct phys_const_ptr ro;				\
		const type *of;						\
	}

/**
 * PHYS_PTR_OF() - type of a writable pointer to objects of a type
 * @type: type of the objects, of a size other than 0
 *
 * Its member ``ptr`` is a &struct phys_ptr; ``ro`` is the &struct
 * phys_const_ptr in it.
 */
#define PHYS_PTR_OF(type)						\
	union {								\
		struct phys_ptr ptr;					\
		struct phys_const_ptr ro;				\
		type *of;						\
	}

/* Objects of another size do not compile. */
#define __PHYS_SAME_SIZE(p, obj)					\
	BUILD_BUG_ON_ZERO(sizeof(*(obj)) != sizeof(*(p)->of))

/**
 * phys_ptr_of_init() - initialise a typed pointer to contiguous memory
 * @p: pointer to a PHYS_PTR_OF() or PHYS_CONST_PTR_OF()
 * @mgr: the &struct vmap_manager
 * @pa: physical address of the first byte, of any alignment
 * @bytes: length; a pointer of length 0 has no elements
 *
 * Context: Any context.
 * Return: as phys_const_ptr_init().
 */
#define phys_ptr_of_init(p, mgr, pa, bytes)				\
	phys_const_ptr_init(&(p)->ro, mgr, pa, bytes, sizeof(*(p)->of))

/**
 * phys_ptr_of_init_scattered() - initialise a typed pointer to frames
 * @p: pointer to a PHYS_PTR_OF() or PHYS_CONST_PTR_OF()
 * @mgr: the &struct vmap_manager
 * @pfns: frame numbers, borrowed as by phys_const_ptr_init_scattered()
 * @nr: number of frames
 * @offset: offset of the first byte in the first frame, less than PAGE_SIZE
 * @bytes: length, at most what the frames hold
 *
 * Allowed in the contexts of phys_const_ptr_init_scattered().
 *
 * Context: Process context; may sleep.
 * Return: as phys_const_ptr_init_scattered().
 */
#define phys_ptr_of_init_scattered(p, mgr, pfns, nr, offset, bytes)	\
	phys_const_ptr_init_scattered(&(p)->ro, mgr, pfns, nr,	\
				      offset, bytes, sizeof(*(p)->of))

/**
 * phys_read_obj() - copy one object from foreign memory
 * @p: pointer to a PHYS_PTR_OF() or PHYS_CONST_PTR_OF()
 * @index: index of the object
 * @obj: destination; an object of another size does not compile
 *
 * Context: Process context; may sleep.
 * Return: as phys_read().
 */
#define phys_read_obj(p, index, obj)					\
	phys_read(&(p)->ro, index, obj, 1 + __PHYS_SAME_SIZE(p, obj))

/**
 * phys_write_obj() - copy one object to foreign memory
 * @p: pointer to a PHYS_PTR_OF(); a PHYS_CONST_PTR_OF() does not compile
 * @index: index of the object
 * @obj: source; an object of another size does not compile
 *
 * Context: Process context; may sleep.
 * Return: as phys_write().
 */
#define phys_write_obj(p, index, obj)					\
	phys_write(&(p)->ptr, index, obj, 1 + __PHYS_SAME_SIZE(p, obj))

/* Used by the macros below, which check the size. */
int __phys_read_at(struct vmap_manager *mgr, phys_addr_t pa, void *buf,
		   unsigned int size);
int __phys_write_at(struct vmap_manager *mgr, phys_addr_t pa, const void *buf,
		    unsigned int size);

/**
 * phys_read_obj_at() - copy one object from a physical address
 * @mgr: the &struct vmap_manager
 * @pa: physical address; the object may cross contiguous frames
 * @obj: destination; its type determines the size
 *
 * Context: Process context; may sleep.
 * Return: as phys_const_ptr_init() and phys_read().
 */
#define phys_read_obj_at(mgr, pa, obj)					\
	__phys_read_at(mgr, pa, obj, __PHYS_ELEM_SIZE(sizeof(*(obj))))

/**
 * phys_write_obj_at() - copy one object to a physical address
 * @mgr: the &struct vmap_manager
 * @pa: physical address; the object may cross contiguous frames
 * @obj: source; its type determines the size
 *
 * Context: Process context; may sleep.
 * Return: as phys_ptr_init() and phys_write().
 */
#define phys_write_obj_at(mgr, pa, obj)					\
	__phys_write_at(mgr, pa, obj, __PHYS_ELEM_SIZE(sizeof(*(obj))))

#endif /* _LVBS_PHYS_PTR_H */
