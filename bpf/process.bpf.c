// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Process life cycle: one record in a ring buffer per fork of a process, exec, and end of a process.
//
// Each program exists twice: as a BTF tracepoint (typed, checked by the verifier against the kernel) and as a raw
// tracepoint (the fallback). Neither needs tracefs. The reader is crates/peregrine-os/src/linux/events/record.rs;
// the structures here and the offsets there are the same table.

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define KIND_FORK 1
#define KIND_EXEC 2
#define KIND_EXIT 3

#define EXEC_PATH_PARTIAL 1   /* the path is deeper than we walk: leading components are missing */
#define EXEC_PATH_DELETED 2   /* the file has no name any more (unlinked, memfd) */
#define EXEC_ARGV_UNREADABLE 4 /* the argument pages were not in memory */

#define ARGV_MAX 8192
#define PATH_COMPONENTS 48
#define PATH_MAX 4096
#define NAME_MAX 256

struct base {
	u32 kind;
	u32 pid;            /* thread group id */
	u64 time;           /* nanoseconds since boot, suspend included */
	u64 start;          /* the same clock, when the group leader was created: with `pid` the identity */
	u32 ppid;
	u32 uid;
	u32 gid;
	s32 status;         /* exit: wait status; exec: EXEC_* flags */
};

struct exec {
	struct base base;
	u64 cgroup_id;
	u64 argv_length;    /* true length in bytes; argv_stored may be less */
	u32 path_stored;    /* path components, leaf first, each NUL-terminated */
	u32 argv_stored;    /* NUL-separated, after the path */
	char comm[16];
};

/* Sized so that every masked offset plus every masked length stays inside. */
struct scratch {
	struct exec exec;
	u8 data[24600];
	u32 path_offset;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} EVENTS SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} LOST SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} SCRATCH SEC(".maps");

static __always_inline void count_lost(void)
{
	u32 zero = 0;
	u64 *lost = bpf_map_lookup_elem(&LOST, &zero);
	if (lost)
		*lost += 1;
}

static __always_inline void fill_base(struct base *base, u32 kind, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	base->kind = kind;
	base->pid = BPF_CORE_READ(task, tgid);
	base->time = bpf_ktime_get_boot_ns();
	base->start = BPF_CORE_READ(leader, start_boottime);
	base->ppid = BPF_CORE_READ(leader, real_parent, tgid);
	base->uid = BPF_CORE_READ(task, cred, uid.val);
	base->gid = BPF_CORE_READ(task, cred, gid.val);
	base->status = 0;
}

static __always_inline int on_fork(struct task_struct *child)
{
	if (BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return 0;
	struct base *base = bpf_ringbuf_reserve(&EVENTS, sizeof(*base), 0);
	if (!base) {
		count_lost();
		return 0;
	}
	fill_base(base, KIND_FORK, child);
	bpf_ringbuf_submit(base, 0);
	return 0;
}

static __always_inline int on_exit(struct task_struct *task)
{
	struct base *base = bpf_ringbuf_reserve(&EVENTS, sizeof(*base), 0);
	if (!base) {
		count_lost();
		return 0;
	}
	fill_base(base, KIND_EXIT, task);
	/* What wait() reports: the group's code when the group was ended as one, else the leader's. */
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		base->status = BPF_CORE_READ(task, signal, group_exit_code);
	else
		base->status = BPF_CORE_READ(task, group_leader, exit_code);
	bpf_ringbuf_submit(base, 0);
	return 0;
}

/* Was this the last thread? Kernels that do not pass the answer leave a race in which two threads ending at once
 * both see no thread alive; the reader drops the second record. `ctx[1]` must not even be mentioned to a verifier
 * that knows of one argument, which is why the test is a load-time constant and not `ctx`. */
static __always_inline int is_group_dead(u64 *ctx, struct task_struct *task)
{
	if (bpf_core_field_exists(struct trace_event_raw_sched_process_exit, group_dead))
		return ctx[1] & 1;
	return BPF_CORE_READ(task, signal, live.counter) == 0;
}

/* Writes the components of `file`'s path, leaf first. The running offset lives in map memory: kept in a register it
 * makes the verifier follow every value it could have (more than a million instructions). */
static __always_inline u32 read_path(struct scratch *s, struct file *file)
{
	u32 flags = 0;
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *vfsmount = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	int finished = 0;

	s->path_offset = 0;
	if (!dentry || !vfsmount)
		return EXEC_PATH_PARTIAL;
	if (!BPF_CORE_READ(dentry, d_hash.pprev))
		flags |= EXEC_PATH_DELETED;
	for (int i = 0; i < PATH_COMPONENTS; i++) {
		struct dentry *root = BPF_CORE_READ(mount, mnt.mnt_root);
		if (dentry == root) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);
			if (above == mount) {
				finished = 1;
				break;
			}
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = above;
			continue;
		}
		u32 offset = s->path_offset;
		if (offset > PATH_MAX - NAME_MAX)
			break;
		const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
		long length = bpf_probe_read_kernel_str(&s->data[offset & (PATH_MAX - 1)], NAME_MAX, name);
		if (length <= 0)
			break;
		s->path_offset = offset + (length & (2 * NAME_MAX - 1));
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		if (parent == dentry) { /* belongs to no tree: a memfd */
			finished = 1;
			break;
		}
		dentry = parent;
	}
	return finished ? flags : flags | EXEC_PATH_PARTIAL;
}

static __always_inline int on_exec(struct task_struct *task)
{
	u32 zero = 0;
	struct scratch *s = bpf_map_lookup_elem(&SCRATCH, &zero);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	if (!s || !mm)
		return 0;

	fill_base(&s->exec.base, KIND_EXEC, task);
	s->exec.cgroup_id = bpf_get_current_cgroup_id();
	bpf_get_current_comm(s->exec.comm, sizeof(s->exec.comm));
	u32 flags = read_path(s, BPF_CORE_READ(mm, exe_file));

	/* The asm statements keep clang from dropping a mask it believes redundant; the verifier needs each. */
	u32 path = s->path_offset;
	asm volatile("" : "+r"(path));
	path &= 0x1fff;

	u64 start = BPF_CORE_READ(mm, arg_start);
	u64 end = BPF_CORE_READ(mm, arg_end);
	u64 length = end > start ? end - start : 0;
	u32 stored = length > ARGV_MAX ? ARGV_MAX : (u32)length;
	asm volatile("" : "+r"(stored));
	stored &= 0x3fff;
	if (bpf_probe_read_user(&s->data[path], stored, (const void *)start)) {
		flags |= EXEC_ARGV_UNREADABLE;
		stored = 0;
	}
	s->exec.base.status = flags;
	s->exec.argv_length = length;
	s->exec.path_stored = path;
	s->exec.argv_stored = stored;

	u32 size = sizeof(struct exec) + path + stored;
	asm volatile("" : "+r"(size));
	size &= 0x3fff;
	if (bpf_ringbuf_output(&EVENTS, s, size, 0))
		count_lost();
	return 0;
}

/* fork(parent, child); exec(task, old_pid, bprm); exit(task[, group_dead]) */

SEC("tp_btf/sched_process_fork")
int btf_fork(u64 *ctx)
{
	return on_fork((void *)ctx[1]);
}

SEC("tp_btf/sched_process_exec")
int btf_exec(u64 *ctx)
{
	return on_exec((void *)ctx[0]);
}

SEC("tp_btf/sched_process_exit")
int btf_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	return is_group_dead(ctx, task) ? on_exit(task) : 0;
}

SEC("raw_tp/sched_process_fork")
int raw_fork(u64 *ctx)
{
	return on_fork((void *)ctx[1]);
}

SEC("raw_tp/sched_process_exec")
int raw_exec(u64 *ctx)
{
	return on_exec((void *)ctx[0]);
}

SEC("raw_tp/sched_process_exit")
int raw_exit(u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	return is_group_dead(ctx, task) ? on_exit(task) : 0;
}

/* Helpers that read kernel memory are reserved to programs that name a GPL-compatible licence. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";
