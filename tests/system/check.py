#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command check: what it says of a configuration is what a shipper says
that is started with it, as root and as somebody else."""

import fcntl
import hashlib
import os
import pty
import signal
import socket
import subprocess
import time

from phlare import BUILD, NOBODY, SOURCE, Run, Tap, User, scratch
from shipper_peer import Shipper, sanitized

ROOT = os.geteuid() == 0
PLAIN = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if ROOT else {}


def config(url="http://127.0.0.1:9", body=""):
    return f"""phlare.write "w" {{
  endpoint {{
    url = "{url}"
    {body}
  }}
}}
phlare.ebpf "e" {{
  forward_to = [phlare.write.w.receiver]
}}
"""


GOOD = config()

# The three examples of the documentation, byte for byte.
EXAMPLES = {
    "seed-kubernetes.river":
        "1c82f94b33e79cdc0cf2c7a06749b3b84058b4675d3c60820d5954ca418fa450",
    "seed-docker.river":
        "c5d209493862ba07d48b819e6b92cea64254dfffff9644d585f17ad678b5026c",
    "seed-static.river":
        "399235f62555475d2fadd3333a2dc54f4905b1becf724993a1d6b63a1a383c5f",
}


def ebpf(body):
    return GOOD.replace("receiver]\n", "receiver]\n  " + body + "\n")


def http(body):
    return config(body=body)


def tls(body):
    return http(f"tls_config {{ {body} }}")


# (what is wrong, text, the first mistake: LINE:COLUMN: MESSAGE)
MISTAKES = [
    ("no syntax", "a b", "1:3: expected block label, got IDENT"),
    ("an escape", 'phlare.write "\\d" { }', "1:16: unknown escape sequence"),
    ("a list", "x = [1\n]\n", "1:7: missing ',' in expression list"),
    ("an attribute at the top", "a = 1", "1:1: unrecognized attribute a"),
    ("a component", 'phlare.nope "a" { }',
     '1:1: Unrecognized component name "phlare.nope"'),
    ("no label", "phlare.ebpf { }",
     '1:1: Component "phlare.ebpf" must have a label'),
    ("a component twice", GOOD + GOOD,
     "10:1: Component phlare.write.w already declared at FILE:1:1"),
    ("a reference", GOOD.replace("phlare.write.w.r", "phlare.write.x.r"),
     '8:17: component "phlare.write.x.receiver" does not exist'),
    ("a reference to no export", GOOD.replace(".receiver", ".nope"),
     '8:32: field "nope" does not exist'),
    ("a reference to itself",
     'phlare.ebpf "a" {\n forward_to = [phlare.ebpf.a]\n}',
     "self reference: phlare.ebpf.a"),
    ("a cycle", 'phlare.ebpf "a" {\n forward_to = [phlare.ebpf.b]\n}\n'
     'phlare.ebpf "b" {\n forward_to = [phlare.ebpf.a]\n}',
     "cycle: phlare.ebpf.a, phlare.ebpf.b"),
    ("an argument", ebpf("nope = 1"),
     '9:3: unrecognized attribute name "nope"'),
    ("an argument twice", ebpf("demangle = \"none\"\n  demangle = \"none\""),
     '10:3: attribute "demangle" may only be provided once'),
    ("a block", http("nope { }"), '4:5: unrecognized block name "nope"'),
    ("an argument that is missing",
     'phlare.write "w" {\n endpoint { }\n}',
     '1:1: Failed to build component: decoding River: missing required '
     'attribute "url"'),
    ("a type", ebpf("targets_only = 1"),
     "9:18: 1 should be bool, got number"),
    ("an element's type", ebpf('targets = [{"a" = true}]'),
     "9:21: true should be string, got bool"),
    ("a receiver", ebpf("x").replace("[phlare.write.w.receiver]\n  x",
                                     '["x"]'),
     '8:17: "x" should be capsule, got string'),
    ("a range", ebpf("sample_rate = 0"),
     "9:17: sample_rate must be between 1 and 10000"),
    ("a duration", ebpf('collect_interval = "1d"'),
     '9:22: "1d" time: unknown unit "d" in duration "1d"'),
    ("a word", ebpf('demangle = "most"'),
     '9:14: "most" is no demangle mode: none, simplified, templates or full'),
    ("a URL", config("gopher://x"), None),
    ("a file URL", config("file://relative"), None),
    ("settings that exclude each other",
     http('bearer_token = "a"\n bearer_token_file = "/x"'),
     "1:1: Failed to build component: decoding River: at most one of "
     "bearer_token & bearer_token_file must be configured"),
    ("a TLS version", tls('min_version = "TLS9"'), None),
    ("an unknown function", ebpf('service_name = nope("x")'),
     '9:18: component "nope" does not exist'),
    ("more components than samplers",
     GOOD + "".join(f'phlare.ebpf "e{i}" {{\n forward_to = []\n}}\n'
                    for i in range(8)),
     "31:1: more than 8 components that profile"),
    ("a token file", http('bearer_token_file = "/nowhere/t"'),
     "4:25: unable to read bearer token file /nowhere/t: No such file or "
     "directory"),
    ("a password file",
     http('basic_auth {\n password_file = "/"\n}'),
     "5:18: unable to read basic auth password file /: Is a directory"),
    ("a CA file", tls('\n ca_file = "/dev/null"\n'),
     "4:5: unable to use specified CA cert /dev/null"),
    ("a key without its certificate", tls('\n key_file = "/dev/null"\n'),
     None),
    ("a key file",
     tls('\n cert_file = "/dev/null"\n key_file = "/nowhere/k"\n'),
     "6:13: unable to read specified client key /nowhere/k: No such file or "
     "directory"),
    ("a kubeconfig",
     'discovery.kubernetes "k" {\n role = "pod"\n'
     ' kubeconfig_file = "/nowhere/k"\n}\n',
     "3:20: unable to read kubeconfig file /nowhere/k: No such file or "
     "directory"),
    ("a token file of discovery",
     'discovery.docker "d" {\n host = "https://d:2376"\n'
     ' bearer_token_file = "/nowhere/t"\n}\n',
     "3:22: unable to read bearer token file /nowhere/t: No such file or "
     "directory"),
    ("a regular expression",
     'discovery.relabel "r" {\n targets = []\n rule {\n'
     '  action = "drop"\n  regex = "("\n }\n}\n',
     '5:11: "(" error parsing regexp: missing closing ): `^(?:()$`'),
    ("a rule without a target_label",
     'discovery.relabel "r" {\n targets = []\n rule { }\n}\n',
     "1:1: Failed to build component: decoding River: relabel configuration "
     "for replace action requires 'target_label' value"),
    ("a secret file of oauth2",
     http('oauth2 {\n client_id = "x"\n token_url = "http://x/"\n'
          ' client_secret_file = "/nowhere/s"\n}'),
     "7:23: unable to read oauth2 client secret file /nowhere/s: No such "
     "file or directory"),
]


def daemon(path, **options):
    """(exit status, standard error) of a shipper that is started with it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(f"\0check-{os.getpid()}")
        s.listen(1)
        fd = fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 10)
        user = [] if options else ["--user", f"{NOBODY}:{NOBODY}"]
        try:
            r = subprocess.run(
                ["bash", "-c", f'exec "$@" 3<&{fd} {fd}<&-', "bash",
                 f"{options.pop('program', BUILD + '/phlare-shipper')}",
                 *user, "--listen", "none", path], pass_fds=[fd],
                env={**os.environ, "LISTEN_FDS": "1",
                     "LISTEN_FDNAMES": "shipper"},
                stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
                check=False, **options)
        except subprocess.TimeoutExpired:
            return None, "it runs"
        finally:
            os.close(fd)
    return r.returncode, r.stderr.decode()


def mistakes(tap, user):
    for what, text, first in MISTAKES:
        path = user.write("config.river", text.encode())
        status, out, err = user.run("check", path)
        same = daemon(path, program=f"{os.path.dirname(user.dir)}/"
                      "phlare-shipper", cwd="/", **PLAIN)
        wanted = "Error: " if first is None else "Error: " + (
            f"{path}:{first}" if first[0].isdigit() else f"-: {first}"
        ).replace("FILE", path) + "\n"
        tap.ok(status == 1 and out == b"" and err.startswith(wanted),
               f"check finds {what}", f"{status}: {out} {err}")
        tap.ok(same == (status, err), "and so does a shipper", same)


def several(tap, user):
    path = user.write("a.river", (
        'phlare.write "w" {\n endpoint {\n  url = 1.5.x\n }\n}\n'
        'phlare.ebpf "a" {\n forward_to = [phlare.write.w.receiver]\n'
        ' sample_rate = "x"\n}\nphlare.ebpf "b" {\n forward_to = 1\n}\n'
    ).encode())
    status, out, err = user.run("check", path)
    tap.ok(status == 1 and out == b"" and err.count("Error: ") == 3 and
           ":3:" in err and ":8:16: " in err and ":11:15: " in err,
           "all mistakes are shown at once", err)
    tap.ok('8 |  sample_rate = "x"\n  |                ^^^\n9 | }\n' in err,
           "with the lines around them", err)
    user.write("good.river", GOOD.encode())
    status, out, err = user.run("check", "good.river", "a.river", "none.river",
                                "good.river")
    tap.ok(status == 1 and out == b"good.river: OK\n" * 2 and
           err.count("Error: ") == 3 and
           err.endswith("none.river: No such file or directory\n") is False
           and "none.river: No such file or directory\n" in err,
           "several files are checked", f"{out} {err}")
    tap.ok(user.run("check", "good.river") == (0, b"good.river: OK\n", ""),
           "a good one is a line on standard output")
    for arguments, code in (([], 2), (["--nope", "x"], 2), (["."], 1)):
        status, out, err = user.run("check", *arguments)
        tap.ok(status == code and out == b"" and err,
               f"check {arguments} is an error", f"{status}: {err}")


def examples(tap, user):
    for name, checksum in EXAMPLES.items():
        with open(f"{SOURCE}/tests/data/{name}", "rb") as f:
            text = f.read()
        tap.ok(hashlib.sha256(text).hexdigest() == checksum,
               f"{name} is the example of the documentation")
        user.write(name, text)
        for hostname in ("node-1.(x)", None):
            environment = {**os.environ, "HOSTNAME": hostname or ""}
            if hostname is None:
                del environment["HOSTNAME"]
            r = subprocess.run([user.phlare, "check", name], cwd=user.dir,
                               env=environment, capture_output=True,
                               timeout=30, check=False, **user.options())
            tap.ok((r.returncode, r.stdout) == (0, f"{name}: OK\n".encode()),
                   f"check accepts it, HOSTNAME is {hostname}", r.stderr)


def secrets(tap, user, dir_):
    """Files are read by who asks, as a shipper that he starts reads them."""
    token = f"{dir_}/token"
    with open(token, "w", encoding="ascii") as f:
        f.write("secret\n")
    os.chmod(token, 0o600)
    path = user.write("secret.river",
                      http(f'bearer_token_file = "{token}"').encode())
    status, _, err = user.run("check", path)
    same = daemon(path, program=f"{dir_}/phlare-shipper", cwd="/", **PLAIN)
    tap.ok(status == 1 and err.startswith(
        f"Error: {path}:4:25: unable to read bearer token file {token}: "
        "Permission denied\n") and same == (1, err),
        "who may not read a token is told so", f"{err} {same}")
    r = subprocess.run([f"{BUILD}/phlare-ebpf", "check", path],
                       capture_output=True, check=False, timeout=30)
    tap.ok(r.returncode == 0 and r.stdout == f"{path}: OK\n".encode(),
           "root may", r.stderr)
    with Shipper(http(f'bearer_token_file = "{token}"')) as s:
        tap.ok(s.alive(), "and the shipper that root starts does")


def directories(tap, user, dir_):
    closed = f"{dir_}/closed"
    os.mkdir(closed, 0o700)
    for path, good in ((f"{user.dir}/new", True), (user.dir, True),
                       (f"{closed}/new", False), (closed, False),
                       (f"{dir_}/none/new", False),
                       (f"{user.dir}/file", False)):
        user.write("file", b"")
        text = config(f"file://{path}")
        name = user.write("dir.river", text.encode())
        status, _, err = user.run("check", name)
        if good:
            tap.ok(status == 0, f"file://{path} is accepted", err)
            continue
        same = daemon(name, program=f"{dir_}/phlare-shipper", cwd="/", **PLAIN)
        tap.ok(status == 1 and "phlare.write.w: cannot write to" in err and
               err.count("\n") == 1 and same == (1, err),
               f"file://{path} is not", f"{err} {same}")
        as_root = subprocess.run(
            [f"{BUILD}/phlare-ebpf", "check", name], capture_output=True,
            check=False, timeout=30)
        same = daemon(name)
        tap.ok(as_root.returncode == 1 and
               same == (1, as_root.stderr.decode()),
               "not even for root, whose shipper is somebody else",
               f"{as_root} {same}")
    tap.ok(not os.path.exists(f"{user.dir}/new"), "check makes nothing")


def running(tap):
    """`run` says the same, among what its other programs say."""
    for text in (ebpf("sample_rate = 0\n  demangle = 1"),
                 http('bearer_token_file = "/nowhere/t"')):
        with Run(text, listen=False, expect_sampling=False) as run:
            status = run.process.wait(timeout=30)
            r = subprocess.run([f"{BUILD}/phlare-ebpf", "check", run.config],
                               capture_output=True, check=False, timeout=30)
            wanted = [x for x in r.stderr.decode().splitlines() if x]
            said = [x for x in run.log().splitlines() if x in wanted]
            tap.ok(r.returncode == 1 and status == 1 and said == wanted,
                   "run refuses it with the same text", run.log())


def examples_run(tap):
    """With neither Docker nor Kubernetes nor a server in reach."""
    for name in EXAMPLES:
        with open(f"{SOURCE}/tests/data/{name}", encoding="utf-8") as f:
            run = Run(f.read(), listen=False)
        run.command = ["unshare", "--net", *run.command]
        with run:
            tap.ok(run.sampling() and run.process.poll() is None,
                   f"run starts with {name}", run.log())
            if "discovery." in open(run.config, encoding="utf-8").read():
                tap.ok("the list of targets is empty" in run.log(),
                       "and says why there are no targets", run.log())
            # nothing can be delivered: the second one does not wait
            run.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            tap.ok(run.stop() is not None, "and ends when it is told to")


def colours(tap, user):
    user.write("bad.river", b"a = \n")
    main, other = pty.openpty()
    try:
        p = subprocess.Popen([user.phlare, "check", f"{user.dir}/bad.river"],
                             stdout=subprocess.DEVNULL, stderr=other)
        p.wait(timeout=20)
        text = os.read(main, 65536)
    finally:
        os.close(main)
        os.close(other)
    tap.ok(b"\033[" in text, "a terminal gets colour", text)


def sandbox(tap, user):
    """A refused call would end it."""
    path = user.write("all.river", (
        tls('\n ca_file = "/etc/ssl/certs/ca-certificates.crt"\n') +
        f'phlare.write "f" {{\n endpoint {{\n  url = "file://{user.dir}"\n'
        ' }\n}\nphlare.write "n" {\n external_labels = {\n'
        '  "host" = constants.hostname, "x" = env("HOME"),\n }\n}\n').encode())
    for options in (PLAIN, {}):
        r = subprocess.run(
            [f"{os.path.dirname(user.dir)}/phlare-shipper", "--check",
             "--sandbox=trap", *([] if options or not ROOT else
                                 ["--user", "61234"]), path],
            capture_output=True, check=False, timeout=30, **options)
        tap.ok(b"sandbox: refused" not in r.stderr,
               f"nothing that it does is refused {options}", r.stderr)


def speed(tap, user):
    targets = "".join(
        f'{{"__container_id__" = "{i:064x}", "service_name" = "svc-{i}", '
        f'"zone" = "z{i % 7}"}},\n' for i in range(10000))
    path = user.write("big.river",
                      ebpf(f"targets = [\n{targets}]").encode())
    start = time.monotonic()
    status, out, err = user.run("check", path)
    took = time.monotonic() - start
    tap.ok(status == 0 and out.endswith(b": OK\n"),
           "10 000 targets are checked", err[:500])
    tap.ok(took < (10 if sanitized() else 1), "in less than a second",
           f"{took:.3f} s")
    tap.note(f"10 000 targets: {took:.3f} s")


def main():
    signal.alarm(240)
    tap = Tap()
    with scratch() as dir_:
        user = User(dir_)
        mistakes(tap, user)
        several(tap, user)
        examples(tap, user)
        directories(tap, user, dir_)
        colours(tap, user)
        sandbox(tap, user)
        speed(tap, user)
        if ROOT:
            secrets(tap, user, dir_)
            running(tap)
            examples_run(tap)
    tap.done()


if __name__ == "__main__":
    main()
