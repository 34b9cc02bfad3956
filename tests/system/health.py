#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Health: samples arrive, have names, and are accepted; each red state names
its cause and what to do."""

import os
import signal
import urllib.error
import urllib.request

from accounts import AccountedRun, Load
from phlare import PushServer, Tap, need_root, push_config, wait_until


def health(run):
    """(status, text)"""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{run.port}/-/healthy",
                         timeout=5) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def turns(run, status, word, seconds=20):
    return wait_until("health", lambda: health(run)[0] == status and
                      word in health(run)[1], seconds, every=0.02)


def server_down(tap):
    broken = []
    server = PushServer(lambda n: (503, {}, b"away") if broken else
                        (200, {}, b""))
    config = push_config(server.url, interval="300ms",
                         extra_endpoint='min_backoff_period = "50ms"\n'
                         'max_backoff_period = "100ms"\n'
                         "max_backoff_retries = 0")
    with Load(), AccountedRun(config) as run:
        tap.ok(turns(run, 200, "healthy"), "all is well", health(run))
        broken.append(True)
        tap.ok(turns(run, 503, server.url) and
               "does the server run?" in health(run)[1],
               "a server that fails: cause and remedy", health(run))
        broken.clear()
        tap.ok(turns(run, 200, "healthy"), "and well again", health(run))
    server.stop()


def parts_gone(tap):
    """Each is hung or killed for as long as it takes to be seen."""
    server = PushServer()
    with Load(), AccountedRun(push_config(server.url,
                                          interval="300ms")) as run:
        turns(run, 200, "healthy")
        # its children die with it, and it is not started again at once
        for _ in range(3):
            os.kill(run.pids()["listener"], signal.SIGKILL)
            seen = turns(run, 503, "is phlare-collector running?", 5)
            wait_until("back", run.sampling, 8)
        tap.ok(seen, "a killed collector: cause and remedy", health(run))
        tap.ok(turns(run, 200, "healthy"), "and well again", health(run))
        pid = run.pids()["symbolizer"]
        os.kill(pid, signal.SIGSTOP)
        tap.ok(turns(run, 503, "nothing heard from the symbolizer", 20) and
               "started again" in health(run)[1],
               "a symbolizer that hangs: cause and remedy", health(run))
        os.kill(pid, signal.SIGCONT)
        tap.ok(turns(run, 200, "healthy"), "and well again", health(run))
    server.stop()


def main():
    need_root()
    tap = Tap()
    server_down(tap)
    parts_gone(tap)
    tap.done()


if __name__ == "__main__":
    main()
