// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the kernel write any bytes to any address of its text, as an attacker with
 * code execution in VTL0 could: by text_poke(), or as an instruction that is queued.
 *
 * /sys/kernel/debug/attacker:
 *
 * write	"VA HEXBYTES HOW [EMULATE]". EMULATE are the bytes of an instruction
 *		for the kernel to emulate meanwhile; HOW is queue or single then
 * changed	1 if the last write changed text at VA or near it, else 0
 *
 * HOW is
 *
 *	plain		process context
 *	nopreempt	preemption disabled
 *	noirq		interrupts disabled
 *	irq		hard interrupt, while the process holds text_mutex
 *	queue		process context, as an instruction: queued, then written
 *	queue_nopreempt	the same, queued with preemption disabled
 *	queue_noirq	the same, queued with interrupts disabled
 *	queue_irq	the same, queued in a hard interrupt
 *	queue_unlocked	the same, queued without text_mutex
 *	queue_twice	the same, queued two times before it is written
 *	emulate_later	the same, queued before with nothing to emulate
 *	single		process context, as an instruction by itself
 *	early_tail	as queue, but writes the bytes after the first one before
 *			the kernel has written the guard
 *	early_head	the same with the first byte
 *	wrong_tail	as queue, but writes the guard and then other bytes
 *	fill		process context, through text_poke_set() like the BPF
 *			allocator: writes the first byte, once for each byte of
 *			HEXBYTES
 *	other_func	process context, by the kernel's innermost writer with a
 *			function of its own, told to fill with INT3s: writes
 *			HEXBYTES
 *	alias		process context: by a mapping of its own, behind text_poke()
 *	two_pages	process context: one write of two whole pages, the second
 *			of which is VA's, that changes nothing else
 */
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pfn.h>
#include <linux/preempt.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

/* Kernels without linux/hex.h declare hex2bin() in linux/kernel.h. */
#if __has_include("linux/hex.h")
#include <linux/hex.h>
#endif

#define BYTES_MAX	16
#define NEAR		16	/* bytes before and after a write */

/*
 * Functions of the kernel that it does not export. It need not know the types of
 * all of them (kernel CFI), so what calls them is __nocfi.
 */
static void *(*poke)(void *addr, const void *opcode, size_t len);
static void *(*poke_set)(void *addr, int c, size_t len);
static void *(*innermost)(void (*func)(void *dst, const void *src, size_t len),
			  void *addr, const void *src, size_t len);
static void (*queue)(void *addr, const void *opcode, size_t len,
		     const void *emulate);
static void (*finish)(void);
static void (*single)(void *addr, const void *opcode, size_t len,
		      const void *emulate);
static struct mutex *poke_mutex;
static struct dentry *dir;
static bool changed;

/* kallsyms_lookup_name() is not exported; a kprobe finds its address. */
static unsigned long __nocfi lookup_symbol(const char *name)
{
	static unsigned long (*lookup)(const char *name);
	struct kprobe probe = { .symbol_name = "kallsyms_lookup_name" };

	if (!lookup && !register_kprobe(&probe)) {
		lookup = (void *)probe.addr;
		unregister_kprobe(&probe);
	}
	return lookup ? lookup(name) : 0;
}

static int __nocfi attack_two_pages(void *addr, const u8 *bytes, size_t len)
{
	void *start = (void *)round_down((unsigned long)addr, PAGE_SIZE) -
		      PAGE_SIZE;
	u8 *pages = vmalloc(2 * PAGE_SIZE);

	if (!pages)
		return -ENOMEM;
	mutex_lock(poke_mutex);
	memcpy(pages, start, 2 * PAGE_SIZE);
	memcpy(pages + (addr - start), bytes, len);
	poke(start, pages, 2 * PAGE_SIZE);
	mutex_unlock(poke_mutex);
	vfree(pages);
	return 0;
}

static bool is_vmalloc_or_module(const void *addr)
{
	return is_vmalloc_addr(addr) || ((unsigned long)addr >= MODULES_VADDR &&
					 (unsigned long)addr < MODULES_END);
}

static int attack_alias(void *addr, const u8 *bytes, size_t len)
{
	struct page *page = is_vmalloc_or_module(addr) ? vmalloc_to_page(addr) :
			    pfn_to_page(PHYS_PFN(__pa_symbol(addr)));
	u8 *alias;

	if (offset_in_page(addr) + len > PAGE_SIZE)
		return -EINVAL;
	alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	if (!alias)
		return -ENOMEM;
	memcpy(alias + offset_in_page(addr), bytes, len);
	vunmap(alias);
	return 0;
}

static const u8 *other_bytes;

static void other_func(void *dst, const void *src, size_t len)
{
	memcpy(dst, other_bytes, len);
}

static void __nocfi attack_other_func(void *addr, const u8 *bytes, size_t len)
{
	int int3 = 0xcc;

	mutex_lock(poke_mutex);
	other_bytes = bytes;
	innermost(other_func, addr, &int3, len);
	mutex_unlock(poke_mutex);
}

struct write {
	struct irq_work work;
	void (*func)(const struct write *w);
	void *addr;
	const u8 *bytes;
	size_t len;
	const u8 *emulate;
};

static void __nocfi write_poke(const struct write *w)
{
	poke(w->addr, w->bytes, w->len);
}

/* The kernel stops with a BUG if it does not know the instruction. */
static void __nocfi write_queue(const struct write *w)
{
	queue(w->addr, w->bytes, w->len, w->emulate);
}

static void in_irq_work(struct irq_work *work)
{
	struct write *w = container_of(work, struct write, work);

	w->func(w);
}

static int write_in(const char *context, struct write *w)
{
	unsigned long flags;

	if (!strcmp(context, "plain")) {
		w->func(w);
	} else if (!strcmp(context, "nopreempt")) {
		preempt_disable();
		w->func(w);
		preempt_enable();
	} else if (!strcmp(context, "noirq")) {
		local_irq_save(flags);
		w->func(w);
		local_irq_restore(flags);
	} else if (!strcmp(context, "irq")) {
		w->work = IRQ_WORK_INIT_HARD(in_irq_work);
		irq_work_queue(&w->work);
		irq_work_sync(&w->work);
	} else {
		return -EINVAL;
	}
	return 0;
}

/* Steps that the kernel would make later, or never. */
static int __nocfi attack_steps(const struct write *w, const char *how)
{
	static const u8 int3 = 0xcc;
	u8 other[BYTES_MAX];
	size_t i;

	if (!strcmp(how, "early_tail")) {
		poke(w->addr + 1, w->bytes + 1, w->len - 1);
	} else if (!strcmp(how, "early_head")) {
		poke(w->addr, w->bytes, 1);
	} else if (!strcmp(how, "wrong_tail")) {
		for (i = 1; i < w->len; i++)
			other[i] = ~w->bytes[i];
		poke(w->addr, &int3, 1);
		poke(w->addr + 1, other + 1, w->len - 1);
		poke(w->addr + 1, w->bytes + 1, w->len - 1);
		poke(w->addr, w->bytes, 1);
	} else if (!strcmp(how, "queue_twice")) {
		write_queue(w);
	} else {
		return -EINVAL;
	}
	return 0;
}

static int __nocfi attack_insn(struct write *w, const char *how)
{
	int err = 0;

	w->func = write_queue;
	if (!strcmp(how, "queue_unlocked")) {
		write_queue(w);
		return 0;
	}
	mutex_lock(poke_mutex);
	if (!strcmp(how, "queue")) {
		write_queue(w);
	} else if (!strcmp(how, "emulate_later")) {
		queue(w->addr, w->bytes, w->len, NULL);
		write_queue(w);
	} else if (!strcmp(how, "single")) {
		single(w->addr, w->bytes, w->len, w->emulate);
	} else if (write_in(how + strlen("queue_"), w)) {
		write_queue(w);
		err = attack_steps(w, how);
	}
	finish();
	mutex_unlock(poke_mutex);
	return err;
}

static int __nocfi attack(struct write *w, const char *how)
{
	int err;

	if (!strcmp(how, "two_pages"))
		return attack_two_pages(w->addr, w->bytes, w->len);
	if (!strcmp(how, "alias"))
		return attack_alias(w->addr, w->bytes, w->len);
	if (!strcmp(how, "fill")) {
		/* text_poke_set() takes text_mutex itself. */
		poke_set(w->addr, w->bytes[0], w->len);
		return 0;
	}
	if (!strcmp(how, "other_func")) {
		attack_other_func(w->addr, w->bytes, w->len);
		return 0;
	}
	w->func = write_poke;
	mutex_lock(poke_mutex);
	err = write_in(how, w);
	mutex_unlock(poke_mutex);
	return err ? attack_insn(w, how) : 0;
}

static ssize_t attack_write(struct file *file, const char __user *ubuf,
			    size_t len, loff_t *ppos)
{
	char line[128], hex[2 * BYTES_MAX + 1], how[16], emulate[2 * BYTES_MAX + 1];
	u8 before[BYTES_MAX + 2 * NEAR] = {}, after[BYTES_MAX + 2 * NEAR] = {};
	u8 bytes[BYTES_MAX], emulated[BYTES_MAX] = {};
	struct write w = { .bytes = bytes };
	unsigned long addr;
	int nr, err;

	if (len >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, ubuf, len))
		return -EFAULT;
	line[len] = '\0';
	nr = sscanf(line, "%lx %32s %15s %32s", &addr, hex, how, emulate);
	if (nr < 3)
		return -EINVAL;
	w.addr = (void *)addr;
	w.len = strlen(hex) / 2;
	if (hex2bin(bytes, hex, w.len))
		return -EINVAL;
	if (nr == 4) {
		if (hex2bin(emulated, emulate, strlen(emulate) / 2))
			return -EINVAL;
		w.emulate = emulated;
	}
	copy_from_kernel_nofault(before, w.addr - NEAR, w.len + 2 * NEAR);
	err = attack(&w, how);
	copy_from_kernel_nofault(after, w.addr - NEAR, w.len + 2 * NEAR);
	changed = memcmp(before, after, sizeof(before));
	return err ?: len;
}

static const struct file_operations attack_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = attack_write,
};

/* Since 6.16 the second name. */
static void *lookup_either(const char *name, const char *other)
{
	return (void *)(lookup_symbol(name) ?: lookup_symbol(other));
}

static int __init attacker_init(void)
{
	poke = (void *)lookup_symbol("text_poke");
	poke_set = (void *)lookup_symbol("text_poke_set");
	innermost = (void *)lookup_symbol("__text_poke");
	poke_mutex = (void *)lookup_symbol("text_mutex");
	queue = lookup_either("text_poke_queue", "smp_text_poke_batch_add");
	finish = lookup_either("text_poke_finish", "smp_text_poke_batch_finish");
	single = lookup_either("text_poke_bp", "smp_text_poke_single");
	if (!poke || !poke_set || !innermost || !poke_mutex || !queue || !finish || !single)
		return -ENOENT;
	dir = debugfs_create_dir("attacker", NULL);
	debugfs_create_file("write", 0200, dir, NULL, &attack_fops);
	debugfs_create_bool("changed", 0400, dir, &changed);
	return 0;
}

static void __exit attacker_exit(void)
{
	debugfs_remove(dir);
}

module_init(attacker_init);
module_exit(attacker_exit);
MODULE_DESCRIPTION("lvbs test: forged writes to kernel text");
MODULE_LICENSE("GPL");
