#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of binary is named, whatever became of its file."""

import contextlib
import os
import pwd
import re
import shutil
import subprocess
import threading
import time

import hostile_elf
from phlare import (BUILD, Profile, PushServer, Run, Tap, compile_c, need_root,
                    processes, push_config, record, scratch, wait_until)

SPIN = """
volatile unsigned long sink;
__attribute__((noinline)) void %(hot)s(void)
{
	for (unsigned long i = 0; i < 20000000; i++)
		sink += i * i;
}
int main(void)
{
	%(loop)s
	return 0;
}
"""
FOREVER = "for (;;) %s();"
# above that a leaf has no frame, whatever the flag says: its caller is lost
FLAGS = ["-O0", "-fno-omit-frame-pointer"]


def build(dir_, name, *flags, loop=None):
    hot = f"hot_{name}"
    text = SPIN % {"hot": hot, "loop": (loop or FOREVER) % hot}
    return compile_c(text, f"{dir_}/{name}", *FLAGS, *flags)


def kinds(tap, dir_):
    """All at once, in one recording."""
    other = pwd.getpwnam("nobody")
    programs = {
        "static": build(dir_, "static", "-static"),
        "nopie": build(dir_, "nopie", "-no-pie"),
        "pie": build(dir_, "pie", "-pie", "-fPIE"),
        "oneload": build(dir_, "oneload", "-Wl,-z,noseparate-code"),
        "sepcode": build(dir_, "sepcode", "-Wl,-z,separate-code"),
        "gone": build(dir_, "gone"),
        "closed": None,
    }
    private = f"{dir_}/private"
    os.mkdir(private)
    programs["closed"] = build(private, "closed")
    os.chown(private, other.pw_uid, other.pw_gid)
    os.chown(programs["closed"], other.pw_uid, other.pw_gid)
    os.chmod(private, 0o700)
    os.chmod(programs["closed"], 0o700)

    def become_other():
        os.setgroups([])
        os.setgid(other.pw_gid)
        os.setuid(other.pw_uid)

    commands = [[p] for n, p in programs.items() if n != "closed"]
    with processes(*commands):
        with processes([programs["closed"]], preexec_fn=become_other):
            time.sleep(0.2)
            os.unlink(programs["gone"])
            status, text, profile = record("--duration", "4s",
                                           "--sample-rate", "499")
    tap.ok(status == 0, "record succeeds", text)
    if profile is None:
        return
    for name in programs:
        samples = profile.of_comm(name)
        named = sum(v[0] for names, v, _ in samples
                    if f"hot_{name}" in names)
        total = sum(v[0] for _, v, _ in samples)
        tap.ok(total > 0 and named >= 0.9 * total,
               f"{name}: hot function named in {named * 100 // max(total, 1)}"
               " % of its samples", [x[0] for x in samples][:5])
    callers = sum(v[0] for names, v, _ in profile.of_comm("pie")
                  if names[:2] == ["hot_pie", "main"])
    tap.ok(callers > 0, "the caller's frame is named too",
           [x[0] for x in profile.of_comm("pie")][:5])
    ids = {x["file"]: x["build_id"] for x in profile.mappings.values()}
    want = subprocess.run(["readelf", "-n", programs["pie"]],
                          capture_output=True, text=True).stdout
    got = ids.get(programs["pie"], "")
    tap.ok(got != "" and got in want, "the mapping has path and build id",
           ids)


def short_lived(tap, dir_):
    """A never-seen binary that lives 50 ms is named."""
    loop = ("struct timespec t; do { %s(); clock_gettime("
            "CLOCK_PROCESS_CPUTIME_ID, &t); } while (t.tv_nsec < 50000000);")
    text = ("#include <time.h>\n" + SPIN.replace("20000000", "20000") %
            {"hot": "hot_short", "loop": loop % "hot_short"})
    path = compile_c(text, f"{dir_}/short", *FLAGS)
    result = {}

    def recorder():
        result["r"] = record("--duration", "3s", "--sample-rate", "997")

    thread = threading.Thread(target=recorder)
    thread.start()
    time.sleep(2)
    start = time.monotonic()
    subprocess.run([path], check=True)
    lived = time.monotonic() - start
    thread.join()
    status, text, profile = result["r"]
    tap.ok(status == 0, "record of a short process succeeds", text)
    samples = profile.of_comm("short") if profile else []
    total = sum(v[0] for _, v, _ in samples)
    named = sum(v[0] for names, v, _ in samples if "hot_short" in names)
    tap.ok(named > 0 and named >= 0.5 * total,
           f"a never-seen binary that lived {lived * 1000:.0f} ms is named",
           [x[0] for x in samples][:5])


def tiny_caches(tap, dir_):
    """Caches of size 1 and 2 change no name and count their evictions."""
    names = ["one", "two", "three", "four"]
    paths = [build(dir_, n) for n in names]
    for size in (1, 2):
        server = PushServer()
        config = push_config(
            server.url, f"pid_cache_size = {size}\n elf_cache_size = {size}",
            rate=199, interval="2s")
        with processes(*[[p] for p in paths]), Run(config) as run:
            wait_until("pushes", lambda: len(server.pushes) >= 3, 15)
            m = run.metrics()
        server.stop()
        profiles = server.profiles()[1:]
        for n in names:
            total = sum(v[0] for p in profiles
                        for _, v, _ in p.of_comm(n))
            named = sum(v[0] for p in profiles
                        for f, v, _ in p.of_comm(n) if f"hot_{n}" in f)
            tap.ok(total > 0 and named >= 0.9 * total,
                   f"size {size}: {n} is named in later intervals",
                   f"{named} of {total}")
        evicted = {k: v for k, v in m.items() if re.match(
            "phlare_ebpf_(processes|files)_evicted_total", k)}
        tap.ok(len(evicted) == 2 and all(v > 0 for v in evicted.values()),
               f"size {size}: evictions are counted", evicted)


VDSO = """
#include <time.h>
int main(void)
{
	struct timespec t;
	for (;;)
		for (int i = 0; i < 1000000; i++)
			clock_gettime(CLOCK_MONOTONIC, &t);
}
"""
KERNEL = """
#include <fcntl.h>
#include <unistd.h>
static char buffer[1 << 20];
int main(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	for (;;)
		if (read(fd, buffer, sizeof(buffer)) < 0)
			return 1;
}
"""
CPLUSPLUS = """
#include <vector>
volatile unsigned long sink;
namespace app {
template <class T> struct Box {
	__attribute__((noinline)) void churn(std::vector<T> &v)
	{
		for (auto &x : v)
			for (int i = 0; i < 100000; i++)
				sink += x * i;
	}
};
}
int main()
{
	std::vector<int> v(10, 3);
	app::Box<int> box;
	for (;;)
		box.churn(v);
}
"""
# Code made at run time; argv[1] is the name of it in the perf map, if any.
JIT = r"""
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), path[64];
	int size = read(open(argv[1], O_RDONLY), memory + 256, 4096);

	__builtin___clear_cache(memory, memory + 8192);
	if (argc > 2) {
		snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
		FILE *map = fopen(path, "w");
		fprintf(map, "%lx %x %s\n", (long)memory + 256, size, argv[2]);
		fclose(map);
	}
	for (;;)
		((void (*)(void))(memory + 256))();
}
"""
EVIL = "</script>\x1b[31mevil"
RUST = "_RNvMs_NtCs1234_7mycrate3fooNtB4_3Foo3hot"


def build_evil(dir_):
    """A program whose hot function has a name that is markup and colour."""
    compile_c(SPIN % {"hot": "hot_evil", "loop": FOREVER % "hot_evil"},
              f"{dir_}/evil.o", *FLAGS, "-c")
    subprocess.run(["objcopy", "--redefine-sym", f"hot_evil={EVIL}",
                    f"{dir_}/evil.o"], check=True)
    subprocess.run([*os.environ.get("CC", "cc").split(), f"{dir_}/evil.o",
                    "-o", f"{dir_}/evil"], check=True)
    return [f"{dir_}/evil"]


def build_library(dir_):
    lib = compile_c(SPIN.split("int main")[0] % {"hot": "hot_inlib"},
                    f"{dir_}/libhot.so", *FLAGS, "-shared", "-fPIC")
    return [compile_c("void hot_inlib(void); int main(void) { for (;;) "
                      "hot_inlib(); }", f"{dir_}/uselib", *FLAGS, f"-Wl,{lib}")]


def code_and_names(tap, dir_):
    """Whatever code comes from, and whatever it is called."""
    subprocess.run(["g++", "-x", "c++", "-", "-o", f"{dir_}/cxx", *FLAGS],
                   input=CPLUSPLUS.encode(), check=True)
    rust = compile_c(
        f'void hot(void) __asm__("{RUST}");\n' +
        SPIN % {"hot": "hot", "loop": FOREVER % "hot"}, f"{dir_}/rust", *FLAGS)
    with open(f"{dir_}/code", "wb") as f:
        f.write(hostile_elf.code(dir_))
    jit = compile_c(JIT, f"{dir_}/jit", "-w", *FLAGS)
    shutil.copy(jit, f"{dir_}/nomap")
    commands = {
        "uselib": (build_library(dir_), "hot_inlib"),
        "vdso": ([compile_c(VDSO, f"{dir_}/vdso", *FLAGS)], "clock_gettime"),
        "kernel": ([compile_c(KERNEL, f"{dir_}/kernel", *FLAGS)],
                   "do_syscall_64" if os.uname().machine == "x86_64" else
                   "el0_svc"),
        "cxx": ([f"{dir_}/cxx"], "app::Box::churn"),
        "rust": ([rust], "<mycrate::foo::Foo>::hot"),
        "evil": (build_evil(dir_), EVIL),
        "jit": ([jit, f"{dir_}/code", "made <b>here</b>"],
                "made <b>here</b>"),
        "nomap": ([f"{dir_}/nomap", f"{dir_}/code"], "[anon]"),
    }
    out = f"{dir_}/out"
    os.mkdir(out)
    with processes(*[c for c, _ in commands.values()]) as started:
        time.sleep(0.3)
        r = subprocess.run([f"{BUILD}/phlare-ebpf", "record", "--duration",
                            "5s", "--sample-rate", "499", "--output", out],
                           capture_output=True, timeout=90, check=False)
    for p in started:
        with contextlib.suppress(OSError):
            os.unlink(f"/tmp/perf-{p.pid}.map")
    tap.ok(r.returncode == 0, "record succeeds", r.stderr.decode())
    with open(f"{out}/profile.pb.gz", "rb") as f:
        profile = Profile(f.read())
    for comm, (_, name) in commands.items():
        samples = profile.of_comm(comm)
        total = sum(v[0] for _, v, _ in samples)
        named = sum(v[0] for names, v, _ in samples if name in names)
        tap.ok(total > 0 and named >= 0.8 * total,
               f"{comm}: {name!r} is in {named * 100 // max(total, 1)} % of "
               "its samples", [x[0] for x in samples][:5])
    raw = {system: name for name, system in profile.functions.values()}
    tap.ok(raw.get(RUST) == "<mycrate::foo::Foo>::hot",
           "the raw name stays as the system name")
    addresses = {loc["address"] for loc in profile.locations.values()
                 if not loc["mapping"] or
                 loc["mapping"]["file"] == "[kernel]"}
    tap.ok(addresses <= {0}, "no layout of a process or kernel is published",
           sorted(addresses)[:5])
    top = subprocess.run([f"{BUILD}/phlare-ebpf", "top",
                          f"{out}/profile.pb.gz"], capture_output=True,
                         timeout=60, check=False).stdout
    for what, text in ("record", r.stdout + r.stderr), ("top", top):
        tap.ok(b"</script>" in text and b"\x1b[31m" not in text,
               f"{what} escapes what is no text in names", text[:2000])
    with open(f"{out}/flamegraph.html", "rb") as f:
        page = f.read()
    tap.ok(b"</script>\x1b" not in page and b"<b>here</b>" not in page and
           b"\x1b" not in page and b"evil" in page,
           "the page has names as data")


def hostile_comm(tap, dir_):
    """A comm that is not text does not get the profile refused."""
    path = compile_c("""#include <sys/prctl.h>
int main(void) { prctl(PR_SET_NAME, "\\xff\\xfe"); for (;;) ; }
""", f"{dir_}/comm", "-O1")
    with processes([path]):
        status, text, profile = record("--duration", "1s")
    tap.ok(status == 0 and profile is not None and
           any("\ufffd" in n for n in profile.names()),
           "a comm of \\xff\\xfe becomes valid UTF-8", text)


def main():
    need_root()
    tap = Tap()
    with scratch() as dir_:
        kinds(tap, dir_)
        code_and_names(tap, dir_)
        short_lived(tap, dir_)
        tiny_caches(tap, dir_)
        hostile_comm(tap, dir_)
    tap.done()


if __name__ == "__main__":
    main()
