#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Processes and their targets: in a real Docker container, in a cgroup that a
process joins late, by pid, and a pid that is used again."""

import contextlib
import ctypes
import io
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time

from phlare import (BUILD, PushServer, Run, Tap, compile_c, need_root,
                    processes, push_config, scratch, wait_until)

SPIN = f"{BUILD}/tests/targets/spin"
RATE = 199
# Exists in the container only. "brief": a process of 0.2 s.
ONLY_INSIDE = """
#include <string.h>
#include <time.h>
volatile unsigned long sink;
#define HOT(name) __attribute__((noinline)) void name(void) \\
	{ for (unsigned long i = 0; i < 100000; i++) sink += i * i; }
HOT(hot_inside)
HOT(hot_brief)
int main(int argc, char **argv)
{
	struct timespec t;

	(void)argv;
	for (;;) {
		if (argc == 1) {
			hot_inside();
			continue;
		}
		hot_brief();
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
		if (t.tv_sec > 0 || t.tv_nsec > 200000000)
			return 0;
	}
}
"""


def cgroup_roots():
    """Hierarchies to make a cgroup in: {"v1": directory, "v2": directory}"""
    roots = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            before, _, after = line.partition(" - ")
            kind, where = after.split()[0], before.split()[4]
            if kind == "cgroup2":
                roots["v2"] = where
            elif kind == "cgroup" and "name=systemd" in after:
                roots["v1"] = where
            elif kind == "cgroup" and re.search(r"\bpids\b", after):
                roots.setdefault("v1", where)
    return roots


@contextlib.contextmanager
def cgroup(root, path):
    """A cgroup below root; what is in it at the end goes to root."""
    full = os.path.join(root, path)
    made = []
    try:
        while not os.path.isdir(full):
            made.append(full)
            full = os.path.dirname(full)
        for directory in reversed(made):
            os.mkdir(directory)
        yield os.path.join(root, path)
    finally:
        for directory in made:
            leave(root, directory)


def join(directory, pid):
    with open(f"{directory}/cgroup.procs", "w", encoding="ascii") as f:
        f.write(str(pid))


def leave(root, directory):
    with contextlib.suppress(OSError):
        with open(f"{directory}/cgroup.procs", encoding="ascii") as f:
            pids = f.read().split()
        for pid in pids:
            with contextlib.suppress(OSError):
                join(root, pid)
    wait_until("the cgroup is empty", lambda: os.rmdir(directory) is None, 5)


# ---- Docker

def die_with_parent():
    """Also when the test is killed, nothing is left running."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Dockerd:
    """A Docker daemon of our own, gone without a trace at the end."""

    def __init__(self, directory):
        self.dir = directory
        self.host = f"unix://{directory}/sock"
        self.process = None
        self.cgroups = set(self.cgroup_dirs())

    @staticmethod
    def cgroup_dirs():
        base = "/sys/fs/cgroup"
        tops = [base] + [f"{base}/{x}" for x in os.listdir(base)]
        return [f"{x}/docker" for x in tops if os.path.isdir(f"{x}/docker")]

    def start(self, driver=None):
        with open(f"{self.dir}/log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--iptables=false", "--ip6tables=false",
                 "--bridge=none", "--data-root", f"{self.dir}/data",
                 "--exec-root", f"{self.dir}/exec", "--pidfile",
                 f"{self.dir}/pid", "-H", self.host] +
                (["--storage-driver", driver] if driver else []),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True, preexec_fn=die_with_parent)
        return wait_until("dockerd answers", lambda: self.process.poll() is
                          not None or self.docker("version", check=False), 60)

    def __enter__(self):
        self.start()
        if self.process.poll() is not None:
            self.start("vfs")
        return self

    def docker(self, *arguments, check=True, **options):
        r = subprocess.run(["docker", "-H", self.host, *arguments],
                           capture_output=True, timeout=60, check=False,
                           **options)
        if check and r.returncode != 0:
            raise RuntimeError(f"docker {arguments}: {r.stderr.decode()}")
        return r.stdout.decode().strip() if r.returncode == 0 else None

    def import_binary(self, path, image):
        """An image that holds this one file, as /NAME."""
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            tar.add(path, os.path.basename(path))
        self.docker("import", "-", image, input=data.getvalue())

    def log(self):
        with open(f"{self.dir}/log", encoding="utf-8") as f:
            return f.read()[-4000:]

    def __exit__(self, *_exc):
        with contextlib.suppress(Exception):
            for container in (self.docker("ps", "-aq") or "").split():
                self.docker("rm", "-f", container, check=False)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        with open("/proc/self/mounts", encoding="utf-8") as f:
            mounts = [x.split()[1] for x in f]
        for mount in reversed(mounts):
            if mount.startswith(f"{self.dir}/"):
                subprocess.run(["umount", "-l", mount], check=False)
        for directory in set(self.cgroup_dirs()) - self.cgroups:
            with contextlib.suppress(OSError):
                os.rmdir(directory)


# Parent of children that live 5 ms each: "fork", or "exec" of this file.
BROOD = """
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
volatile unsigned long sink;
__attribute__((noinline)) void hot_child(void)
	{ for (unsigned long i = 0; i < 10000; i++) sink += i * i; }
static void brief(void)
{
	struct timespec t;

	do {
		hot_child();
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	} while (t.tv_nsec < 5000000);
	_exit(0);
}
int main(int argc, char **argv)
{
	if (argc == 1)
		brief();
	for (;;) {
		if (fork() == 0) {
			if (strcmp(argv[1], "fork") == 0)
				brief();
			execl(argv[0], argv[0], NULL);
			_exit(1);
		}
		wait(NULL);
	}
}
"""


# ---- what was pushed

def of_service(server, service, since=0):
    return [p for labels, p in server.series()[since:]
            if labels.get("service_name") == service]


def comms(profiles):
    return {names[-1] for p in profiles for names, _, _ in p.samples}


def named(profiles, function):
    return sum(values[0] for p in profiles
               for names, values, _ in p.samples if function in names)


def total(profiles):
    return sum(p.total() for p in profiles)


def target(**labels):
    return "{" + ", ".join(f'"{k}" = "{v}"' for k, v in labels.items()) + "}"


def config_of(server, *targets, only=True, more=""):
    return push_config(
        server.url, f"targets = [{', '.join(targets)}]\n"
        f"  targets_only = {'true' if only else 'false'}\n  {more}",
        rate=RATE, interval="1s")


# ---- the tests

def in_docker(tap, dir_, dockerd):
    os.mkdir(f"{dir_}/bin")
    path = compile_c(ONLY_INSIDE, f"{dir_}/bin/only_inside", "-static", "-O0",
                     "-fno-omit-frame-pointer")
    dockerd.import_binary(path, "inside")
    shutil.rmtree(f"{dir_}/bin")
    run = ("--network", "none", "inside", "/only_inside")
    early = dockerd.docker("run", "-d", *run)
    late = dockerd.docker("create", *run)
    other = dockerd.docker("run", "-d", *run)
    tap.ok(all(re.fullmatch("[0-9a-f]{64}", x) for x in (early, late, other)),
           "dockerd runs containers", (early, late, other))
    server = PushServer()
    config = config_of(
        server,
        target(__container_id__=early, service_name="early", zone="z"),
        target(__meta_docker_container_id=late,
               __meta_docker_container_name="/late"),
        target(__meta_kubernetes_pod_container_id="docker://" + "0" * 64,
               service_name="absent"))
    with processes([SPIN]), Run(config) as run_:
        dockerd.docker("start", late)
        good = wait_until("both are pushed", lambda: all(
            len(of_service(server, x)) >= 3 for x in ("early", "/late")), 20)
        tap.ok(good, "containers are found by their ids", run_.log())
        dockerd.docker("exec", late, "/only_inside", "brief")
        tap.ok(wait_until("brief", lambda: named(
            of_service(server, "/late"), "hot_brief") > 0, 10),
            "a process of 0.2 s in a container is found in it, and named")
        dockerd.docker("restart", "-t", "0", late)
        count = len(server.series())
        tap.ok(wait_until("again", lambda: total(
            of_service(server, "/late", count)) > 0.5e9, 10),
            "a container that was started again is found again")
        m = run_.metrics()
        filtered = run_.samples("filtered")
        log = run_.log()
    series = server.series()
    server.stop()
    labels = [x for x, _ in series if x.get("service_name") == "early"][0]
    tap.ok(labels == {"__name__": "process_cpu", "job": "phlare.ebpf.e",
                      "service_name": "early", "zone": "z"},
           "under the target's labels", labels)
    tap.ok({x["service_name"] for x, _ in series} == {"early", "/late"},
           "targets_only: nothing else is pushed",
           {x["service_name"] for x, _ in series})
    for service in ("early", "/late"):
        ours = [(names, values[0]) for p in of_service(server, service)
                for names, values, _ in p.of_comm("only_inside")]
        hot = sum(v for names, v in ours
                  if {"hot_inside", "hot_brief"} & set(names))
        share = hot / max(sum(v for _, v in ours), 1)
        tap.ok(share > 0.9, f"{service}: {100 * share:.0f} % in functions "
               "that exist in the container only", ours[:5])
        # runc's init is in the container's cgroup until it executes
        found = {x for x in comms(of_service(server, service))
                 if not x.startswith("runc")}
        tap.ok(found == {"only_inside"}, f"{service}: nothing else is in it",
               found)
    tap.ok(filtered > RATE, "what is in no target counts as filtered",
           filtered)
    tap.ok(m['phlare_ebpf_active_targets{component_id="phlare.ebpf.e"}'] == 3,
           "active targets are those with an id", m)
    tap.ok("no container IDs" not in log, "and no warning is given", log)


def late_joiner(tap, version, root):
    """In no container at first, and without an exec later."""
    cid = os.urandom(32).hex()
    server = PushServer()
    config = config_of(
        server, target(__container_id__=cid, service_name="joined"),
        only=False, more='default_target = {"service_name" = "rest"}')
    with contextlib.ExitStack() as stack:
        box = stack.enter_context(
            cgroup(root, f"box.slice/docker-{cid}.scope/child"))
        spin, = stack.enter_context(processes([SPIN]))
        run = stack.enter_context(Run(config))
        wait_until("outside", lambda: "spin" in comms(
            of_service(server, "rest")), 10)
        tap.ok(not of_service(server, "joined"),
               f"cgroup {version}: outside, it goes to the default target",
               run.log())
        join(box, spin.pid)
        start = time.monotonic()
        tap.ok(wait_until("joined", lambda: comms(
            of_service(server, "joined")) == {"spin"}, 20),
            f"cgroup {version}: a process that joins late is found "
            f"{time.monotonic() - start:.1f} s later", run.log())
        count = len(server.series())
        wait_until("two more", lambda: len(
            of_service(server, "joined", count)) >= 3, 10)
        late = of_service(server, "rest", count)[1:]
        tap.ok("spin" not in comms(late), f"cgroup {version}: and no longer "
               "goes to the default target", comms(late))
    server.stop()


@contextlib.contextmanager
def process_with_pid(pid, command, seconds=10):
    """Starts a command that gets this pid; None if it cannot be had."""
    process, end = None, time.monotonic() + seconds
    while process is None and time.monotonic() < end:
        with open("/proc/sys/kernel/ns_last_pid", "w",
                  encoding="ascii") as f:
            f.write(str(pid - 1))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        if process.pid != pid:
            process.kill()
            process.wait()
            process = None
    try:
        yield process
    finally:
        if process is not None:
            process.kill()
            process.wait()


def by_pid(tap):
    """A pid target is the process of that time, not a later one of the pid."""
    server = PushServer()
    with processes([SPIN], [SPIN]) as (one, _other):
        pid = one.pid
        config = config_of(
            server, target(__process_pid__=pid, service_name="mine",
                           __container_id__="c"))
        with Run(config) as run:
            found = wait_until("pushed", lambda: of_service(server, "mine"),
                               10)
            profiles = of_service(server, "mine")
            tap.ok(found and total(profiles) <= 1.3e9 * len(profiles) and
                   comms(profiles) == {"spin"},
                   "a pid target is that process and not its like",
                   (total(profiles), len(profiles), comms(profiles)))
            one.kill()
            one.wait()
            with process_with_pid(pid, [SPIN]) as again:
                tap.ok(again is not None, f"another process has pid {pid}")
                time.sleep(2.5)
                count, before = len(server.series()), run.samples("filtered")
                time.sleep(3)
                tap.ok(not of_service(server, "mine", count),
                       "a process that has its pid later is not mistaken",
                       server.series()[count:])
                after = run.samples("filtered")
                tap.ok(after - before > 2 * RATE, "and counts as filtered",
                       after - before)
    server.stop()


def brood(tap, dir_, root):
    """Children that are gone before anyone can look are in it as well."""
    path = compile_c(BROOD, f"{dir_}/brood", "-O0", "-fno-omit-frame-pointer")
    for how in ("fork", "exec"):
        cid = os.urandom(32).hex()
        server = PushServer()
        config = config_of(
            server, target(__container_id__=cid, service_name="inside"),
            only=False, more='default_target = {"service_name" = "rest"}')
        with contextlib.ExitStack() as stack:
            box = stack.enter_context(cgroup(root, f"docker-{cid}.scope"))
            parent, = stack.enter_context(processes(
                [path, how], preexec_fn=lambda: join(box, os.getpid())))
            run = stack.enter_context(Run(config))
            wait_until("pushes", lambda: len(of_service(server, "rest")) >= 4,
                       15)
            inside = named(of_service(server, "inside"), "hot_child")
            rest = named(of_service(server, "rest"), "hot_child")
            log = run.log()
        server.stop()
        share = inside / max(inside + rest, 1)
        tap.ok(inside > 0.3e9 and share > 0.95,
               f"{how}: {100 * share:.1f} % of children of 5 ms are in their "
               "parent's container", (inside, rest, log))


def same_pid_other_container(tap, root):
    """The cgroup of a dead process says nothing of the next with its pid."""
    cid = os.urandom(32).hex()
    server = PushServer()
    config = config_of(
        server, target(__container_id__=cid, service_name="inside"),
        only=False, more='default_target = {"service_name" = "rest"}')
    with contextlib.ExitStack() as stack:
        box = stack.enter_context(cgroup(root, f"docker-{cid}.scope"))
        spin, = stack.enter_context(processes([SPIN]))
        join(box, spin.pid)
        run = stack.enter_context(Run(config))
        tap.ok(wait_until("inside", lambda: of_service(server, "inside"), 10),
               "a process in the cgroup is found", run.log())
        spin.kill()
        spin.wait()
        again = stack.enter_context(process_with_pid(spin.pid, [SPIN]))
        tap.ok(again is not None, f"another process has pid {spin.pid}")
        tap.ok(wait_until("rest", lambda: "spin" in comms(
            of_service(server, "rest")), 10),
            "it is not taken for the one in the cgroup", run.log())
        count = len(server.series())
        time.sleep(2.5)
        tap.ok(not of_service(server, "inside", count),
               "the container has nothing any more", run.log())
    server.stop()


def without_ids(tap):
    server = PushServer()
    config = config_of(server, target(service_name="x", a="b"),
                       target(__meta_kubernetes_pod_container_id="y"))
    with Run(config) as run:
        tap.ok(wait_until("said", lambda: run.log().count(
            "phlare.ebpf.e: no container IDs found in targets") == 1, 5),
            "targets without an id are warned of, once", run.log())
    server.stop()


def main():
    need_root()
    tap = Tap()
    by_pid(tap)
    without_ids(tap)
    roots = cgroup_roots()
    tap.ok(roots, "there are cgroups", roots)
    for version, root in sorted(roots.items()):
        late_joiner(tap, version, root)
    same_pid_other_container(tap, sorted(roots.items())[0][1])
    with scratch() as dir_:
        brood(tap, dir_, sorted(roots.items())[0][1])
    with scratch() as dir_, Dockerd(dir_) as dockerd:
        if not tap.ok(dockerd.process.poll() is None, "dockerd starts",
                      dockerd.log()):
            tap.done()
        in_docker(tap, dir_, dockerd)
    tap.ok(not os.path.exists(dir_), "dockerd leaves nothing")
    tap.done()


if __name__ == "__main__":
    main()
