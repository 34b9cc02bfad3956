#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every kind of binary is named, whatever became of its file."""

import os
import pwd
import re
import subprocess
import threading
import time

from phlare import (Profile, PushServer, Run, Tap, compile_c, need_root,
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
        short_lived(tap, dir_)
        tiny_caches(tap, dir_)
        hostile_comm(tap, dir_)
    tap.done()


if __name__ == "__main__":
    main()
