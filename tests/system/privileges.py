#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every running process has the privilege of DESIGN.md 2, and no more."""

import os

from phlare import (PushServer, Run, Tap, caps, need_root, push_config,
                    status_of)

SAMPLER = caps("BPF", "PERFMON")
OPENER = caps("SYS_PTRACE", "DAC_READ_SEARCH", "CHECKPOINT_RESTORE")
SETPCAP = 1 << 8  # with which the listener's children shrink their sets
ROWS = {
    "listener": SAMPLER | OPENER,
    "sampler": SAMPLER,
    "opener": OPENER,
    "symbolizer": 0,
    "shipper": 0,
}


def paranoid():
    with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as f:
        return int(f.read())


def wanted(role):
    """Of a row, what root has here; the listener keeps some for children."""
    have = int(status_of(os.getpid())["CapPrm"], 16)
    want = ROWS[role]
    if role == "listener":
        want |= SETPCAP
        if paranoid() >= 3:
            want |= caps("SYS_ADMIN")
    return want & have


def check(tap, role, pid):
    status = status_of(pid)
    want = wanted(role)
    ids = set(status["Uid"].split()) | set(status["Gid"].split())
    tap.ok("0" not in ids and len(set(status["Uid"].split())) == 1,
           f"{role}: one uid, not root", status["Uid"])
    tap.ok(status["Groups"].strip() == "", f"{role}: no other groups",
           status["Groups"])
    for field in ("CapPrm", "CapEff", "CapBnd"):
        tap.ok(int(status[field], 16) == want, f"{role}: {field}",
               f"{status[field]}, not {want:016x}")
    for field in ("CapInh", "CapAmb"):
        tap.ok(int(status[field], 16) == 0, f"{role}: {field} is empty",
               status[field])
    tap.ok(status["NoNewPrivs"] == "1", f"{role}: no new privileges")
    tap.ok(status["Seccomp"] == "2", f"{role}: a filter of system calls",
           status["Seccomp"])
    # what is not dumpable belongs to root in /proc
    tap.ok(os.stat(f"/proc/{pid}/environ").st_uid == 0,
           f"{role}: not dumpable")


def main():
    need_root()
    tap = Tap()
    server = PushServer()
    with Run(push_config(server.url, interval="1s")) as run:
        # beside them only supervisor and janitor, which are root's own
        pids = {r: p for r, p in run.pids().items() if r != "ebpf"}
        tap.ok(set(pids) == set(ROWS), "all parts run", (pids, run.log()))
        for role, pid in sorted(pids.items()):
            check(tap, role, pid)
        uids = {role: status_of(pid)["Uid"] for role, pid in pids.items()}
        tap.ok(len({uids["listener"], uids["symbolizer"],
                    uids["shipper"]}) == 3, "three programs, three ids", uids)
    server.stop()
    tap.done()


if __name__ == "__main__":
    main()
