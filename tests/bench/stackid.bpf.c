/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The least a sampler can do, as others do it: two bpf_get_stackid calls and
 * a count. What our own program's cost is compared with.
 */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 tgid;
	__s32 user, kernel;
	char comm[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 16384);
	__uint(key_size, 4);
	__uint(value_size, 127 * 8);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct key);
	__type(value, __u64);
} counts SEC(".maps");

__u64 idle, samples;

SEC("perf_event")
int
sample(struct bpf_perf_event_data *ctx)
{
	__u64 id = bpf_get_current_pid_tgid(), one = 1, *count;
	struct key key = { .tgid = id >> 32 };

	if ((__u32)id == 0) {
		__sync_fetch_and_add(&idle, 1);
		return 0;
	}
	bpf_get_current_comm(key.comm, sizeof(key.comm));
	key.kernel = bpf_get_stackid(ctx, &stacks, BPF_F_FAST_STACK_CMP);
	key.user = bpf_get_stackid(
	    ctx, &stacks, BPF_F_FAST_STACK_CMP | BPF_F_USER_STACK);
	count = bpf_map_lookup_elem(&counts, &key);
	if (count != NULL)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST);
	__sync_fetch_and_add(&samples, 1);
	return 0;
}

char LICENSE[] SEC("license")
= "Dual BSD/GPL";
