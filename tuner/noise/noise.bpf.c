/* Times every interruption of the CPUs asked for, inside the kernel: tasks by sched_switch, and what runs between two
 * switches (interrupts, softirqs, timers, IPIs) by a small stack of frames a CPU, so that a nested one's time is its
 * own and nobody else's. Loaded by start.c; the maps are read by read.c.
 *
 * Types are declared as far as they are used; libbpf finds the members' places from the running kernel's BTF (CO-RE).
 * All programs are raw tracepoints with BTF: tracefs need not be mounted. */
#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "shared.h"

#define PF_KTHREAD 0x00200000 /* include/linux/sched.h */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task_struct {
        int pid;
        unsigned int flags;
        int nr_cpus_allowed;
        char comm[16];
};
struct irqaction {
        const char *name;
};
struct hrtimer {
        void *function;
};
struct timer_list {
        void *function;
};
#pragma clang attribute pop

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u64 wanted[NOISE_CPU_WORDS]; /* the CPUs asked for */
const struct noise_value no_value;            /* a new source's */

volatile __u64 started_ns; /* 0: not all programs are attached yet, entries and exits would not match */

struct {
        __uint(type, BPF_MAP_TYPE_HASH); /* a CPU's sources are its own: the key has it */
        __uint(max_entries, 1024);       /* start.c knows better */
        __type(key, struct noise_key);
        __type(value, struct noise_value);
} sources SEC(".maps");

struct {
        __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
        __uint(max_entries, 1);
        __type(key, __u32);
        __type(value, struct noise_cpu);
} cpus SEC(".maps");

/* The state of this CPU; NULL: it is none of ours. The first thing in every program, since it runs on all CPUs. */
static __always_inline struct noise_cpu *this_cpu(__u32 *ret_number)
{
        __u32 number = bpf_get_smp_processor_id(), zero = 0;

        if (!(wanted[number / 64 % NOISE_CPU_WORDS] >> (number % 64) & 1) || !started_ns)
                return NULL;
        *ret_number = number;
        return bpf_map_lookup_elem(&cpus, &zero);
}

/* Now and then: what did this event cost? */
static __always_inline void account_ourselves(struct noise_cpu *cpu, __u64 now)
{
        if (cpu->events++ & NOISE_SAMPLE_MASK)
                return;
        cpu->sampled++;
        cpu->sampled_ns += bpf_ktime_get_ns() - now;
}

static __always_inline __u32 bucket_of(__u64 ns)
{
        __u32 bucket = 0;

        if (ns >> 32)
                return NOISE_BUCKETS - 1;
        for (__u32 step = 16; step > 0; step /= 2)
                if (ns >> (bucket + step))
                        bucket += step;
        return bucket & (NOISE_BUCKETS - 1);
}

/* Charges one interruption to its source; NULL: there is no room for it. */
static __always_inline struct noise_value *charge(struct noise_cpu *cpu, const struct noise_key *key, __u64 ns)
{
        struct noise_value *value = bpf_map_lookup_elem(&sources, key);

        if (!value) {
                bpf_map_update_elem(&sources, key, &no_value, BPF_NOEXIST);
                value = bpf_map_lookup_elem(&sources, key);
        }
        if (!value) {
                cpu->missed++;
                cpu->missed_ns += ns;
                return NULL;
        }
        value->count++;
        value->total_ns += ns;
        if (ns > value->longest_ns)
                value->longest_ns = ns;
        value->histogram[bucket_of(ns)]++;
        return value;
}

/* ---- tasks ---- */

static __always_inline struct noise_frame *frame_at(struct noise_cpu *cpu, __u32 index)
{
        barrier_var(index); /* or the compiler takes the mask away, and the verifier cannot see the bound */
        return &cpu->frames[index & (NOISE_FRAMES - 1)];
}

static __always_inline void describe_task(struct task_struct *task, char *who, __u32 *allowed_cpus,
                                          __u32 *kernel_thread)
{
        *allowed_cpus = task->nr_cpus_allowed;
        *kernel_thread = !!(task->flags & PF_KTHREAD);
        bpf_probe_read_kernel_str(who, sizeof(task->comm), task->comm);
}

/* Between these two, who reads must not believe what he sees of the task: its stint may be in the table already. */
static __always_inline void change_begins(struct noise_cpu *cpu)
{
        cpu->sequence++;
        barrier();
}

static __always_inline void change_ends(struct noise_cpu *cpu)
{
        barrier();
        cpu->sequence++;
}

static __always_inline void begin_task(struct noise_cpu *cpu, struct task_struct *task, __u64 start_ns)
{
        cpu->frames[0].key.id = task->pid;
        cpu->frames[0].start_ns = start_ns;
        describe_task(task, cpu->who, &cpu->allowed_cpus, &cpu->kernel_thread);
}

/* Forgets the frames above this one, whose exits the kernel did not tell of; answers the time that was inside of them.
 */
static __always_inline __u64 drop_above(struct noise_cpu *cpu, __u32 depth)
{
        __u64 inner = 0;

        if (cpu->depth == depth)
                return 0;
        for (__u32 i = 1; i < NOISE_FRAMES; i++) {
                struct noise_frame *frame = frame_at(cpu, i);
                if (i <= depth)
                        continue;
                inner += frame->inner_ns;
                frame->inner_ns = 0;
        }
        cpu->depth = depth;
        return inner;
}

/* Charges a task's stint; nobody, when the task we saw begin is another: the kernel did not tell of a switch. */
static __always_inline void end_task(struct noise_cpu *cpu, struct noise_key *key, struct task_struct *task, __u64 ns)
{
        if (cpu->frames[0].start_ns && cpu->frames[0].key.id != key->id) {
                cpu->missed++;
                cpu->missed_ns += ns;
                return;
        }
        if (key->id == 0)
                return;
        struct noise_value *value = charge(cpu, key, ns);
        if (value)
                describe_task(task, value->who, &value->allowed_cpus, &value->kernel_thread);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
        struct noise_key key = {.kind = NOISE_TASK, .id = prev->pid};
        struct noise_cpu *cpu = this_cpu(&key.cpu);

        if (!cpu)
                return 0;
        __u64 now = bpf_ktime_get_ns();
        __u64 ran = now - (cpu->frames[0].start_ns ?: started_ns);
        change_begins(cpu);
        /* Tasks are not switched within interrupts (but softirqs are, on a PREEMPT_RT kernel). */
        __u64 inner = cpu->frames[0].inner_ns + drop_above(cpu, 0);
        end_task(cpu, &key, prev, ran > inner ? ran - inner : 0);
        cpu->frames[0].inner_ns = inner > ran ? inner - ran : 0;
        begin_task(cpu, next, now);
        change_ends(cpu);
        account_ourselves(cpu, now);
        return 0;
}

/* ---- what interrupts tasks ---- */

/* Softirqs run with interrupts on, so that an interrupt may come between any two lines of these two. It is over before
 * the next line, and has added its whole time to `inner_ns` of what it found on top. So that none is lost or counted
 * twice, whatever the moment:
 *  - `inner_ns` is 0 in frames that are not in use: nobody has to clear it when he takes one;
 *  - who leaves takes out what he has seen, and leaves what has come since to the next;
 *  - time that is more than there was to take it from, goes on to the frame below. */
static __always_inline int enter(struct noise_key *key, __u64 cookie)
{
        struct noise_cpu *cpu = this_cpu(&key->cpu);

        if (!cpu)
                return 0;
        __u64 now = bpf_ktime_get_ns();
        if (!cpu->frames[0].start_ns) {
                change_begins(cpu);
                begin_task(cpu, bpf_get_current_task_btf(), started_ns);
                change_ends(cpu);
        }
        __u32 depth = cpu->depth + 1;
        if (depth >= NOISE_FRAMES)
                return 0;
        cpu->depth = depth;
        barrier();
        struct noise_frame *frame = frame_at(cpu, depth);
        frame->key = *key;
        frame->cookie = cookie;
        frame->start_ns = now;
        account_ourselves(cpu, now);
        return 0;
}

/* The frame that ends: nearly always the top one; 0: there is none. */
static __always_inline __u32 find_frame(struct noise_cpu *cpu, __u32 kind, __u64 cookie)
{
        __u32 depth = cpu->depth;

        for (int i = 1; i < NOISE_FRAMES && depth > 0; i++, depth--) {
                const struct noise_frame *frame = frame_at(cpu, depth);
                if (frame->key.kind == kind && frame->cookie == cookie)
                        return depth;
        }
        return 0;
}

/* The source charged, and its key; NULL: none of ours, or its entry was before our time. */
static __always_inline struct noise_value *leave(__u32 kind, __u64 cookie, struct noise_key *ret_key)
{
        struct noise_cpu *cpu = this_cpu(&ret_key->cpu);

        if (!cpu)
                return NULL;
        __u64 now = bpf_ktime_get_ns();
        __u32 depth = find_frame(cpu, kind, cookie);
        struct noise_frame *frame = frame_at(cpu, depth);
        if (depth == 0)
                return NULL;
        *ret_key = frame->key;
        __u64 elapsed = now - frame->start_ns, inner = frame->inner_ns;
        __sync_fetch_and_add(&frame->inner_ns, -inner);
        inner += drop_above(cpu, depth);
        barrier();
        cpu->depth = depth - 1;
        __sync_fetch_and_add(&frame_at(cpu, depth - 1)->inner_ns, inner > elapsed ? inner : elapsed);
        struct noise_value *value = charge(cpu, ret_key, elapsed > inner ? elapsed - inner : 0);
        account_ourselves(cpu, now);
        return value;
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(on_irq_entry, int irq, struct irqaction *action)
{
        struct noise_key key = {.kind = NOISE_IRQ, .id = irq, .address = (__u64)action};

        return enter(&key, (__u64)action);
}

SEC("tp_btf/irq_handler_exit")
int BPF_PROG(on_irq_exit, int irq, struct irqaction *action)
{
        struct noise_key key;
        struct noise_value *value = leave(NOISE_IRQ, (__u64)action, &key);

        if (value && !value->who[0])
                bpf_probe_read_kernel_str(value->who, sizeof(value->who), action->name);
        return 0;
}

SEC("tp_btf/softirq_entry")
int BPF_PROG(on_softirq_entry, unsigned int number)
{
        struct noise_key key = {.kind = NOISE_SOFTIRQ, .id = number};

        return enter(&key, number);
}

SEC("tp_btf/softirq_exit")
int BPF_PROG(on_softirq_exit, unsigned int number)
{
        struct noise_key key;

        leave(NOISE_SOFTIRQ, number, &key);
        return 0;
}

/* Timers are known by their function, read at the entry: at the exit the timer may be gone. */
static __always_inline int enter_timer(void *timer, void *function)
{
        struct noise_key key = {.kind = NOISE_TIMER, .address = (__u64)function};

        return enter(&key, (__u64)timer);
}

static __always_inline int leave_timer(void *timer)
{
        struct noise_key key;
        struct noise_value *value = leave(NOISE_TIMER, (__u64)timer, &key);

        if (value && !value->who[0])
                BPF_SNPRINTF(value->who, sizeof(value->who), "%ps", key.address);
        return 0;
}

SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(on_hrtimer_entry, struct hrtimer *timer)
{
        return enter_timer(timer, bpf_core_field_exists(timer->function) ? timer->function : NULL);
}

SEC("tp_btf/hrtimer_expire_exit")
int BPF_PROG(on_hrtimer_exit, struct hrtimer *timer)
{
        return leave_timer(timer);
}

SEC("tp_btf/timer_expire_entry")
int BPF_PROG(on_timer_entry, struct timer_list *timer)
{
        return enter_timer(timer, bpf_core_field_exists(timer->function) ? timer->function : NULL);
}

SEC("tp_btf/timer_expire_exit")
int BPF_PROG(on_timer_exit, struct timer_list *timer)
{
        return leave_timer(timer);
}

#define X(name, which)                                                                                                 \
        SEC("tp_btf/" #name "_entry")                                                                                  \
        int BPF_PROG(on_##name##_entry, int vector)                                                                    \
        {                                                                                                              \
                struct noise_key key = {.kind = which, .id = vector, .address = 1 + NOISE_VECTOR_##name};              \
                                                                                                                       \
                return enter(&key, 1 + NOISE_VECTOR_##name);                                                           \
        }                                                                                                              \
                                                                                                                       \
        SEC("tp_btf/" #name "_exit")                                                                                   \
        int BPF_PROG(on_##name##_exit, int vector)                                                                     \
        {                                                                                                              \
                struct noise_key key;                                                                                  \
                                                                                                                       \
                leave(which, 1 + NOISE_VECTOR_##name, &key);                                                           \
                return 0;                                                                                              \
        }
NOISE_VECTORS(X)
#undef X
