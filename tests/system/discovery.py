#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples of users start as they stand, without Docker and Kubernetes;
relabelling works behind the sandbox, on reload and on hostile labels too."""

import ctypes
import os
import signal
import subprocess
import urllib.error
import urllib.request

from phlare import (BUILD, SOURCE, PushServer, Run, Tap, need_root, processes,
                    scratch, wait_until)

SPIN = f"{BUILD}/tests/targets/spin"
CLONE_NEWNET, CLONE_NEWNS = 0x40000000, 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
# the server of one example has an address, that of the others a name
ADDRESS, NAME, PORT = "64.176.81.68", "phlare", 4100
SEEDS = {
    "kubernetes": {
        "discovery.kubernetes.pods":
            "this version does not ask Kubernetes yet",
        "discovery.relabel.local_pods": None,
    },
    "docker": {
        "discovery.docker.linux": "this version does not ask Docker yet",
    },
    "static": {},
}
LIBC = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def own_network(hosts):
    """Nothing leaves from here: the servers of the examples are on loopback.
    hosts: a path for a file of host names that only we and ours see."""
    call(LIBC.unshare(CLONE_NEWNET | CLONE_NEWNS))
    call(LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    with open(hosts, "w", encoding="ascii") as f:
        f.write(f"127.0.0.1 localhost\n{ADDRESS} {NAME}\n")
    call(LIBC.mount(hosts.encode(), b"/etc/hosts", None, MS_BIND, None))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", f"{ADDRESS}/32", "dev", "lo"],
                   check=True)


def health(run):
    """(status, text)"""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"http://127.0.0.1:{run.port}/-/healthy"
    try:
        with opener.open(url, timeout=5) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def targets_of(metrics, component):
    return metrics.get(
        f'phlare_discovery_targets{{component_id="{component}"}}')


def lists_are_explained(tap, name, run, lists):
    status, text = health(run)
    metrics, log = run.metrics(), run.log()
    tap.ok(status == 200, f"{name}: is healthy", text)
    for component, why in lists.items():
        tap.ok(targets_of(metrics, component) == 0,
               f"{name}: {component} has no targets", metrics)
        if why is None:
            continue
        tap.ok(log.count(f"{component}: {why}") == 1,
               f"{name}: the log says once why", log)
        tap.ok(f"note: {component}: {why}" in text,
               f"{name}: so does the health page", text)


def example_runs(tap, name, lists, server):
    with open(f"{SOURCE}/tests/data/seed-{name}.river",
              encoding="utf-8") as f:
        config = f.read()
    os.environ["HOSTNAME"] = "a-pod.with+signs"
    before = len(server.series())
    with Run(config, "--sandbox=trap") as run:
        tap.ok(run.sampling(), f"{name}: starts", run.log())
        lists_are_explained(tap, name, run, lists)
        pids = run.pids()
        run.process.send_signal(signal.SIGHUP)
        again = wait_until("reload", lambda: "reloaded" in run.log())
        log = run.log()
        tap.ok(again and all(log.count(f"{c}: {why}") == 1
                             for c, why in lists.items() if why),
               f"{name}: loads again and does not repeat itself", log)
        tap.ok(run.pids() == pids and "refused" not in log,
               f"{name}: all its processes live on", log)
        tap.ok(run.stop() == 0, f"{name}: ends", run.log())
    names = {labels["service_name"]
             for labels, _ in server.series()[before:]}
    # with targets_only nothing is left without targets
    expected = {"phlare_default_service_name"} if name == "kubernetes" \
        else set()
    tap.ok(names == expected, f"{name}: what is in no list goes where it says",
           names)


def relabel_config(url, spin, split, rules):
    return f"""phlare.write "w" {{
  endpoint {{
    url = "{url}"
  }}
}}
discovery.relabel "first" {{
  targets = [
    {{ "__process_pid__" = "{spin}", "__meta_team" = "Core-7", tmp = "x" }},
    {{ "__process_pid__" = "{split}", "__meta_team" = "Other-8" }},
    {{ "__process_pid__" = "1", "__meta_team" = "gone" }},
    {{ "__process_pid__" = "2", "__meta_team" = "{"a" * 500}bxc" }},
  ]
  rule {{
    source_labels = ["__meta_team"]
    regex         = "gone"
    action        = "drop"
  }}
  rule {{
    source_labels = ["__meta_team"]
    regex         = "(?:a+)+b"
    action        = "drop"
  }}
}}
discovery.relabel "second" {{
  targets = discovery.relabel.first.output
{rules}
}}
phlare.ebpf "e" {{
  forward_to       = [phlare.write.w.receiver]
  targets          = discovery.relabel.second.output
  targets_only     = true
  sample_rate      = 199
  collect_interval = "500ms"
}}
"""


RULES = """
  rule {
    source_labels = ["__meta_team"]
    regex         = "(?P<team>\\\\w+)-(\\\\d)"
    target_label  = "team"
    replacement   = "${team}_$2"
  }
  rule {
    source_labels = ["team"]
    target_label  = "lower"
    action        = "lowercase"
  }
  rule {
    source_labels = ["__meta_team"]
    target_label  = "shard"
    modulus       = 1000
    action        = "hashmod"
  }
  rule {
    regex  = "tmp"
    action = "labeldrop"
  }
"""
# the last eight bytes of MD5, big endian, modulo 1000
SHARDS = {"Core_7": "307", "Other_8": "516"}


def labels_seen(server):
    return [labels for labels, _ in server.series()]


def relabelling_works(tap):
    with processes([SPIN], [f"{BUILD}/tests/targets/split"]) as (spin, split):
        server = PushServer()
        config = relabel_config(server.url, spin.pid, split.pid, RULES)
        with Run(config, "--sandbox=trap") as run:
            wait_until("both teams", lambda: {"Core_7", "Other_8"} <= {
                x.get("team") for x in labels_seen(server)})
            seen = {x.get("team"): x for x in labels_seen(server)}
            tap.ok(set(seen) == {"Core_7", "Other_8"},
                   "profiles go out under the labels that rules made", seen)
            tap.ok(all(x.get("lower") == t.lower() and
                       x.get("shard") == SHARDS[t] and "tmp" not in x
                       for t, x in seen.items()),
                   "all rules were applied", seen)
            hostile_is_counted(tap, run)
            reload_relabels(tap, run, server, config)
        server.stop()


def hostile_is_counted(tap, run):
    metrics = run.metrics()
    first = "discovery.relabel.first"
    tap.ok(targets_of(metrics, first) == 2,
           "a target that a rule drops is gone", metrics)
    tap.ok(metrics.get(
        f'phlare_relabel_limit_total{{component_id="{first}"}}') == 1,
        "one on which a rule takes too long is dropped and counted", metrics)
    tap.ok(f"{first}: dropped 1 of 4 targets" in run.log(),
           "the log says so", run.log())


def reload_relabels(tap, run, server, config):
    pids = run.pids()
    with open(run.config, "w", encoding="utf-8") as f:
        f.write(config.replace("${team}_$2", "again_$2"))
    run.process.send_signal(signal.SIGHUP)
    tap.ok(wait_until("new labels", lambda: {"again_7", "again_8"} <= {
        x.get("team") for x in labels_seen(server)}),
        "a reload compiles and applies new rules behind the sandbox",
        run.log())
    with open(run.config, "w", encoding="utf-8") as f:
        f.write(config.replace("(?P<team>", "(?="))
    run.process.send_signal(signal.SIGHUP)
    tap.ok(wait_until("refusal", lambda:
                      "invalid or unsupported Perl syntax: `(?=`" in
                      run.log()), "a bad regex is refused by name", run.log())
    tap.ok(wait_until("red", lambda: health(run)[0] == 503) and
           "configuration has mistakes" in health(run)[1],
           "and the health page tells of it", health(run))
    tap.ok(run.pids() == pids and "refused system" not in run.log(),
           "nothing was started again", run.log())


def main():
    need_root()
    tap = Tap()
    with scratch() as dir_:
        own_network(f"{dir_}/hosts")
        server = PushServer(address=(ADDRESS, PORT))
        for name, lists in SEEDS.items():
            example_runs(tap, name, lists, server)
        server.stop()
        relabelling_works(tap)
    tap.done()


main()
