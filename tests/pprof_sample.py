#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes made-up profiles for the tests: pprof_sample.py KIND OUTPUT.

KIND is "host" (what a busy machine looks like), "hostile" (names that try to
break out of page and terminal), "wide" (more than 50 000 tree nodes) or
"empty". The encoder is independent of the one under test.
"""
import gzip
import random
import sys

PERIOD = 10_000_000


def varint(n):
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def number(tag, n):
    return varint(tag << 3) + varint(n) if n else b""


def field(tag, data):
    return varint(tag << 3 | 2) + varint(len(data)) + data


class Profile:
    """Stacks are lists of (file, name), root first; both str or bytes."""

    def __init__(self, comments=()):
        self.strings = {b"": 0}
        self.mappings, self.functions, self.locations = {}, {}, {}
        self.samples = {}
        self.comments = [self.string(c) for c in comments]

    def string(self, s):
        if isinstance(s, str):
            s = s.encode()
        return self.strings.setdefault(s, len(self.strings))

    def location(self, frame):
        file, name = frame
        mapping = 0
        if file:
            mapping = self.mappings.setdefault(
                self.string(file), len(self.mappings) + 1)
        function = self.functions.setdefault(
            self.string(name), len(self.functions) + 1)
        return self.locations.setdefault(
            (mapping, function), len(self.locations) + 1)

    def add(self, stack, hits=1):
        key = tuple(self.location(f) for f in reversed(stack))
        self.samples[key] = self.samples.get(key, 0) + hits

    def encode(self, seconds=10):
        cpu, nanos = self.string("cpu"), self.string("nanoseconds")
        kind = number(1, cpu) + number(2, nanos)
        out = [field(1, kind)]
        for stack, hits in self.samples.items():
            out.append(field(2, field(1, b"".join(map(varint, stack))) +
                             field(2, varint(hits * PERIOD))))
        for file, i in self.mappings.items():
            out.append(field(3, number(1, i) + number(5, file) +
                             number(7, 1)))
        for (mapping, function), i in self.locations.items():
            out.append(field(4, number(1, i) + number(2, mapping) +
                             field(4, number(1, function))))
        for name, i in self.functions.items():
            out.append(field(5, number(1, i) + number(2, name) +
                             number(3, name)))
        out += [field(6, s) for s in self.strings]
        out.append(number(9, 1_790_000_000 * 10**9))
        out.append(number(10, seconds * 10**9))
        out.append(field(11, kind) + number(12, PERIOD))
        out += [number(13, c) for c in self.comments]
        return gzip.compress(b"".join(out), mtime=0)


KERNEL = "[kernel]"
LIBC = "/usr/lib/x86_64-linux-gnu/libc.so.6"
SYSCALLS = [
    ["ksys_read", "vfs_read", "ext4_file_read_iter", "filemap_read",
     "copy_page_to_iter", "_copy_to_iter"],
    ["ksys_write", "vfs_write", "sock_write_iter", "tcp_sendmsg",
     "tcp_sendmsg_locked", "tcp_push", "__tcp_push_pending_frames",
     "tcp_write_xmit", "__tcp_transmit_skb", "ip_queue_xmit"],
    ["do_epoll_wait", "ep_poll", "schedule_hrtimeout_range", "schedule",
     "__schedule", "finish_task_switch.isra.0"],
    ["__do_sys_clone", "kernel_clone", "copy_process", "dup_mm",
     "copy_page_range", "copy_pte_range"],
    ["do_futex", "futex_wait", "futex_wait_queue", "schedule"],
]
PROGRAMS = [
    ("postgres", "/usr/lib/postgresql/15/bin/postgres", 26,
     "PostmasterMain ServerLoop BackendStartup BackendRun PostgresMain "
     "exec_simple_query PortalRun PortalRunSelect standard_ExecutorRun "
     "ExecutePlan ExecProcNode ExecHashJoin ExecScan heap_getnext "
     "heapgetpage ReadBufferExtended ReadBuffer_common slot_deform_heap_tuple "
     "ExecInterpExpr hash_any AllocSetAlloc LWLockAcquire"),
    ("python3", "/usr/bin/python3.11", 22,
     "Py_BytesMain Py_RunMain pymain_run_file PyRun_SimpleFile PyEval_EvalCode "
     "_PyEval_EvalFrameDefault _PyEval_EvalFrameDefault _PyFunction_Vectorcall "
     "_PyEval_EvalFrameDefault PyObject_Vectorcall dict_subscript "
     "unicode_hash PyUnicode_Join long_mul gc_collect_main deduce_unreachable"),
    ("node", "/usr/bin/node", 18,
     "node::Start v8::Function::Call v8::internal::Execution::Call "
     "v8::internal::(anonymous namespace)::Invoke "
     "v8::internal::Runtime_CompileLazy v8::internal::Compiler::Compile "
     "v8::internal::Heap::CollectGarbage v8::internal::MarkCompactCollector::"
     "MarkLiveObjects v8::internal::Scavenger::Process [anon]"),
    ("nginx", "/usr/sbin/nginx", 10,
     "main ngx_master_process_cycle ngx_spawn_process ngx_worker_process_cycle "
     "ngx_process_events_and_timers ngx_epoll_process_events "
     "ngx_http_wait_request_handler ngx_http_process_request_line "
     "ngx_http_core_run_phases ngx_http_upstream_send_request ngx_output_chain"),
    ("cc1", "/usr/lib/gcc/x86_64-linux-gnu/12/cc1", 14,
     "main toplev::main compile_file c_parse_file c_parser_declaration_or_fndef "
     "cgraph_node::finalize_function execute_pass_list execute_one_pass "
     "pass_ira::execute ira df_analyze bitmap_set_bit ggc_internal_alloc"),
    ("git", "/usr/bin/git", 5,
     "main cmd_main cmd_gc write_pack_file find_deltas try_delta create_delta"),
    ("bash", "/usr/bin/bash", 5,
     "main reader_loop execute_command execute_command_internal "
     "execute_pipeline expand_word_list_internal make_child"),
]


def host(rng):
    p = Profile(["captured 1960 of 1960 samples, none lost",
                 "99.4 % of the frames are named, 41 processes"])
    for _ in range(1960):
        comm, binary, _, names = rng.choices(
            PROGRAMS, [w for _, _, w, _ in PROGRAMS])[0]
        names = names.replace("(anonymous namespace)", "(anonymous_namespace)")
        names = [n.replace("_namespace", " namespace") for n in names.split()]
        keep = max(3, min(len(names), int(rng.triangular(3, len(names) + 4,
                                                         len(names)))))
        stack = [("", comm), (LIBC, "__libc_start_main_impl")]
        stack += [(binary, n) for n in names[:keep]]
        for _ in range(rng.choice([0, 0, 1, 2, 5])):
            stack.append((binary, "%s_%s" % (comm, rng.choice(
                "find lookup insert visit walk copy encode decode parse "
                "flush merge sort".split()))))
        if rng.random() < 0.3:
            stack.append((LIBC, rng.choice(
                ["malloc", "_int_malloc", "__memmove_avx_unaligned_erms",
                 "read", "write", "cfree"])))
        if rng.random() < 0.3:
            chain = rng.choice(SYSCALLS)
            stack += [(KERNEL, n) for n in
                      ["entry_SYSCALL_64_after_hwframe", "do_syscall_64"] +
                      chain[:rng.randint(1, len(chain))]]
        p.add(stack)
    for _ in range(60):
        p.add([("", "kworker/u8:2"), (KERNEL, "ret_from_fork"),
               (KERNEL, "kthread"), (KERNEL, "worker_thread"),
               (KERNEL, rng.choice(["process_one_work", "schedule"]))])
    for _ in range(40):
        p.add([("", "strip"), ("", "[truncated]"),
               ("/usr/bin/strip", "strip+0x%x" % rng.choice(
                   [0x41f0, 0x5120, 0x7a10]))])
    return p.encode()


SCRIPT = "</script><script>document.title='owned'</script>\x1b[31m"


def hostile(_):
    p = Profile(["comment <!-- <img src=x onerror=alert(1)> \x1b]0;x\x07"])
    comm = b"\xff\xfe"
    p.add([("", comm), ("/bin/</style>x", SCRIPT)], 60)
    p.add([("", comm), ("/bin/x", "\u202eevil\u2066\u2028")], 25)
    p.add([("", comm), ("/bin/x", "\"];alert(1);//"), ("/bin/x", "&lt;b>")], 10)
    p.add([("", "<!--"), ("/bin/\x07", "a\nb\tc\x00d")], 5)
    return p.encode()


def wide(rng):
    p = Profile()
    for _ in range(60000):
        stack = [("", "comm%d" % min(int(rng.paretovariate(1)), 30))]
        for d in range(rng.randint(2, 40)):
            i = min(int(rng.paretovariate(1.2)), 9)
            stack.append(("/usr/bin/prog%d" % (d // 4),
                          "function_%d_%d" % (d, i)))
        p.add(stack, rng.randint(1, 30))
    return p.encode(600)


def main():
    kinds = {"host": host, "hostile": hostile, "wide": wide,
             "empty": lambda _: Profile().encode()}
    if len(sys.argv) != 3 or sys.argv[1] not in kinds:
        sys.exit("usage: pprof_sample.py %s OUTPUT" % "|".join(kinds))
    with open(sys.argv[2], "wb") as out:
        out.write(kinds[sys.argv[1]](random.Random(4041)))


main()
