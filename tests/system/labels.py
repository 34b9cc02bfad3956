#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Labels of what is pushed, by the arguments of phlare.ebpf; several of them
side by side; and changes of the arguments while they run."""

import signal
import time

from phlare import (BUILD, PushServer, Run, Tap, compile_c, decode_push,
                    need_root, processes, scratch, wait_until)

SPIN = f"{BUILD}/tests/targets/spin"
RATE = 49


# calls two functions in random order: a stack of its own nearly every time
STACKS = """
volatile unsigned long sink, seed = 88172645463325252ul;
void a(int); void b(int);
static void next(int depth)
{
	if (depth == 0) {
		for (int i = 0; i < 20000; i++)
			sink += i;
		return;
	}
	seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
	if (seed & 1)
		a(depth - 1);
	else
		b(depth - 1);
}
void a(int depth) { next(depth); sink++; }
void b(int depth) { next(depth); sink++; }
int main(void) { for (;;) next(24); }
"""


class Config:
    """A configuration that grows: endpoints and profilers."""

    def __init__(self):
        self.text = ""

    def write(self, label, url, more=""):
        self.text += (f'phlare.write "{label}" {{\n  endpoint {{\n'
                      f'    url = "{url}"\n  }}\n  {more}\n}}\n')

    def profile(self, label, more="", name="phlare.ebpf", to="w", rate=RATE,
                interval="1s"):
        self.text += (f'{name} "{label}" {{\n'
                      f"  forward_to = [phlare.write.{to}.receiver]\n"
                      f"  sample_rate = {rate}\n"
                      f'  collect_interval = "{interval}"\n  {more}\n}}\n')


def base(job, service, **more):
    return {"__name__": "process_cpu", "job": job, "service_name": service,
            **more}


# component: (what is written, name, labels of what is pushed)
COMPONENTS = {
    "plain": ("", "phlare.ebpf",
              base("phlare.ebpf.plain", "phlare.ebpf.plain")),
    "given": ('job_name = "jj"\n  service_name = "svc"\n  default_target = '
              '{"zone" = "z", "job" = "own", "__meta_x" = "m", '
              '"__address__" = "h", "__meta_docker_container_name" = "/c"}',
              "phlare.ebpf", base("jj", "svc", zone="z")),
    "own": ('default_target = {"job" = "own", "service_name" = "mine", '
            '"__name__" = "custom", "empty" = ""}', "phlare.ebpf",
            {**base("own", "mine"), "__name__": "custom"}),
    "later": ('targets = [{"__process_pid__" = "%(pid)d", '
              '"__meta_kubernetes_namespace" = "ns", '
              '"__meta_kubernetes_pod_name" = "pod", "a" = "b"}]',
              "pyroscope.ebpf", base("pyroscope.ebpf.later", "ns/pod",
                                     a="b")),
    "both": ('comm = "both"\n  pid_label = true\n  '
             'default_target = {"service_name" = "both"}', "phlare.ebpf",
             base("phlare.ebpf.both", "both")),
    "none": ('comm = "none"\n  default_target = {"service_name" = "none"}',
             "phlare.ebpf", base("phlare.ebpf.none", "none")),
    "label": ('comm = "label"\n  collect_kernel_profile = false\n  '
              'default_target = {"service_name" = "label"}', "phlare.ebpf",
              base("phlare.ebpf.label", "label")),
    "only": ('targets_only = true\n  targets = [{"__container_id__" = "c"}]',
             "phlare.ebpf", None),
}


def spins(profiles):
    """Samples of spin, whatever its comm is written as."""
    return [x for p in profiles for x in p.samples if "spin_hot" in x[0]]


def side_by_side(tap):
    """Eight of them, as many as there may be, each with its own labels."""
    server = PushServer()
    config = Config()
    config.write("w", server.url)
    with processes([SPIN], [SPIN]) as (spin, other):
        for label, (more, name, _) in COMPONENTS.items():
            config.profile(label, more.replace("%(pid)d", str(spin.pid)), name)
        with Run(config.text) as run:
            wanted = [want for _, _, want in COMPONENTS.values() if want]
            good = wait_until("all push", lambda: all(
                sum(labels == want for labels, _ in server.series()) >= 3
                for want in wanted), 30, 0.5)
            tap.ok(good, "eight components push, each under its labels",
                   {str(x) for x, _ in server.series()})
            tap.ok(wait_until("filtered", lambda: run.metrics()[
                'phlare_ebpf_samples_total{component_id="phlare.ebpf.only",'
                'stage="shipped",outcome="filtered"}'] > RATE, 10),
                "targets_only without a match filters everything")
            m = run.metrics()
        pids = {spin.pid, other.pid}
    server.stop()
    series = server.series()
    found = {tuple(sorted(x.items())) for x, _ in series}
    tap.ok(found == {tuple(sorted(x.items())) for x in wanted},
           "and under no others", found)
    by = {label: [p for x, p in series if x == want]
          for label, (_, _, want) in COMPONENTS.items() if want}
    comms_and_pids(tap, by, spin.pid, pids)
    of_svc = {k.split("{")[0]: v for k, v in m.items() if k.endswith(
        '{component_id="phlare.ebpf.given",service_name="svc"}')}
    tap.ok(of_svc.get("phlare_ebpf_pprofs_total", 0) >= 3 and
           of_svc["phlare_ebpf_pprof_samples_total"] > RATE and
           of_svc["phlare_symtab_known_symbols_total"] >
           of_svc["phlare_symtab_unknown_symbols_total"],
           "profiles and symbols are counted by service", of_svc)
    tap.ok(all(m[f'phlare_ebpf_healthy{{component_id="{name}.{label}"}}'] == 1
               for label, (_, name, _) in COMPONENTS.items()),
           "all of them are healthy", m)


def comms_and_pids(tap, by, pid, pids):
    tap.ok(all(x[0][-1] == "spin" for x in spins(by["plain"])) and
           not any(x[2] for p in by["plain"] for x in p.samples),
           "by default comm is the root frame, and samples have no labels")
    tap.ok(all(x[0][-1] == "spin" and x[2] == {"comm": "spin", "pid": p}
               for x in spins(by["both"]) for p in [x[2].get("pid")] if
               p in pids), "comm = \"both\": frame and label",
           [x[2] for x in spins(by["both"])][:3])
    tap.ok({x[2].get("pid") for x in spins(by["both"])} == pids,
           "pid_label: samples carry their pid",
           [x[2] for x in spins(by["both"])][:3])
    tap.ok(spins(by["none"]) and all(
        x[0][-1] != "spin" and not x[2] for x in spins(by["none"])),
        "comm = \"none\": neither", [x[0] for x in spins(by["none"])][:3])
    tap.ok(spins(by["label"]) and all(
        x[0][-1] != "spin" and x[2] == {"comm": "spin"}
        for x in spins(by["label"])), "comm = \"label\": the label only",
        spins(by["label"])[:3])
    tap.ok(not any(m and m["file"] == "[kernel]" for p in by["label"]
                   for m in p.mappings.values()),
           "collect_kernel_profile = false: no kernel frames")
    comms = {x[0][-1] for p in by["later"] for x in p.samples}
    seconds = sum(p.total() for p in by["later"]) / 1e9
    tap.ok(comms == {"spin"} and seconds < 1.3 * len(by["later"]),
           f"a pid target has {seconds:.1f} s of one process in "
           f"{len(by['later'])} profiles, pid {pid}", comms)


def external_labels(tap):
    server = PushServer()
    config = Config()
    config.write("w", server.url, 'external_labels = {"cluster" = "c", '
                 '"zone" = "from outside", "gone" = ""}')
    config.write("bare", server.url)
    config.profile("e", 'default_target = {"zone" = "z", "gone" = "g"}')
    config.profile("f", 'default_target = {"zone" = "z"}', to="bare")
    with processes([SPIN]), Run(config.text) as run:
        wait_until("pushes", lambda: len({x["job"] for x, _ in
                                          server.series()}) == 2, 15)
        log = run.log()
    server.stop()
    series = {x["job"]: (x, order) for x, order in (
        (dict(s), [n for n, _ in s]) for s in raw_series(server))}
    labels, order = series["phlare.ebpf.e"]
    tap.ok(labels == base("phlare.ebpf.e", "phlare.ebpf.e", cluster="c",
                          zone="from outside"),
           "external labels override and remove", (labels, log))
    tap.ok(order == sorted(order), "labels are sorted", order)
    tap.ok(series["phlare.ebpf.f"][0] == base(
        "phlare.ebpf.f", "phlare.ebpf.f", zone="z"),
        "and do not touch what others get", series["phlare.ebpf.f"])


def raw_series(server):
    return [labels for _, _, body, _ in server.pushes
            for labels, _ in decode_push(body)]


def reload(run, text):
    with open(run.config, "w", encoding="utf-8") as f:
        f.write(text)
    count = run.log().count("config: reloaded")
    run.process.send_signal(signal.SIGHUP)
    return wait_until("reloaded", lambda: run.log().count(
        "config: reloaded") == count + 1, 5)


def reloaded(tap):
    """Each argument takes effect without anything being started again."""
    server = PushServer()

    def config(more, **options):
        c = Config()
        c.write("w", server.url)
        c.profile("e", more, **options)
        return c.text

    def change(what, text, seen):
        """The change shows in all that is measured from then on."""
        tap.ok(reload(run, text), f"{what}: reloaded", run.log())
        now = time.time_ns()

        def rest():
            return [(x, p) for x, p in server.series() if p.time > now]
        wait_until(what, lambda: len(rest()) >= 3, 20)
        # an interval that begins while the change is on its way has both
        tap.ok(len(rest()) >= 3 and all(seen(x, p) for x, p in rest()[1:]),
               f"{what} takes effect", rest())

    with processes([SPIN]) as (spin,), Run(config("")) as run:
        wait_until("pushes", lambda: len(server.series()) > 1, 15)
        before = run.pids()
        change("default_target", config('default_target = {"zone" = "z"}'),
               lambda x, p: x.get("zone") == "z")
        change("job_name and service_name", config(
            'job_name = "j"\n  service_name = "s"'),
            lambda x, p: (x["job"], x["service_name"]) == ("j", "s"))
        change("sample_rate", config("", rate=199),
               lambda x, p: p.period == 10**9 // 199)
        change("comm and pid_label", config(
            'comm = "label"\n  pid_label = true', rate=199),
            lambda x, p: all("comm" in s[2] for s in p.samples))
        change("collect_kernel_profile", config(
            "collect_kernel_profile = false", rate=199),
            lambda x, p: "[kernel]" not in
            {m["file"] for m in p.mappings.values()})
        change("collect_user_profile", config(
            "collect_user_profile = false", rate=199),
            lambda x, p: not spins([p]))
        change("targets", config(
            f'targets = [{{"__process_pid__" = "{spin.pid}", "service_name" '
            '= "mine"}]\n  targets_only = true'),
            lambda x, p: x["service_name"] == "mine" and
            {s[0][-1] for s in p.samples} == {"spin"})
        change("collect_interval", config("", interval="3s"),
               lambda x, p: 2.5e9 <= p.duration <= 4e9)
        change("cache sizes", config(
            "pid_cache_size = 1\n  elf_cache_size = 1\n  "
            "container_id_cache_size = 1"), lambda x, p: spins([p]))
        tap.ok(wait_until("evictions", lambda: run.metrics()[
            'phlare_ebpf_processes_evicted_total{component_id='
            '"phlare.ebpf.e"}'] > 0, 10), "and evict what is too much")
        tap.ok(run.pids() == before, "nothing was started again",
               (before, run.pids()))
        c = Config()
        c.write("w", server.url)
        c.profile("e")
        c.profile("second")
        tap.ok(reload(run, c.text) and wait_until("both", lambda: {
            "phlare.ebpf.e", "phlare.ebpf.second"} <= {
                x["job"] for x, _ in server.series()[-2:]}, 15),
            "a second component starts", run.log())
        c = Config()
        c.write("w", server.url)
        c.profile("second")
        tap.ok(reload(run, c.text), "the first one is removed")
        # what it had measured by then is still delivered
        gone = time.time_ns() + 10**9

        def measured():
            return [x["job"] for x, p in server.series() if p.time > gone]
        wait_until("more", lambda: len(measured()) >= 3, 20)
        tap.ok(len(measured()) >= 3 and set(measured()) ==
               {"phlare.ebpf.second"}, "and measures nothing any more",
               measured())
        c = Config()
        c.write("w", server.url)
        for i in range(9):
            c.profile(f"e{i}")
        tap.ok(not reload(run, c.text) and "more than 8 components that "
               "profile" in run.log(), "a ninth is refused", run.log()[-800:])
        tap.ok({x["job"] for x, _ in server.series()[-1:]} ==
               {"phlare.ebpf.second"}, "and what ran goes on")
    server.stop()


def split(tap, dir_):
    """More samples than a server takes at once become several profiles."""
    path = compile_c(STACKS, f"{dir_}/stacks", "-O0",
                     "-fno-omit-frame-pointer")
    server = PushServer()
    config = Config()
    config.write("w", server.url)
    config.profile("e", rate=9999, interval="3s")
    with processes([path], [path]), Run(config.text):
        wait_until("pushes", lambda: len(server.series()) >= 5, 30)
    server.stop()
    profiles = server.profiles()
    tap.ok(all(len(p.samples) <= 16000 for p in profiles) and
           any(len(p.samples) == 16000 for p in profiles),
           "a profile has at most 16000 samples",
           [len(p.samples) for p in profiles])
    times = [p.time // 10**6 for p in profiles]
    tap.ok(len(set(times)) == len(times) and times == sorted(times),
           "the parts can be told apart by their time", times)


def main():
    need_root()
    tap = Tap()
    with scratch() as dir_:
        split(tap, dir_)
    side_by_side(tap)
    external_labels(tap)
    reloaded(tap)
    tap.done()


if __name__ == "__main__":
    main()
