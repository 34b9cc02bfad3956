#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pushes of phlare.write over HTTP: what they say, how they prove
themselves, where redirects lead them, how often they are tried."""

import base64
import os
import time

from http_peers import Recorder, TokenServer
from phlare import Tap, need_root, scratch, wait_until
from shipper_peer import UID, Shipper, config, endpoint

PATH = "/push.v1.PusherService/Push"
QUICK = 'min_backoff_period = "20ms"\n max_backoff_period = "40ms"\n'


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


def push(shipper, **options):
    """One profile; whether it was settled."""
    return shipper.symbolizer.wait_taken(shipper.symbolizer.push(**options))


def says_what_servers_expect(tap):
    with Recorder() as server, \
            Shipper(config(endpoint(server.url + "/base//"))) as s:
        tap.ok(push(s, data=b"pprofraw", labels={
            "__name__": "test", "foo": "buzz", "job": "foo"}), "it is taken",
            s.log())
        r = server.last()
        tap.ok((r.method, r.path) == ("POST", "/base" + PATH),
               "the path is added to the url", (r.method, r.path))
        tap.ok(r.body.hex() ==
               "0a370a100a085f5f6e616d655f5f1204746573740a0b0a03666f6f120462"
               "757a7a0a0a0a036a6f621203666f6f120a0a087070726f66726177",
               "the body is the golden vector", r.body.hex())
        got = dict(r.headers)
        want = {"Host": f"127.0.0.1:{server.port}",
                "Content-Type": "application/proto",
                "Connect-Protocol-Version": "1",
                "Connect-Timeout-Ms": "9999", "Accept-Encoding": "gzip",
                "Content-Length": "57"}
        agent = got.pop("User-Agent", "")
        tap.ok(got == want and len(r.headers) == len(want) + 1 and
               agent.startswith("phlare-ebpf/"),
               "the headers are these and no others", r.headers)


def users_headers(tap):
    own = """headers = {
      "X-Scope-OrgID" = "tenant", "content-type" = "text/html",
      "User-Agent" = "me", "CONNECT-PROTOCOL-VERSION" = "2",
      "Connect-Timeout-Ms" = "1", "Accept-Encoding" = "br",
      "Content-Length" = "3", "Transfer-Encoding" = "chunked",
      "Host" = "other.example", "X-Empty" = "",
    }
    http_headers = { "X-Key" = ["a", "b"], "x-scope-orgid" = ["more"] }
    remote_timeout = "3s" """
    with Recorder() as server, \
            Shipper(config(endpoint(server.url, own))) as s:
        push(s)
        r = server.last()
        want = {"Content-Type": "application/proto", "Host": "other.example",
                "Connect-Protocol-Version": "1", "Connect-Timeout-Ms": "2999",
                "Accept-Encoding": "gzip", "X-Key": "a, b", "X-Empty": "",
                "X-Scope-OrgID": "tenant, more", "Transfer-Encoding": None}
        got = {name: r.get(name) for name in want}
        tap.ok(got == want and "me" != r.get("User-Agent"),
               "headers add to ours and cannot replace them",
               (got, r.headers))


def labels_are_forwarded(tap):
    extra = """external_labels = {
      "env" = "prod", "host" = "", "__own" = "kept", "job" = "outer",
    }"""
    labels = {"__name__": "process_cpu", "__address__": "x", "__delta__": "f",
              "empty": "", "host": "h", "job": "inner", "zone": "z"}
    with Recorder() as server, \
            Shipper(config(endpoint(server.url), extra=extra)) as s:
        push(s, labels=labels)
        got = server.last().series()[0][0]
        want = [("__delta__", "f"), ("__name__", "process_cpu"),
                ("__own", "kept"), ("env", "prod"), ("job", "outer"),
                ("zone", "z")]
        tap.ok(got == want, "labels: dropped, replaced, sorted", got)


def proves_itself(tap, dir_):
    path = f"{dir_}/secret"
    with open(path, "w", encoding="ascii") as f:
        f.write(" from-file\n")
    table = (
        ("basic_auth", 'basic_auth {\n username = "u"\n password = " p "\n}',
         basic("u:p")),
        ("basic_auth from a file",
         f'basic_auth {{\n username = "u"\n password_file = "{path}"\n}}',
         basic("u:from-file")),
        ("authorization",
         'authorization {\n type = " Key "\n credentials = "c"\n}', "Key c"),
        ("authorization from a file",
         f'authorization {{\n credentials_file = "{path}"\n}}',
         "Bearer from-file"),
        ("bearer_token", 'bearer_token = "t"', "Bearer t"),
        ("bearer_token_file", f'bearer_token_file = "{path}"',
         "Bearer from-file"),
        ("a header of the user's wins",
         'headers = { "authorization" = "mine" }\n bearer_token = "t"',
         "mine"),
        ("nothing", "", None),
    )
    with Recorder() as server:
        for name, body, want in table:
            with Shipper(config(endpoint(server.url, body))) as s:
                push(s)
                tap.ok(server.last().get("Authorization") == want, name,
                       server.last().headers)
        url = server.url.replace("//", "//u%3Ax:pass%40word@")
        with Shipper(config(endpoint(url))) as s:
            push(s)
            shown = server.url.replace("//", "//u%3Ax:xxxxx@")
            tap.ok(server.last().get("Authorization") == basic("u:x:pass@word"),
                   "what the url says", server.last().headers)
            tap.ok(s.write_metric("sent_profiles", shown) == 1 and
                   "word" not in s.page("/metrics")[1],
                   "and the metrics do not", s.page("/metrics")[1])
        server.stop()
        url = server.url.replace("//", "//user:password@")
        with Shipper(config(endpoint(url, QUICK + "max_backoff_retries = 1"))
                     ) as s:
            push(s)
            tap.ok("failed to push" in s.log() and "password" not in s.log(),
                   "nor the log", s.log())


def rotates_files(tap):
    """Where they are replaced, and where only root may read them."""
    with scratch() as dir_, Recorder() as server:
        path, hidden = f"{dir_}/token", f"{dir_}/hidden"
        for name in (path, hidden):
            with open(name, "w", encoding="ascii") as f:
                f.write("one")
        os.chmod(hidden, 0o600)
        body = f'bearer_token_file = "{path}"\n'
        root_only = f'bearer_token_file = "{hidden}"\n'
        with Shipper(config(endpoint(server.url + "/a", body),
                            endpoint(server.url + "/b", root_only))) as s:
            def tokens():
                server.clear()
                push(s)
                return {r.path[1]: r.get("Authorization")
                        for r in server.requests}

            tap.ok(tokens() == {"a": "Bearer one", "b": "Bearer one"},
                   "a token that only root may read is used", s.log())
            with open(f"{path}.new", "w", encoding="ascii") as f:
                f.write("two")
            os.rename(f"{path}.new", path)
            with open(hidden, "w", encoding="ascii") as f:
                f.write("two")
            tap.ok(tokens() == {"a": "Bearer two", "b": "Bearer two"},
                   "a rotated token is used at once", s.log())
            os.unlink(path)
            server.clear()
            number = s.symbolizer.push()
            tap.ok(wait_until("failure", lambda: "unable to read bearer token "
                              f"file {path}: No such file" in s.log()),
                   "a token that is gone is a failed attempt", s.log())
            with open(path, "w", encoding="ascii") as f:
                f.write("three")
            tap.ok(s.symbolizer.wait_taken(number) and
                   "Bearer three" in [r.get("Authorization")
                                      for r in server.requests],
                   "which is tried again", s.log())


def rotates_links(tap):
    """As Kubernetes mounts secrets, and as somebody links to elsewhere."""
    with scratch() as dir_, Recorder() as server:
        def write(name, text):
            os.makedirs(os.path.dirname(f"{dir_}/{name}"), exist_ok=True)
            with open(f"{dir_}/{name}.new", "w", encoding="ascii") as f:
                f.write(text)
            os.rename(f"{dir_}/{name}.new", f"{dir_}/{name}")

        write("near/..1/token", "one")
        write("near/..2/token", "two")
        write("far/token", "one")
        os.mkdir(f"{dir_}/link")
        os.symlink("..1", f"{dir_}/near/..data")
        os.symlink("..data/token", f"{dir_}/near/token")
        os.symlink("../far/token", f"{dir_}/link/token")
        with Shipper(config(
                endpoint(server.url + "/near",
                         f'bearer_token_file = "{dir_}/near/token"'),
                endpoint(server.url + "/link",
                         f'bearer_token_file = "{dir_}/link/token"'))) as s:
            push(s)
            os.symlink("..2", f"{dir_}/near/..new")
            os.rename(f"{dir_}/near/..new", f"{dir_}/near/..data")
            write("far/token", "two")
            server.clear()
            push(s)
            got = {r.path[1:5]: r.get("Authorization")
                   for r in server.requests}
            tap.ok(got == {"near": "Bearer two", "link": "Bearer two"},
                   "tokens behind links are followed", (got, s.log()))


# ---- oauth2

def oauth2(server, more="", secret='client_secret = "s3cret"'):
    return f"""oauth2 {{
      client_id = "me"
      {secret}
      token_url = "{server.token_url}"
      {more}
    }}
    {QUICK}"""


class Guarded(Recorder):
    """Takes pushes with the newest token only."""

    def __init__(self, tokens):
        super().__init__(self.check)
        self.tokens = tokens

    def check(self, request):
        good = self.tokens.issued[-1:] and \
            request.get("Authorization") == "Bearer " + self.tokens.issued[-1]
        return (200, {}, b"") if good else (401, {}, b"")


def fetches_tokens(tap):
    for style in ("header", "form"):
        with TokenServer(style=style) as tokens, Guarded(tokens) as server:
            more = 'scopes = ["a", "b c"]\n' \
                'endpoint_params = { "audience" = "x&y" }'
            body = oauth2(tokens, more) + \
                'headers = { "Authorization" = "mine" }'
            with Shipper(config(endpoint(server.url, body))) as s:
                numbers = [s.symbolizer.push(labels={
                    "__name__": "x", "n": str(n)}) for n in range(8)]
                tap.ok(s.symbolizer.wait_taken(*numbers) and
                       s.outcomes() == {"sent": 8},
                       f"{style}: pushes have a token",
                       (s.outcomes(), s.log()))
                tap.ok(len(tokens.issued) == 1,
                       f"{style}: all of them the same one", tokens.issued)
                form = tokens.last().body.decode()
                tap.ok(form.startswith("grant_type=client_credentials&"
                                       "scope=a+b+c&audience=x%26y") and
                       tokens.last().path == "/token?tenant=1",
                       f"{style}: scopes and parameters are asked for",
                       (form, tokens.last().path))
                tap.ok(("client_secret" in form) == (style == "form") and
                       len(tokens.requests) == (1 if style == "header" else 2),
                       f"{style}: the client proves itself there",
                       [r.body for r in tokens.requests])


def renews_tokens(tap):
    with TokenServer(lifetime=12) as tokens, Guarded(tokens) as server, \
            Shipper(config(endpoint(server.url, oauth2(tokens)))) as s:
        push(s)
        push(s)
        first = len(tokens.issued)
        time.sleep(2.2)
        push(s)
        tap.ok(first == 1 and len(tokens.issued) == 2 and
               s.outcomes() == {"sent": 3},
               "a token is renewed shortly before its end",
               (first, tokens.issued, s.log()))
        # the server forgets all tokens: a push is refused, a new one helps
        tokens.lifetime = 3600
        time.sleep(2.2)
        push(s)
        tokens.issued.append("another")
        push(s)
        tap.ok(s.outcomes() == {"sent": 5} and
               s.write_metric("retries") == 0 and
               tokens.issued[-1] == "token-5",
               "a revoked token is replaced, and nothing is dropped",
               (s.outcomes(), tokens.issued, s.log()))


def trouble_with_tokens(tap):
    with TokenServer() as tokens, Guarded(tokens) as server:
        tokens.secret = "another"
        with Shipper(config(endpoint(server.url, oauth2(tokens)))) as s:
            number = s.symbolizer.push()
            said = wait_until("failure", lambda: "HTTP status 401: "
                              "invalid_client: who are you?" in s.log())
            tap.ok(said and "s3cret" not in s.log() and
                   "tenant" not in s.log(),
                   "a refused client is a failed attempt, told without "
                   "secrets", s.log())
            tokens.secret = "s3cret"
            tap.ok(s.symbolizer.wait_taken(number) and
                   s.outcomes() == {"sent": 1} and
                   s.write_metric("retries") > 0,
                   "which is tried again", (s.outcomes(), s.log()))

    def always_401(request):
        return 401, {}, b""

    with TokenServer() as tokens, Recorder(always_401) as server, \
            Shipper(config(endpoint(server.url, oauth2(tokens)))) as s:
        push(s)
        push(s)
        tap.ok(s.outcomes() == {"dropped_refused": 2} and
               len(tokens.issued) == 2 and len(server.requests) == 2,
               "a server that takes no token at all is not asked for ever",
               (s.outcomes(), tokens.issued, len(server.requests)))

    with scratch() as dir_, TokenServer() as tokens, \
            Guarded(tokens) as server:
        path = f"{dir_}/secret"
        with open(path, "w", encoding="ascii") as f:
            f.write("s3cret\n")
        body = oauth2(tokens, secret=f'client_secret_file = "{path}"')
        with Shipper(config(endpoint(server.url, body))) as s:
            push(s)
            tokens.secret = "changed"
            with open(path, "w", encoding="ascii") as f:
                f.write("changed")
            push(s)
            tap.ok(s.outcomes() == {"sent": 2} and len(tokens.issued) == 2,
                   "a new secret makes a new token",
                   (s.outcomes(), tokens.issued, s.log()))

    def slowly(request):
        time.sleep(30)
        return 500, {}, b""

    with Recorder(slowly) as silent, Recorder() as server:
        silent.token_url = silent.url
        body = oauth2(silent) + 'remote_timeout = "500ms"\n' \
            'max_backoff_retries = 2'
        with Shipper(config(endpoint(server.url + "/a", body),
                            endpoint(server.url + "/b"))) as s:
            start = time.monotonic()
            number = s.symbolizer.push()
            other = server.wait(1, 2)
            tap.ok(other and time.monotonic() - start < 0.5 and
                   server.last().path.startswith("/b"),
                   "a silent token endpoint holds up its own pushes only")
            done = s.symbolizer.wait_taken(number)
            took = time.monotonic() - start
            tap.ok(done and s.outcomes() == {"dropped_retries": 1} and
                   0.9 < took < 5 and "deadline_exceeded" not in s.log(),
                   f"and those for {took:.1f} s of two attempts",
                   (s.outcomes(), s.log()))


# ---- redirects

def redirects(tap):
    with Recorder() as there, Recorder() as here:
        secrets = """headers = { "Cookie" = "c", "X-Scope-OrgID" = "t" }
          http_headers = { "X-Key" = ["k"] }
          bearer_token = "b"
          max_backoff_retries = 1
        """
        for status in (301, 302, 303, 307, 308):
            here.clear()
            there.clear()
            here.answer = lambda r, status=status: (
                status, {"Location": there.url + "/moved"}, b"moved")
            with Shipper(config(endpoint(here.url, secrets))) as s:
                push(s)
                if status < 307:
                    tap.ok(not there.requests and len(here.requests) == 1 and
                           s.outcomes() == {"dropped_retries": 1} and
                           f"unknown: HTTP status {status}" in s.log(),
                           f"{status} would lose the body: it is the answer",
                           (s.outcomes(), s.log()))
                    continue
                r = there.last()
                tap.ok(s.outcomes() == {"sent": 1} and r.method == "POST" and
                       r.path == "/moved" and
                       r.body == here.last().body and
                       r.get("Content-Type") == "application/proto",
                       f"{status} is followed with the body",
                       (s.outcomes(), s.log()))
                leaked = [r.get(n) for n in ("Authorization", "Cookie",
                                             "X-Key")]
                tap.ok(leaked == [None] * 3 and r.get("X-Scope-OrgID") == "t"
                       and here.last().get("Authorization") == "Bearer b",
                       f"{status}: secrets do not go to another host",
                       (leaked, r.headers))
                tap.ok(r.get("Host") == f"127.0.0.1:{there.port}",
                       f"{status}: the other host is named", r.headers)
        # back to where it came from: still without
        here.clear()
        here.answer = lambda r: (200, {}, b"") if r.path == "/back" else \
            (307, {"Location": there.url}, b"")
        there.answer = lambda r: (307, {"Location": here.url + "/back"}, b"")
        with Shipper(config(endpoint(here.url, secrets))) as s:
            push(s)
            tap.ok(here.last().path == "/back" and
                   here.last().get("Authorization") == "Bearer b",
                   "what comes home may have them again",
                   (here.last().path, here.last().headers))


def many_redirects(tap):
    def hop(request):
        left = int(request.path.strip("/") or 0) if \
            request.path[1:].isdigit() else server.hops
        if left == 0:
            return 200, {}, b""
        return 307, {"Location": f"/{left - 1}"}, b""

    with Recorder(hop) as server:
        for hops, outcome in ((10, "sent"), (11, "dropped_retries")):
            server.hops = hops
            server.clear()
            with Shipper(config(endpoint(
                    server.url, 'max_backoff_retries = 1\n'
                    'bearer_token = "b"'))) as s:
                push(s)
                tokens = {r.get("Authorization") for r in server.requests}
                tap.ok(s.outcomes() == {outcome: 1} and
                       len(server.requests) == 11 and
                       tokens == {"Bearer b"},
                       f"{hops} redirects: {outcome}",
                       (s.outcomes(), len(server.requests), tokens, s.log()))
        server.hops = 1
        server.clear()
        with Shipper(config(endpoint(
                server.url, "follow_redirects = false\n"
                "max_backoff_retries = 1"))) as s:
            push(s)
            tap.ok(len(server.requests) == 1 and
                   s.outcomes() == {"dropped_retries": 1},
                   "follow_redirects = false: none is followed",
                   (s.outcomes(), len(server.requests)))
        for bad in ("file:///etc/passwd", "ftp://127.0.0.1/", "http://",
                    "//", ""):
            server.answer = lambda r, bad=bad: (307, {"Location": bad}, b"")
            server.clear()
            with Shipper(config(endpoint(
                    server.url, "max_backoff_retries = 1"))) as s:
                push(s)
                tap.ok(s.outcomes() == {"dropped_retries": 1} and s.alive(),
                       f'a redirect to "{bad}" leads nowhere',
                       (s.outcomes(), s.log()))


# ---- trying again

def tries_again(tap):
    table = (
        ("503 until attempts run out", 503, {}, "max_backoff_retries = 3", 3,
         "dropped_retries"),
        ("one attempt only", 503, {}, "max_backoff_retries = 1", 1,
         "dropped_retries"),
        ("a negative number is one", 503, {}, "max_backoff_retries = -4", 1,
         "dropped_retries"),
        ("413 is not tried again", 413, {}, "", 1, "dropped_refused"),
        ("400 is not tried again", 400, {}, "", 1, "dropped_refused"),
        ("429 is", 429, {}, "max_backoff_retries = 4", 4, "dropped_retries"),
        ("429 is not if that is said", 429, {}, "retry_on_http_429 = false",
         1, "dropped_refused"),
    )
    with Recorder() as server:
        for name, status, headers, body, attempts, outcome in table:
            server.clear()
            server.answer = lambda r, a=(status, headers, b""): a
            with Shipper(config(endpoint(server.url, QUICK + body))) as s:
                push(s)
                tap.ok(len(server.requests) == attempts and
                       s.outcomes() == {outcome: 1} and
                       s.write_metric("retries") == attempts - 1 and
                       s.write_metric("dropped_profiles") == 1, name,
                       (len(server.requests), s.outcomes(), s.log()))
        # the JSON code counts, whatever the status
        server.clear()
        server.answer = lambda r: (
            503, {"Content-Type": "application/json"},
            b'{"code":"invalid_argument","message":"no\\u001b[2J\\nway"}')
        with Shipper(config(endpoint(server.url, QUICK))) as s:
            push(s)
            tap.ok(len(server.requests) == 1 and
                   s.outcomes() == {"dropped_refused": 1} and
                   "\x1b" not in s.log() and
                   "invalid_argument: no" in s.log(),
                   "the code of the answer's JSON counts",
                   (len(server.requests), s.log()))


def waits_as_told(tap):
    times = []

    def later(request):
        times.append(request.time)
        if len(times) == 1:
            return 503, {"Retry-After": "1"}, b""
        if len(times) == 2:
            return 429, {"Retry-After": "3600"}, b""
        return 200, {}, b""

    with Recorder(later) as server, Shipper(config(endpoint(
            server.url, 'min_backoff_period = "10ms"\n'
            'max_backoff_period = "1500ms"'))) as s:
        push(s)
        gaps = [b - a for a, b in zip(times, times[1:])]
        tap.ok(len(gaps) == 2 and 0.95 < gaps[0] < 1.4 and
               1.45 < gaps[1] < 2.2,
               f"Retry-After counts, up to max_backoff_period: {gaps}",
               s.log())

    with Recorder(lambda r: (503, {}, b"")) as server, \
            Shipper(config(endpoint(server.url, """
              min_backoff_period = "100ms"
              max_backoff_period = "400ms"
              max_backoff_retries = 5"""))) as s:
        push(s)
        at = [r.time for r in server.requests]
        gaps = [b - a for a, b in zip(at, at[1:])]
        low = (0.1, 0.2, 0.2, 0.2)
        high = (0.2, 0.4, 0.4, 0.4)
        tap.ok(len(gaps) == 4 and all(
            a - 0.005 <= g <= b + 0.25
            for g, a, b in zip(gaps, low, high)),
            f"waits grow: {[round(g, 3) for g in gaps]}", s.log())


def reloads(tap):
    with Recorder() as one, Recorder() as two, \
            Shipper(config(endpoint(one.url))) as s:
        push(s)
        good = s.reload(config(endpoint(
            two.url, 'bearer_token = "new"\n'
            'http_headers = { "X-Key" = ["k"] }')))
        push(s)
        tap.ok(good and len(one.requests) == 1 and
               two.last().get("Authorization") == "Bearer new" and
               two.last().get("X-Key") == "k",
               "a reload takes effect", s.log())
        s.reload(config(endpoint(
            two.url, 'bearer_token = "new"\n'
            'http_headers = { "X-Key" = ["changed"] }')))
        push(s)
        tap.ok(two.last().get("X-Key") == "changed",
               "even where only a value of http_headers changed", s.log())
        s.write_config(config(endpoint(
            two.url, 'tls_config {\n ca_file = "/nowhere/ca"\n }')))
        s.process.send_signal(1)
        said = wait_until("refusal", lambda: "unable to load specified CA "
                          "cert /nowhere/ca" in s.log())
        push(s)
        tap.ok(said and two.last().get("X-Key") == "changed",
               "one with a file that is not there changes nothing", s.log())


def later_name(tap):
    with Recorder() as server:
        text = f"""pyroscope.write "w" {{
          {endpoint(server.url, 'debug_info_upload_timeout = "1m"')}
          tracing {{
            jaeger_propagator = false
          }}
        }}
        phlare.ebpf "e" {{
          forward_to = [pyroscope.write.w.receiver]
        }}
        """
        with Shipper(text) as s:
            tap.ok(push(s) and len(server.requests) == 1,
                   "pyroscope.write is the same", s.log())


def main():
    need_root()
    tap = Tap()
    says_what_servers_expect(tap)
    users_headers(tap)
    labels_are_forwarded(tap)
    with scratch() as dir_:
        proves_itself(tap, dir_)
    rotates_files(tap)
    rotates_links(tap)
    fetches_tokens(tap)
    renews_tokens(tap)
    trouble_with_tokens(tap)
    redirects(tap)
    many_redirects(tap)
    tries_again(tap)
    waits_as_told(tap)
    reloads(tap)
    later_name(tap)
    tap.done()


if __name__ == "__main__":
    main()
