#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Files, maps and names made to do harm: each costs its owner a name, is
counted, and nobody else is worse off."""

import contextlib
import os
import pwd
import shutil
import subprocess
import threading
import time

import hostile_elf
from phlare import (PushServer, Run, Tap, children_of, cmdline, compile_c,
                    need_root, processes, push_config, scratch, wait_until)

NOBODY = pwd.getpwnam("nobody")
FLAGS = ["-O0", "-fno-omit-frame-pointer"]
SPIN = """
volatile unsigned long sink;
__attribute__((noinline)) void hot_%s(void)
{
	for (unsigned long i = 0; i < 3000000; i++)
		sink += i * i;
}
int main(void) { for (;;) hot_%s(); }
"""
# Code made at run time, with a perf map that argv[1] says something of.
JIT = r"""#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char code[4096], path[64];
	int fd = open(argv[2], O_RDONLY);
	ssize_t size = read(fd, code, sizeof(code));
	FILE *map;

	memcpy(memory + 256, code, size);
	__builtin___clear_cache(memory, memory + 4096);
	prctl(PR_SET_NAME, argv[1]);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	if (strcmp(argv[1], "map_link") == 0) {
		symlink("/etc/shadow", path);
	} else if (strcmp(argv[1], "map_fifo") == 0) {
		mkfifo(path, 0600);
	} else {
		map = fopen(path, "w");
		if (strcmp(argv[1], "map_noise") == 0)
			for (int i = 0; i < 1 << 20; i++)
				fputc(rand(), map);
		if (strcmp(argv[1], "map_huge") == 0)
			ftruncate(fileno(map), 65LL << 20);
		fprintf(map, "\n%lx %lx made_by_%s</script>\033[31m\n",
		    (long)memory + 256, (long)size, argv[1]);
		fclose(map);
	}
	for (;;)
		((void (*)(void))(memory + 256))();
	return argc;
}
"""
# As many mappings as the kernel allows, no two of them alike.
MANY = r"""#include <sys/mman.h>
#include <unistd.h>

volatile unsigned long sink;
__attribute__((noinline)) void hot_many(void)
{
	for (unsigned long i = 0; i < 3000000; i++)
		sink += i * i;
}
int main(void)
{
	for (int i = 0; i < 60000; i++)
		mmap(NULL, 4096, PROT_READ | (i % 2 ? PROT_EXEC : 0),
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (;;)
		hot_many();
}
"""
# 245 bytes that would be 54 MB of text: each part stands for all before it.
BOMB = "_Z1fSt4pairIiiE" + "S_IS_S_E" + "".join(
    f"S_IS{c}_S{c}_E" for c in "0123456789ABCDEFGHIJKLMN")
NASTY = "weird\n\x1b[31mname (deleted)"


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY.pw_gid)
    os.setuid(NOBODY.pw_uid)


class Load:
    """Processes of a stranger, all at once; ended together."""

    def __init__(self, dir_):
        self.dir = dir_
        self.stack = contextlib.ExitStack()
        self.code = hostile_elf.code(dir_)
        with open(f"{dir_}/code", "wb") as f:
            f.write(self.code)
        self.mapper = compile_c(hostile_elf.MAPPER, f"{dir_}/mapper", *FLAGS)
        self.jit = compile_c(JIT, f"{dir_}/jit", "-w", *FLAGS)
        self.pids = []

    def start(self, *command, stranger=True):
        options = {"preexec_fn": become_nobody} if stranger else {}
        p, = self.stack.enter_context(processes(list(command), **options))
        self.pids.append(p.pid)
        return p

    def map_file(self, name, data, sparse=None):
        path = f"{self.dir}/{name}"
        with open(path, "wb") as f:
            f.write(data)
            if sparse:
                f.truncate(sparse)
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        self.start(self.mapper, path)
        return path

    def end(self):
        self.stack.close()
        for pid in self.pids:
            with contextlib.suppress(OSError):
                os.unlink(f"/tmp/perf-{pid}.map")


def names_of(profiles, comm):
    """How many samples, and in how many of them each name is."""
    total, names = 0, {}
    for p in profiles:
        for frames, values, _ in p.of_comm(comm):
            total += values[0]
            for name in set(frames):
                names[name] = names.get(name, 0) + values[0]
    return total, names


def share(profiles, comm, name):
    total, names = names_of(profiles, comm)
    return names.get(name, 0) / total if total else 0


def lines_of(path):
    with open(path, "rb") as f:
        return sum(1 for _ in f)


def readers(symbolizer):
    return children_of(symbolizer)


# Where a child that has put its descriptors in order has its result.
RESULT = 5
JOBS = ("elf", "perf-map", "demangle")


def job_of(pid):
    """What a child of the symbolizer is for, or None if it ended first."""
    for _ in range(200):
        try:
            place = os.readlink(f"/proc/{pid}/fd/{RESULT}")
        except OSError:
            place = ""
        for job in JOBS:
            if place.startswith(f"/memfd:{job} "):
                return job
        if not os.path.exists(f"/proc/{pid}/exe"):
            return None
        time.sleep(0.005)
    return f"unknown: {place}"


class Watch(threading.Thread):
    """The most memory the symbolizer and its children had at one time, and the
    most of them that there were, by what they do."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.stop = pid, 0, False
        self.at_once = {}

    def count(self, pids):
        jobs = [job_of(pid) for pid in pids]
        reading = sum(job not in (None, "demangle") for job in jobs)
        for what, count in ("read", reading), \
                ("demangle", jobs.count("demangle")):
            self.at_once[what] = max(self.at_once.get(what, 0), count)

    def run(self):
        while not self.stop:
            total, pids = 0, [self.pid] + readers(self.pid)
            for pid in pids:
                with contextlib.suppress(OSError, IndexError):
                    with open(f"/proc/{pid}/smaps_rollup", "rb") as f:
                        for line in f:
                            if line.startswith(b"Pss:"):
                                total += int(line.split()[1])
            self.most = max(self.most, total)
            self.count(pids[1:])
            time.sleep(0.05)


def metric(run, name):
    return sum(v for k, v in run.metrics().items()
               if k.startswith(f"phlare_ebpf_{name}"))


def hostile_files(tap, dir_):
    load = Load(dir_)
    text = load.code
    server = PushServer()
    refused = {
        "slow": hostile_elf.slow(text),
        "no_sections": hostile_elf.no_sections_but_a_table(text),
        "segments": hostile_elf.too_many_segments(text),
        "xz_bomb": hostile_elf.bomb_in_debug_data(text),
        "zlib_bomb": hostile_elf.bomb_in_section(text),
        "foreign": hostile_elf.foreign(text),
        "no_elf": hostile_elf.no_elf(text),
    }
    config = push_config(server.url, rate=499, interval="3s")
    good = compile_c(SPIN % ("good", "good"), f"{dir_}/good", *FLAGS)
    late = compile_c(SPIN % ("late", "late"), f"{dir_}/late", *FLAGS)
    try:
        with Run(config) as run:
            symbolizer = run.pids()["symbolizer"]
            watch = Watch(symbolizer)
            watch.start()
            load.start(good)
            for name, data in refused.items():
                load.map_file(name, data)
            load.map_file("terabyte", hostile_elf.good(text), 1 << 40)
            sparse = hostile_elf.large_tables(text)
            load.map_file("overlap", sparse, 500 << 20)
            load.map_file("fine", hostile_elf.good(text))
            wanted = len(refused) + 2
            tap.ok(wait_until("refusals", lambda: metric(
                run, "files_refused_total") >= wanted, 30),
                f"{wanted} files are refused and counted",
                run.metrics())
            # whoever comes now is served as if nothing had been
            before = len(server.pushes)
            load.start(late, stranger=False)
            wait_until("pushes", lambda: len(server.pushes) >= before + 3, 20)
            profiles = server.profiles()
            recent = profiles[-2:]
            for comm, name in ("good", "hot_good"), ("late", "hot_late"), \
                    ("fine", "hot"):
                part = share(recent, comm, name)
                tap.ok(part >= 0.9, f"{comm} is named all the same",
                       names_of(recent, comm))
            for comm in list(refused) + ["terabyte", "overlap"]:
                total, names = names_of(recent, comm)
                tap.ok(total > 0 and "hot" not in names and
                       any(n.startswith(f"{comm}+0x") for n in names),
                       f"{comm} shows where it is", names)
            tap.ok(wait_until("children", lambda: not readers(symbolizer), 10),
                   "no child is left over", readers(symbolizer))
            tap.ok(run.pids().get("symbolizer") == symbolizer,
                   "the symbolizer is the one that was started")
            watch.stop = True
            watch.join()
            tap.ok(watch.at_once["read"] == 2 and
                   watch.at_once["demangle"] <= 1,
                   "at most two children read at once, one demangles",
                   watch.at_once)
            tap.note(watch.at_once)
            tap.ok(watch.most < 900 * 1024,
                   f"at most {watch.most // 1024} MB, with its children")
            log = run.log()
            tap.ok("refused" in log or "timed out" in log,
                   "the log says that files are refused", log)
            after = metric(run, "files_refused_total")
            time.sleep(4)
            tap.ok(metric(run, "files_refused_total") == after,
                   "what was refused is not read again", run.metrics())
    finally:
        load.end()
        server.stop()


def changing_files(tap, dir_):
    """Cut short while read, replaced while mapped, written in place."""
    load = Load(dir_)
    server = PushServer()
    stop = threading.Event()

    def write_now_and_then(path):
        with open(path, "r+b") as f:
            while not stop.is_set():
                f.truncate(1 << 20)
                f.truncate(600 << 20)
                time.sleep(0.005)

    first = compile_c(SPIN % ("first", "first"), f"{dir_}/replaced", *FLAGS)
    second = compile_c(SPIN % ("second", "second"), f"{dir_}/second", *FLAGS)
    third = compile_c(SPIN % ("third", "third"), f"{dir_}/third", *FLAGS)
    try:
        with Run(push_config(server.url, rate=499, interval="3s")) as run:
            elf = hostile_elf.Elf(load.code).symbols([("hot", 0x1000, 4096)])
            elf.resize(".symtab", 120 << 20)
            path = load.map_file("cut_short", elf.bytes(), 600 << 20)
            thread = threading.Thread(target=write_now_and_then, args=[path])
            thread.start()
            # two programs, one after the other by the same name
            load.start(first)
            time.sleep(1)
            os.rename(second, first)
            load.start(first)
            wait_until("refusal", lambda: metric(
                run, "files_refused_total") >= 1, 20)
            tap.ok(metric(run, "files_refused_total") >= 1,
                   "a file that is cut short while it is read is refused",
                   run.log())
            stop.set()
            thread.join()
            wait_until("pushes", lambda: len(server.pushes) >= 4, 20)
            _, names = names_of(server.profiles()[-2:], "replaced")
            tap.ok("hot_first" in names and "hot_second" in names,
                   "a replaced program and its successor have their own names",
                   names)
            load.end()
            # and now the same inode with other contents
            inode = os.stat(first).st_ino
            time.sleep(11)
            shutil.copyfile(third, first)
            before = len(server.pushes)
            load.start(first)
            tap.ok(os.stat(first).st_ino == inode, "it is written in place")
            wait_until("pushes", lambda: len(server.pushes) >= before + 4, 20)
            recent = server.profiles()[-2:]
            tap.ok(share(recent, "replaced", "hot_third") >= 0.9,
                   "a program that was written in place has its new names",
                   names_of(recent, "replaced"))
    finally:
        stop.set()
        load.end()
        server.stop()


def hostile_text(tap, dir_):
    """Maps, names and perf maps."""
    load = Load(dir_)
    server = PushServer()
    many = compile_c(MANY, f"{dir_}/many", *FLAGS)
    bomb = compile_c(
        "void bomb(void) __asm__(\"%s\");\n"
        "volatile unsigned long sink;\n"
        "__attribute__((noinline)) void bomb(void)\n"
        "{ for (int i = 0; i < 3000000; i++) sink += i; }\n"
        "int main(void) { for (;;) bomb(); }" % BOMB, f"{dir_}/bomb", *FLAGS)
    nasty = f"{dir_}/{NASTY}"
    shutil.copyfile(compile_c(SPIN % ("nasty", "nasty"), f"{dir_}/n", *FLAGS),
                    nasty)
    os.chmod(nasty, 0o755)
    good = compile_c(SPIN % ("good", "good"), f"{dir_}/good2", *FLAGS)
    try:
        with Run(push_config(server.url, rate=499, interval="3s",
                             extra_ebpf='demangle = "full"')) as run:
            symbolizer = run.pids()["symbolizer"]
            for kind in ("map_good", "map_noise", "map_huge", "map_link",
                         "map_fifo"):
                load.start(load.jit, kind, f"{dir_}/code")
            maps = f"/proc/{load.start(many).pid}/maps"
            wait_until("mappings", lambda: lines_of(maps) >= 60000, 60, 0.5)
            load.start(bomb)
            load.start(nasty)
            load.start(good)
            before = len(server.pushes)
            wait_until("pushes", lambda: len(server.pushes) >= before + 4, 30)
            profiles = server.profiles()[-2:]
            made = "made_by_%s</script>\x1b[31m"
            for kind in "map_good", "map_noise":
                tap.ok(share(profiles, kind, made % kind) >= 0.9,
                       f"{kind}: its code is named",
                       names_of(profiles, kind))
            for kind in "map_huge", "map_link", "map_fifo":
                tap.ok(share(profiles, kind, "[anon]") >= 0.9,
                       f"{kind}: its code is anonymous",
                       names_of(profiles, kind))
            tap.ok(share(profiles, "many", "hot_many") >= 0.9,
                   "a program with 60 000 mappings is named",
                   names_of(profiles, "many"))
            total, names = names_of(profiles, "bomb")
            tap.ok(total > 0 and all(len(n) <= 4096 for n in names),
                   "a name that would be 54 MB is none",
                   [n[:100] for n in names])
            comm = NASTY[:15]
            tap.ok(share(profiles, comm, "hot_nasty") >= 0.9,
                   "a program with a nasty name is named",
                   names_of(profiles, comm))
            files = {m["file"] for p in profiles
                     for m in p.mappings.values()}
            tap.ok(any("weird" in f for f in files),
                   "its path is in the profile", files)
            tap.ok("\x1b" not in run.log() and "\nname" not in run.log(),
                   "no name forges a line of the log")
            tap.ok(share(profiles, "good2", "hot_good") >= 0.9,
                   "everything else goes on", names_of(profiles, "good2"))
            tap.ok(metric(run, "files_refused_total") >= 1,
                   "the huge map is refused and counted", run.metrics())
            tap.ok(not readers(symbolizer) or
                   wait_until("children", lambda: not readers(symbolizer), 5),
                   "no child is left over")
            tap.ok(run.pids().get("symbolizer") == symbolizer,
                   "the symbolizer is the one that was started",
                   [cmdline(p) for p in children_of(run.process.pid)])
    finally:
        load.end()
        server.stop()


def main():
    need_root()
    tap = Tap()
    with scratch() as dir_:
        os.chmod(dir_, 0o777)
        hostile_files(tap, dir_)
    with scratch() as dir_:
        os.chmod(dir_, 0o777)
        changing_files(tap, dir_)
    with scratch() as dir_:
        os.chmod(dir_, 0o777)
        hostile_text(tap, dir_)
    tap.done()


if __name__ == "__main__":
    main()
