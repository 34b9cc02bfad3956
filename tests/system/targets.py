#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command targets as a user meets it, who need not be root: what it says
is what the symbolizer is told, and what that then does."""

import json
import os
import signal
import subprocess
import time

from phlare import BUILD, SOURCE, Tap, User, scratch
from shipper_peer import sanitized

ID = "495b22a24cf6a71b3d048d900074d0f44968217d919ef370aff46bdede79415f"
WRITE = 'phlare.write "w" {\n endpoint {\n  url = "http://127.0.0.1:9"\n }\n}\n'

RELABELLED = WRITE + f"""
discovery.relabel "r" {{
  targets = [
    {{"__meta_docker_container_id" = "{ID}", "zone" = "b",
      "__meta_docker_container_name" = "/web"}},
    {{"__meta_kubernetes_pod_container_id" = "containerd://{ID}",
      "__meta_kubernetes_namespace" = "ns",
      "__meta_kubernetes_pod_name" = "pod-1"}},
    {{"__process_pid__" = "PID", "service_name" = "mine"}},
    {{"__address__" = "1.2.3.4", "drop" = "me"}},
    {{"__address__" = "1.2.3.5", "empty" = ""}},
  ]
  rule {{
    source_labels = ["drop"]
    regex         = "me"
    action        = "drop"
  }}
  rule {{
    target_label = "env"
    replacement  = "prod"
  }}
}}
phlare.ebpf "first" {{
  forward_to   = [phlare.write.w.receiver]
  targets      = discovery.relabel.r.output
  service_name = "fallback"
}}
phlare.ebpf "second" {{
  forward_to   = [phlare.write.w.receiver]
  targets      = [{{"a" = "1"}}]
  targets_only = true
}}
"""

WANTED = [
    {"component": "phlare.ebpf.first",
     "labels": {"__meta_docker_container_id": ID,
                "__meta_docker_container_name": "/web", "env": "prod",
                "zone": "b"},
     "container_id": ID, "service_name": "/web"},
    {"component": "phlare.ebpf.first",
     "labels": {"__meta_kubernetes_namespace": "ns",
                "__meta_kubernetes_pod_container_id": f"containerd://{ID}",
                "__meta_kubernetes_pod_name": "pod-1", "env": "prod"},
     "container_id": ID, "service_name": "ns/pod-1"},
    {"component": "phlare.ebpf.first",
     "labels": {"__process_pid__": "PID", "env": "prod",
                "service_name": "mine"},
     "service_name": "mine"},
    {"component": "phlare.ebpf.first",
     "labels": {"__address__": "1.2.3.5", "env": "prod"},
     "service_name": "fallback"},
    {"component": "phlare.ebpf.second", "labels": {"a": "1"},
     "service_name": "phlare.ebpf.second"},
]


def shown(tap, user, pid):
    text = RELABELLED.replace("PID", str(pid))
    wanted = json.loads(json.dumps(WANTED).replace("PID", str(pid)))
    user.write("a.river", text.encode())
    status, out, err = user.run("targets", "a.river", "--json")
    tap.ok(status == 0 and err == "" and json.loads(out) == wanted,
           "targets --json is what relabelling makes of them", f"{out} {err}")
    tap.ok(list(json.loads(out)[0]) == [
        "component", "labels", "container_id", "service_name"],
        "in the documented order")
    status, out, err = user.run("targets", "a.river")
    lines = out.decode().splitlines()
    tap.ok(status == 0 and err == "" and
           lines[0] == "phlare.ebpf.first: 4 targets" and
           lines[1].split() == ["TARGET", "SERVICE_NAME", "PROCESSES",
                                "LABELS"] and
           lines[2].split() == ["1", "/web", ID[:12], 'env="prod"',
                                'zone="b"'] and
           lines[4].split() == ["3", "mine", "pid", str(pid), 'env="prod"']
           and lines[6].split() == ["default", "fallback", "all", "others"]
           and "phlare.ebpf.second: 1 target, no default target" in lines,
           "targets prints a table", out.decode())
    user.write("none.river", WRITE.encode())
    tap.ok(user.run("targets", "--json", "none.river") == (0, b"[]\n", "") and
           user.run("targets", "none.river")[0] == 0,
           "a file without phlare.ebpf has none")


def matched(tap, user, pid, other):
    user.write("a.river", RELABELLED.replace("PID", str(pid)).encode())
    status, out, err = user.run("targets", "--pid", str(pid), "--json",
                                "a.river")
    answer = json.loads(out) if status == 0 else []
    tap.ok([(a["component"], a["match"]) for a in answer] == [
        ("phlare.ebpf.first", "pid"), ("phlare.ebpf.second", "none")] and
        answer[0]["target"] == 3 and answer[0]["service_name"] == "mine" and
        answer[0]["labels"]["env"] == "prod" and
        "targets_only" in answer[1]["why"] and "labels" not in answer[1],
        "targets --pid names the target of a process", f"{out} {err}")
    status, out, err = user.run("targets", "a.river", "--pid", str(other))
    tap.ok(status == 0 and err == "" and
           "phlare.ebpf.first: the default target (service_name fallback): "
           "no target names the pid" in out.decode() and
           "phlare.ebpf.second: no target: " in out.decode(),
           "or why it has none", out)
    gone = subprocess.Popen(["true"])
    gone.wait()
    for n, code in (("x", 2), ("0", 2), (str(gone.pid), 1)):
        status, out, err = user.run("targets", "a.river", "--pid", n)
        tap.ok(status == code and out == b"" and err.count("\n") == 1,
               f"--pid {n if code == 2 else 'of an ended process'} is "
               "an error", f"{status}: {err}")


def containers(tap, user):
    """A process of a container, as far as cgroups may be made here."""
    paths = [p for p in ("/sys/fs/cgroup", "/sys/fs/cgroup/systemd",
                         "/sys/fs/cgroup/pids", "/sys/fs/cgroup/unified")
             if os.path.exists(f"{p}/cgroup.procs")]
    made = []
    p = subprocess.Popen(["sleep", "60"])
    try:
        for top in paths:
            path = f"{top}/docker-{ID}.scope"
            try:
                os.mkdir(path)
                made.append(path)
                with open(f"{path}/cgroup.procs", "w", encoding="ascii") as f:
                    f.write(str(p.pid))
            except OSError:
                continue
        with open(f"/proc/{p.pid}/cgroup", encoding="ascii") as f:
            inside = ID in f.read()
        if not tap.ok(inside, "the process is in a container's cgroup", paths):
            return
        user.write("a.river", RELABELLED.replace("PID", "1").encode())
        _, out, err = user.run("targets", "--json", "-p", str(p.pid),
                               "a.river")
        answer = json.loads(out or "[]")
        # the later of the two that have the id
        tap.ok(answer and answer[0]["match"] == "container_id" and
               answer[0]["target"] == 2 and
               answer[0]["service_name"] == "ns/pod-1" and
               answer[1]["match"] == "none",
               "a process is found by its container", f"{out} {err}")
    finally:
        p.kill()
        p.wait()
        time.sleep(0.1)
        for path in made:
            os.rmdir(path)


def errors(tap, user):
    user.write("bad.river", b'phlare.ebpf "e" {\n forward_to = 1\n}\n')
    for option in ([], ["--json"], ["--pid", "1"]):
        status, out, err = user.run("targets", "bad.river", *option)
        tap.ok(status == 1 and out == b"" and err.startswith(
            "Error: bad.river:2:15: 1 should be array, got number\n"),
            f"a mistake is shown and nothing else {option}", f"{out} {err}")
    for arguments, code in (([], 2), (["a", "b"], 2), (["--nope", "a"], 2),
                            (["none.river2"], 1)):
        status, out, err = user.run("targets", *arguments)
        tap.ok(status == code and out == b"" and err.count("\n") == 1,
               f"targets {arguments} is refused in one line",
               f"{status}: {err}")
    user.write("secret.river", WRITE.replace(
        "  url", '  bearer_token_file = "/nowhere"\n  url').encode() +
        b'phlare.ebpf "e" {\n forward_to = []\n}\n')
    tap.ok(user.run("targets", "--json", "secret.river") == (0, b"[]\n", ""),
           "files that the configuration names need not be there")


def examples(tap, user):
    with open(f"{SOURCE}/tests/data/seed-static.river", "rb") as f:
        user.write("static.river", f.read())
    status, out, err = user.run("targets", "--json", "static.river")
    tap.ok(status == 0 and json.loads(out) == [
        {"component": "phlare.ebpf.default",
         "labels": {"__container_id__": ID}, "container_id": ID,
         "service_name": "phlare.ebpf.default"}],
        "the static example of the documentation", f"{out} {err}")


def as_root(tap, user):
    user.write("a.river", RELABELLED.replace("PID", "1").encode())
    r = subprocess.run([f"{BUILD}/phlare-ebpf", "targets", "--json",
                        f"{user.dir}/a.river"], capture_output=True,
                       check=False, timeout=30)
    tap.ok(r.returncode == 0 and len(json.loads(r.stdout)) == 5,
           "root gets the same", r.stderr)
    r = subprocess.run([f"{BUILD}/phlare-shipper", "--targets",
                        "--sandbox=trap", "--user", "61234",
                        f"{user.dir}/a.river"], capture_output=True,
                       check=False, timeout=30)
    tap.ok(r.returncode == 0 and b"refused" not in r.stderr,
           "in the sandbox", r.stderr)


def speed(tap, user):
    targets = "".join(
        f'{{"__container_id__" = "{i:064x}", "service_name" = "svc-{i}"}},\n'
        for i in range(10000))
    user.write("big.river", (
        WRITE + 'phlare.ebpf "e" {\n forward_to = []\n targets = [\n' +
        targets + "]\n}\n").encode())
    start = time.monotonic()
    status, out, err = user.run("targets", "--json", "big.river")
    took = time.monotonic() - start
    tap.ok(status == 0 and len(json.loads(out)) == 10000,
           "10 000 targets", err[:500])
    tap.ok(took < (20 if sanitized() else 2), "are printed at once",
           f"{took:.3f} s")
    tap.note(f"10 000 targets: {took:.3f} s")


def main():
    signal.alarm(180)
    tap = Tap()
    with scratch() as dir_:
        user = User(dir_)
        other = subprocess.Popen(["sleep", "100"])
        shown(tap, user, os.getpid())
        matched(tap, user, os.getpid(), other.pid)
        errors(tap, user)
        examples(tap, user)
        speed(tap, user)
        other.kill()
        other.wait()
        if os.geteuid() == 0:
            containers(tap, user)
            as_root(tap, user)
    tap.done()


if __name__ == "__main__":
    main()
