/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Samples every CPU: takes the stacks, keeps of the user's only what is code,
 * and counts them in maps that exist twice (DESIGN.md 3). Each run ends in
 * exactly one outcome counter. The programs at the end list what was there
 * before. Runs on Linux 5.10: no fetching atomics, no bpf_loop.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/errno.h>
#include <stdbool.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/sampler.h"

/* The kernel's types, as far as we look into them; BTF finds the fields. */
#pragma clang attribute push(                                                  \
    __attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

typedef struct {
	void *vdso;
} mm_context_t;

struct mm_struct {
	mm_context_t context;
};

struct task_struct {
	unsigned int flags;
	int pid, tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct mm_struct *mm;
};

struct super_block {
	__u32 s_dev;
};

struct inode {
	unsigned long i_ino;
	__u32 i_generation;
	struct super_block *i_sb;
};

struct path {
	void *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

struct vm_area_struct {
	unsigned long vm_start, vm_end, vm_flags, vm_pgoff;
	struct file *vm_file;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct kallsym_iter {
	unsigned long value;
	char name[512];
	char module_name[56];
	char type;
};

struct bpf_iter__ksym {
	struct bpf_iter_meta *meta;
	struct kallsym_iter *ksym;
};

#pragma clang attribute pop

#define VM_EXEC 4
#define PF_KTHREAD 0x00200000
#define NOT_PART_0 (SAMPLER_PARTS - 1)

/* Sizes are set before the maps are made. */
#define COUNTS(name)                                                           \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_HASH);                               \
		__uint(max_entries, 1);                                        \
		__type(key, struct sampler_count_key);                         \
		__type(value, __u64);                                          \
	} name SEC(".maps")
#define STACKS(name)                                                           \
	struct {                                                               \
		__uint(type, BPF_MAP_TYPE_HASH);                               \
		__uint(max_entries, 1);                                        \
		__type(key, struct sampler_stack_key);                         \
		__type(value, struct sampler_stack_part);                      \
	} name SEC(".maps")

COUNTS(counts_0);
COUNTS(counts_1);
STACKS(stacks_0);
STACKS(stacks_1);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SAMPLER_PROCESSES);
	__type(key, __u32);
	__type(value, struct sampler_process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SAMPLER_PROCESSES_BIG);
	__type(key, __u32);
	__type(value, struct sampler_process_big);
} processes_big SEC(".maps");

/* By CPU; the sampler maps it and reads without a system call. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sampler_outcomes);
} outcomes SEC(".maps");

/* Tells the sampler that the active pair is half full. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} wakeups SEC(".maps");

/* A stack taken so far. */
struct walk {
	__u64 hash;
	__u32 frames;
	__u32 truncated;
};

/*
 * Too large for the BPF stack; and what is kept here the verifier forgets, so
 * that it sees what follows a loop or a flag once. The room past the frames is
 * for zeroes.
 */
struct scratch {
	__u64 user[SAMPLER_FRAMES + 1 + SAMPLER_PART];
	__u64 kernel[SAMPLER_FRAMES + 1 + SAMPLER_PART];
	struct sampler_count_key key;
	struct walk user_walk, kernel_walk;
	struct sampler_stack_part part;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct scan_scratch {
	struct sampler_scan_record record;
	char path[SAMPLER_SCAN_PATH];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scan_scratch);
} scan_scratches SEC(".maps");

struct sampler_control control;

static __always_inline __u64
mix(__u64 hash, __u64 word, __u64 multiplier)
{
	hash = (hash ^ word) * multiplier;
	return hash ^ hash >> 32;
}

/* The id of a stack: never 0. */
static __always_inline __u64
finish(__u64 hash, __u64 multiplier)
{
	hash = mix(hash, hash >> 29, multiplier);
	return hash == 0 ? 1 : hash;
}

static __always_inline bool
in_user_mode(struct bpf_perf_event_data *ctx)
{
#if defined(__TARGET_ARCH_x86)
	return (ctx->regs.cs & 3) != 0;
#elif defined(__TARGET_ARCH_arm64)
	return (ctx->regs.pstate & 0xf) == 0;
#else
#error "say how this architecture marks user mode"
#endif
}

/*
 * Hashes the frames up to the first, after the leaf, that lies in none of the
 * ranges: a return address that is no code is no return address, and what the
 * chain says beyond it is made up. Without a branch per step, so that the
 * verifier sees one path. top: half the number of ranges, a power of two.
 */
static __always_inline void
keep_code(struct walk *w, const __u64 *words, __u32 frames, const __u64 *start,
    const __u64 *end, const __u32 top, __u64 multiplier)
{
	__u64 hash = w->hash, keep = 1;
	__u32 kept = 0;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < SAMPLER_FRAMES; i++) {
		__u64 a, at = 0, code, mask;

		if (i >= frames)
			break;
		a = words[i];
#pragma unroll
		for (__u32 step = top; step > 0; step /= 2) {
			__u64 more = (start[at + step] - a - 1) >> 63;

			more *= step;
			/* added, not or'ed: 5.10 keeps no bounds of an or */
			barrier_var(more);
			at += more;
		}
		code = ((start[at] - a - 1) & (a - end[at]) & ~a) >> 63;
		keep &= code | (i == 0);
		mask = -keep;
		hash = (mix(hash, a, multiplier) & mask) | (hash & ~mask);
		kept += keep;
	}
	w->hash = hash;
	w->frames = kept;
	w->truncated |= kept < frames;
}

static __always_inline void
keep_all(
    struct walk *w, const __u64 *words, __u32 frames, const __u64 multiplier)
{
	__u64 hash = w->hash;

#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < SAMPLER_FRAMES; i++) {
		if (i >= frames)
			break;
		hash = mix(hash, words[i], multiplier);
	}
	w->hash = hash;
	w->frames = frames;
}

/* Of the user's frames those that the sampler knows to be code. */
static __always_inline void
filter_user(struct walk *w, const __u64 *words, __u32 frames,
    const struct sampler_count_key *key, __u64 multiplier)
{
	const struct sampler_process *p;
	const struct sampler_process_big *big = NULL;

	p = bpf_map_lookup_elem(&processes, &key->tgid);
	if (p == NULL || (key->flags & SAMPLER_FOREIGN) ||
	    p->exec_id != key->exec_id || key->start > p->start_latest) {
		w->truncated = true;
		keep_all(w, words, frames > 0, multiplier);
		return;
	}
	if (p->ranges > SAMPLER_RANGES)
		big = bpf_map_lookup_elem(&processes_big, &key->tgid);
	if (big == NULL)
		keep_code(w, words, frames, p->start, p->end,
		    SAMPLER_RANGES / 2, multiplier);
	else
		keep_code(w, words, frames, big->start, big->end,
		    SAMPLER_RANGES_BIG / 2, multiplier);
}

/*
 * Before Linux 6.4 the verifier turns the helper into a call of a function
 * that returns an int, and nobody extends its sign: 0 or -errno.
 */
static __always_inline int
add_new(void *map, const void *key, const void *value)
{
	return (int)bpf_map_update_elem(map, key, value, BPF_NOEXIST);
}

/* Stores parts NOT_PART_0 to 0 of a stack that is not there yet; 0 or -errno */
static __always_inline int
store_parts(void *stacks, __u32 pair, struct scratch *s, __u64 *words, __u64 id,
    __u32 frames)
{
	struct sampler_stack_key key = { .stack = id };
	__u64 stored = 0;
	int r = 0;

	/* nothing of an earlier sample may leave in the last part */
#pragma unroll
	for (int i = 0; i < SAMPLER_PART; i++)
		words[(frames & SAMPLER_FRAMES) + i] = 0;
#pragma unroll
	for (int part = NOT_PART_0; part >= 0; part--) {
		if (r < 0 || frames <= (__u32)part * SAMPLER_PART)
			continue;
		__builtin_memcpy(s->part.address, words + part * SAMPLER_PART,
		    sizeof(s->part.address));
		s->part.frames = part == 0 ? frames : 0;
		key.part = part;
		r = add_new(stacks, &key, &s->part);
		if (r == -EEXIST) /* another CPU is storing the same */
			r = 0;
		else if (r == 0)
			stored++;
	}
	__sync_fetch_and_add(&control.pair[pair].stack_parts, stored);
	return r;
}

static __always_inline int
store_stack(void *stacks, __u32 pair, struct scratch *s, __u64 *words, __u64 id,
    __u32 frames)
{
	struct sampler_stack_key key = { .stack = id };

	if (id == 0 || bpf_map_lookup_elem(stacks, &key) != NULL)
		return 0;
	return store_parts(stacks, pair, s, words, id, frames);
}

/* Once per pair and use: it is half full. */
static __always_inline void
wake_sampler(__u32 pair)
{
	__u32 *sent;

	if (control.pair[pair].woken ||
	    (control.pair[pair].counts < control.counts_half &&
		control.pair[pair].stack_parts < control.stack_parts_half))
		return;
	sent = bpf_ringbuf_reserve(&wakeups, sizeof(*sent), 0);
	if (sent == NULL)
		return;
	control.pair[pair].woken = 1;
	*sent = pair;
	bpf_ringbuf_submit(sent, BPF_RB_FORCE_WAKEUP);
}

/*
 * Counts the sample, storing what is new of it: stacks first, so that what is
 * counted has its stacks. The outcome counter to move.
 */
static __always_inline __u64 *
store(void *counts, void *stacks, __u32 pair, struct scratch *s,
    const struct sampler_count_key *key, __u32 user_frames, __u32 kernel_frames,
    struct sampler_outcomes *out)
{
	__u64 *count, one = 1;
	int r;

	count = bpf_map_lookup_elem(counts, key);
	if (count != NULL)
		goto found;
	r = store_stack(stacks, pair, s, s->user, key->user_stack, user_frames);
	if (r == 0)
		r = store_stack(stacks, pair, s, s->kernel, key->kernel_stack,
		    kernel_frames);
	if (r == -E2BIG)
		return &out->lost_stacks_full;
	if (r < 0)
		return &out->lost_internal;
	r = add_new(counts, key, &one);
	if (r == -EEXIST) { /* the same on another CPU */
		count = bpf_map_lookup_elem(counts, key);
		if (count != NULL)
			goto found;
	}
	if (r == -E2BIG)
		return &out->lost_counts_full;
	if (r < 0)
		return &out->lost_internal;
	__sync_fetch_and_add(&control.pair[pair].counts, 1);
	wake_sampler(pair);
	return &out->captured[pair];
found:
	__sync_fetch_and_add(count, 1);
	return &out->captured[pair];
}

/* In a pid namespace of our own: the pid that we see, or 0. */
static __always_inline __u32
our_pid(struct task_struct *leader)
{
	struct pid *pid = BPF_CORE_READ(leader, thread_pid);
	struct upid upid;

#pragma unroll
	for (__u32 level = 1; level < 8; level++) {
		if (BPF_CORE_READ(pid, level) < level)
			break;
		bpf_core_read(&upid, sizeof(upid), &pid->numbers[level]);
		if (BPF_CORE_READ(upid.ns, ns.inum) == control.pid_namespace)
			return upid.nr;
	}
	return 0;
}

static __always_inline void
identify(struct sampler_count_key *key, __u64 pid_tgid,
    struct task_struct *task, struct task_struct *leader)
{
	key->tgid = pid_tgid >> 32;
	key->exec_id = BPF_CORE_READ(task, self_exec_id);
	key->start = BPF_CORE_READ(leader, start_boottime);
	bpf_get_current_comm(key->comm, sizeof(key->comm));
	if (control.pid_namespace != 0) {
		__u32 pid = our_pid(leader);

		/* one that we do not see keeps its pid of the initial one */
		if (pid == 0)
			key->flags |= SAMPLER_FOREIGN;
		else
			key->tgid = pid;
	}
}

/* Takes and stores one sample. The outcome counter to move. */
static __always_inline __u64 *
capture(struct bpf_perf_event_data *ctx, struct sampler_outcomes *out,
    __u64 pid_tgid)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sampler_count_key *key;
	__u32 zero = 0, pair = control.active & 1;
	__u64 seed = control.pair[pair].seed;
	__u64 multiplier = control.pair[pair].multiplier;
	struct walk *user, *kernel;
	bool user_mode = in_user_mode(ctx);
	struct scratch *s;
	long size;

	s = bpf_map_lookup_elem(&scratches, &zero);
	if (s == NULL)
		return &out->lost_internal;
	key = &s->key;
	*key = (struct sampler_count_key){};
	user = &s->user_walk;
	kernel = &s->kernel_walk;
	*user = (struct walk){ .hash = seed };
	*kernel = (struct walk){ .hash = ~seed };
	identify(key, pid_tgid, task, BPF_CORE_READ(task, group_leader));
	if (!user_mode && (BPF_CORE_READ(task, flags) & PF_KTHREAD))
		key->flags |= SAMPLER_KERNEL_THREAD;
	if (control.collect_kernel && !user_mode) {
		size = bpf_get_stack(ctx, s->kernel, SAMPLER_FRAMES * 8, 0);
		if (size < 0)
			return &out->lost_stack_error;
		keep_all(kernel, s->kernel, size / 8, multiplier);
		if (kernel->frames > 0)
			key->kernel_stack = finish(kernel->hash, multiplier);
		if (kernel->frames == SAMPLER_FRAMES)
			key->flags |= SAMPLER_KERNEL_TRUNCATED;
	}
	if (control.collect_user && !(key->flags & SAMPLER_KERNEL_THREAD)) {
		size = bpf_get_stack(
		    ctx, s->user, SAMPLER_FRAMES * 8, BPF_F_USER_STACK);
		if (size < 0)
			return &out->lost_stack_error;
		user->truncated = size / 8 == SAMPLER_FRAMES;
		filter_user(user, s->user, size / 8, key, multiplier);
		if (user->frames > 0)
			key->user_stack = finish(user->hash, multiplier);
		if (user->frames > 0 && user->truncated)
			key->flags |= SAMPLER_USER_TRUNCATED;
	}
	if (key->flags & SAMPLER_FOREIGN)
		out->foreign++;
	if (pair == 0)
		return store(&counts_0, &stacks_0, 0, s, key, user->frames,
		    kernel->frames, out);
	return store(
	    &counts_1, &stacks_1, 1, s, key, user->frames, kernel->frames, out);
}

SEC("perf_event")
int
sample(struct bpf_perf_event_data *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 cpu = bpf_get_smp_processor_id();
	struct sampler_outcomes *out = bpf_map_lookup_elem(&outcomes, &cpu);
	__u64 *outcome;

	if (out == NULL)
		return 0;
	outcome = pid_tgid == 0 ? &out->idle : capture(ctx, out, pid_tgid);
	*outcome += 1;
	out->runs++;
	return 0;
}

/* What an iterator tells of a process. */
static __always_inline void
fill_record(struct sampler_scan_record *r, struct task_struct *task)
{
	r->pid = control.pid_namespace == 0 ? (__u32)task->tgid
					    : our_pid(task->group_leader);
	r->exec_id = task->self_exec_id;
	r->process_start = task->group_leader->start_boottime;
	r->time = bpf_ktime_get_boot_ns();
}

/* Executable mappings of what runs already; Linux 5.12. */
SEC("iter/task_vma")
int
scan_mappings(struct bpf_iter__task_vma *ctx)
{
	struct vm_area_struct *vma = ctx->vma;
	struct task_struct *task = ctx->task;
	struct scan_scratch *s;
	struct file *file;
	__u32 zero = 0;
	__u64 name;
	long size = 0;

	if (task == NULL || vma == NULL || !(vma->vm_flags & VM_EXEC))
		return 0;
	s = bpf_map_lookup_elem(&scan_scratches, &zero);
	if (s == NULL)
		return 0;
	__builtin_memset(&s->record, 0, sizeof(s->record));
	fill_record(&s->record, task);
	s->record.start = vma->vm_start;
	s->record.end = vma->vm_end;
	file = vma->vm_file;
	if (file != NULL) {
		s->record.file_offset = vma->vm_pgoff << control.page_shift;
		s->record.inode = file->f_inode->i_ino;
		s->record.inode_generation = file->f_inode->i_generation;
		s->record.device = file->f_inode->i_sb->s_dev;
		size = bpf_d_path(&file->f_path, s->path, sizeof(s->path));
	} else if ((unsigned long)task->mm->context.vdso == vma->vm_start) {
		__builtin_memcpy(s->path, "[vdso]", 7);
		size = 7;
	}
	if (size < 1 || size > SAMPLER_SCAN_PATH)
		size = 1; /* no name, or one too long */
	name = size - 1;
	barrier_var(name); /* kernels before 6.18 need to see a mask */
	name &= SAMPLER_SCAN_PATH - 1;
	s->record.path_size = name;
	bpf_seq_write(ctx->meta->seq, s, sizeof(s->record) + name);
	return 0;
}

/* Who runs already; used where there is no task_vma. */
SEC("iter/task")
int
scan_tasks(struct bpf_iter__task *ctx)
{
	struct sampler_scan_record r = {};
	struct task_struct *task = ctx->task;

	if (task == NULL || task->pid != task->tgid ||
	    (task->flags & PF_KTHREAD))
		return 0;
	fill_record(&r, task);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

/* The kernel's functions, as /proc/kallsyms would print them; Linux 6.0. */
SEC("iter/ksym")
int
scan_symbols(struct bpf_iter__ksym *ctx)
{
	struct kallsym_iter *sym = ctx->ksym;

	if (sym == NULL)
		return 0;
	if (sym->type != 't' && sym->type != 'T' && sym->type != 'w' &&
	    sym->type != 'W')
		return 0;
	if (sym->module_name[0] != 0)
		BPF_SEQ_PRINTF(ctx->meta->seq, "%llx %c %s\t[%s]\n", sym->value,
		    sym->type, sym->name, sym->module_name);
	else
		BPF_SEQ_PRINTF(ctx->meta->seq, "%llx %c %s\n", sym->value,
		    sym->type, sym->name);
	return 0;
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";
