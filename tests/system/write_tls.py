#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The pushes of phlare.write over TLS, HTTP/2 and proxies, to nginx."""

import os
import ssl
import subprocess
import time

from http_peers import (Authority, Forwarder, Nginx, Proxy, Recorder, Socks,
                        TokenServer, server_context)
from phlare import (BUILD, Run, Tap, need_root, processes, push_config,
                    scratch, wait_until)
from shipper_peer import Shipper, config, endpoint

ONCE = "max_backoff_retries = 1\n"
QUICK = 'min_backoff_period = "20ms"\n max_backoff_period = "40ms"\n' \
    "max_backoff_retries = 0\n"


def pushed(url, body="", environment=None, **options):
    """One push of one attempt: (outcomes, log)."""
    with Shipper(config(endpoint(url, ONCE + body)),
                 environment=environment) as s:
        s.symbolizer.wait_taken(s.symbolizer.push(**options), seconds=20)
        return s.outcomes(), s.log()


def tls(**arguments):
    lines = "\n".join(f"{k} = {v if isinstance(v, bool) else repr_river(v)}"
                      .replace("True", "true")
                      for k, v in arguments.items())
    return f"tls_config {{\n{lines}\n}}\n"


def repr_river(text):
    return '"' + text.replace("\n", "\\n") + '"'


def read(path):
    with open(path, encoding="ascii") as f:
        return f.read()


class World:
    """Two authorities, one nginx with a server for each trouble, and behind
    it one that keeps what arrives."""

    def __init__(self, dir_):
        self.dir = dir_
        self.ca, self.other = Authority(dir_), Authority(dir_, "other")
        self.behind = Recorder()
        good = self.ca.issue("good")
        forward = f"""location / {{
          proxy_pass {self.behind.url};
          proxy_set_header X-Protocol $server_protocol;
          proxy_set_header X-Tls $ssl_protocol;
          proxy_set_header X-Client $ssl_client_s_dn;
          proxy_set_header X-Name $ssl_server_name;
          proxy_set_header X-Host $http_host;
        }}"""
        with open(f"{dir_}/users", "w", encoding="ascii") as f:
            f.write("me:" + subprocess.run(
                ["openssl", "passwd", "-apr1", "pass word"], check=True,
                capture_output=True, text=True).stdout)

        def server(pair, more=forward):
            return f"ssl_certificate {pair[0]}; " \
                f"ssl_certificate_key {pair[1]}; {more}"

        client = f"ssl_client_certificate {self.ca.cert}; " \
            "ssl_verify_client on; "
        self.nginx = Nginx(dir_, {
            "good": server(good),
            "expired": server(self.ca.issue("expired", days=-1)),
            "named": server(self.ca.issue("named", "DNS:other.example")),
            "client": server(good, client + forward),
            "tls12": server(good, "ssl_protocols TLSv1.2; " + forward),
            "basic": server(good, f'auth_basic "x"; auth_basic_user_file '
                            f"{dir_}/users; {forward}"),
            "up": server(good, f"return 307 {self.behind.url}/lost;"),
            "moved": server(good, forward.replace(" /", " /moved", 1) +
                            "location / { return 308 /moved$request_uri; }"),
        })
        self.trust = tls(ca_file=self.ca.cert)

    def url(self, name):
        return self.nginx.url(name)

    def stop(self):
        self.nginx.stop()
        self.behind.stop()


def certificates(tap, w):
    pair = w.ca.issue("client")
    foreign = w.other.issue("client")
    table = (
        ("our own CA, from a file", "good", w.trust, "sent", ""),
        ("our own CA, as text", "good", tls(ca_pem=read(w.ca.cert)), "sent",
         ""),
        ("a CA among others", "good",
         tls(ca_pem=read(w.other.cert) + read(w.ca.cert)), "sent", ""),
        ("without our CA", "good", "", None, "certificate"),
        ("another CA", "good", tls(ca_file=w.other.cert), None,
         "certificate"),
        ("unless that is not verified", "good",
         tls(ca_file=w.other.cert, insecure_skip_verify=True), "sent", ""),
        ("an expired certificate", "expired", w.trust, None, "expired"),
        ("another host's certificate", "named", w.trust, None, "127.0.0.1"),
        ("unless that name is expected", "named",
         tls(ca_file=w.ca.cert, server_name="other.example"), "sent", ""),
        ("an expected name that is not there", "good",
         tls(ca_file=w.ca.cert, server_name="other.example"), None,
         "other.example"),
        ("a client's certificate", "client",
         tls(ca_file=w.ca.cert, cert_file=pair[0], key_file=pair[1]), "sent",
         ""),
        ("a client's certificate as text", "client",
         tls(ca_file=w.ca.cert, cert_pem=read(pair[0]),
             key_pem=read(pair[1])), "sent", ""),
        ("no client's certificate", "client", w.trust, "dropped_refused",
         "400"),
        ("a foreign client's certificate", "client",
         tls(ca_file=w.ca.cert, cert_file=foreign[0], key_file=foreign[1]),
         "dropped_refused", "400"),
        ("TLS 1.2 is enough", "tls12", w.trust, "sent", ""),
        ("unless 1.3 is wanted", "tls12",
         tls(ca_file=w.ca.cert, min_version="TLS13"), None, ""),
        ("basic_auth", "basic", w.trust +
         'basic_auth {\n username = "me"\n password = "pass word"\n}',
         "sent", ""),
        ("a wrong password", "basic", w.trust +
         'basic_auth {\n username = "me"\n password = "password"\n}',
         "dropped_refused", "unauthenticated: HTTP status 401"),
    )
    for name, server, body, outcome, text in table:
        got, log = pushed(w.url(server), body)
        want = {outcome or "dropped_retries": 1}
        tap.ok(got == want and text in log and
               (outcome is not None or "unavailable: " in log), name,
               (got, log, w.nginx.errors()[-500:]))
    w.behind.clear()
    pushed(w.url("named"), tls(ca_file=w.ca.cert, server_name="other.example"))
    r = w.behind.last()
    tap.ok(r.get("X-Name") == "other.example" and
           r.get("X-Host") == f"127.0.0.1:{w.nginx.ports['named']}",
           "server_name is for TLS, the host stays", r.headers)
    w.behind.clear()
    pushed(w.url("client"), tls(ca_file=w.ca.cert, cert_file=pair[0],
                                key_file=pair[1]))
    tap.ok(w.behind.last().get("X-Client") == "CN=client",
           "the server knows the client", w.behind.last().headers)


def old_versions(tap, w):
    context = server_context(*w.ca.issue("old", rsa=True),
                             least=ssl.TLSVersion.TLSv1,
                             most=ssl.TLSVersion.TLSv1_1)
    with Recorder(context=context) as server:
        got, log = pushed(server.url, w.trust)
        tap.ok(got == {"dropped_retries": 1}, "TLS 1.1 is too old", (got, log))
        got, log = pushed(server.url,
                          tls(ca_file=w.ca.cert, min_version="TLS11"))
        tap.ok(got == {"sent": 1}, "unless that is wanted",
               (got, log, server.refusals))


def rotates_keys(tap, w):
    """Authority, certificate and key are replaced while a push is tried."""
    paths = [f"{w.dir}/{n}" for n in ("rot-ca", "rot-cert", "rot-key")]

    def install(authority, pair):
        for path, source in zip(paths, (authority, *pair)):
            with open(f"{path}.new", "w", encoding="ascii") as f:
                f.write(read(source))
            os.rename(f"{path}.new", path)

    install(w.other.cert, w.other.issue("rotated"))
    body = tls(ca_file=paths[0], cert_file=paths[1], key_file=paths[2])
    with Shipper(config(endpoint(w.url("client"), QUICK + body))) as s:
        number = s.symbolizer.push()
        wait_until("failure", lambda: "certificate" in s.log())
        tap.ok(not s.symbolizer.taken, "the wrong authority", s.log())
        install(w.ca.cert, w.other.issue("again"))
        # now the server is trusted, and refuses the client
        tap.ok(s.symbolizer.wait_taken(number) and
               s.outcomes() == {"dropped_refused": 1},
               "a new authority is used at once", (s.outcomes(), s.log()))
        install(w.ca.cert, w.ca.issue("rotated"))
        w.behind.clear()
        s.symbolizer.wait_taken(s.symbolizer.push())
        tap.ok(s.outcomes() == {"dropped_refused": 1, "sent": 1} and
               w.behind.last().get("X-Client") == "CN=rotated",
               "and so is a new certificate", (s.outcomes(), s.log()))


def speaks_http2(tap, w):
    data = os.urandom(9 << 20)
    w.behind.clear()
    got, log = pushed(w.url("good"), w.trust, data=data)
    r = w.behind.last()
    tap.ok(got == {"sent": 1} and r.get("X-Protocol") == "HTTP/2.0" and
           r.series()[0][1] == [data], "HTTP/2 carries 9 MiB",
           (got, r.headers, log))
    w.behind.clear()
    got, log = pushed(w.url("good"), w.trust + "enable_http2 = false\n")
    tap.ok(got == {"sent": 1} and
           w.behind.last().get("X-Protocol") == "HTTP/1.1",
           "enable_http2 = false: HTTP/1.1 it is", (got, log))
    w.behind.clear()
    with Shipper(config(endpoint(w.url("good"), ONCE + w.trust))) as s:
        numbers = [s.symbolizer.push(labels={"__name__": "x", "n": str(n)})
                   for n in range(50)]
        tap.ok(s.symbolizer.wait_taken(*numbers, seconds=20) and
               s.outcomes() == {"sent": 50} and
               len(w.behind.requests) == 50,
               "50 series over HTTP/2", (s.outcomes(), s.log()))


def dead_connection(tap, w):
    """HTTP/2 would go on using a connection that leads nowhere."""
    with Forwarder(w.nginx.ports["good"]) as way, Shipper(config(endpoint(
            f"https://127.0.0.1:{way.port}",
            QUICK + w.trust + 'remote_timeout = "500ms"'))) as s:
        s.symbolizer.wait_taken(s.symbolizer.push())
        time.sleep(2)
        way.freeze()
        took = []
        for n in range(4):
            time.sleep(0.5)
            start = time.monotonic()
            s.symbolizer.wait_taken(s.symbolizer.push(labels={
                "__name__": "x", "n": str(n)}))
            took.append(time.monotonic() - start)
        tap.ok(s.outcomes() == {"sent": 5} and took[0] < 3 and
               max(took[1:]) < 0.45 and s.write_metric("retries") == 1 and
               "HTTP/2.0" == w.behind.last().get("X-Protocol"),
               f"a dead connection costs one attempt, once: "
               f"{[round(t, 2) for t in took]} s", s.log())


def follows_redirects(tap, w):
    w.behind.clear()
    secret = 'bearer_token = "b"\n'
    got, log = pushed(w.url("up"), w.trust + secret)
    tap.ok(got == {"dropped_retries": 1} and
           "redirect from https to http" in log and not w.behind.requests,
           "a redirect does not lead off TLS", (got, log))
    got, log = pushed(w.url("moved"), w.trust + secret)
    r = w.behind.last() if w.behind.requests else None
    tap.ok(got == {"sent": 1} and r.path.startswith("/moved/push.v1") and
           r.get("Authorization") == "Bearer b" and len(r.body) > 0,
           "a redirect on the same host keeps everything", (got, log))


def proxies(tap, w):
    far = "https://phlare.example"
    name = w.ca.issue("far", "DNS:phlare.example")
    named = tls(ca_file=w.ca.cert)
    context = server_context(*name)
    with Recorder() as plain, Recorder(context=context) as server:
        routes = {"phlare.example": ("127.0.0.1", server.port),
                  "plain.example": ("127.0.0.1", plain.port)}
        with Proxy(routes=routes) as proxy:
            got, log = pushed(w.url("good"), w.trust +
                              f'proxy_url = "{proxy.url}"\n'
                              'proxy_connect_header = { "X-Token" = '
                              '["a", "b"] }\n bearer_token = "b"')
            method, goal, headers = proxy.seen[-1]
            tap.ok(got == {"sent": 1} and method == "CONNECT" and
                   goal == f"127.0.0.1:{w.nginx.ports['good']}",
                   "a tunnel through a proxy, for loopback too", (got, log))
            names = [n.lower() for n, _ in headers]
            tap.ok([v for n, v in headers if n == "X-Token"] == ["a", "b"] and
                   "authorization" not in names and
                   w.behind.last().get("X-Token") is None,
                   "proxy_connect_header is for the proxy only", headers)
            got, log = pushed(far, named + f'proxy_url = "{proxy.url}"')
            tap.ok(got == {"sent": 1} and len(server.requests) == 1 and
                   proxy.seen[-1][1] == "phlare.example:443",
                   "the proxy resolves the name", (got, log))
            got, log = pushed("http://plain.example/x",
                              f'proxy_url = "{proxy.url}"')
            tap.ok(got == {"sent": 1} and proxy.seen[-1][:2] == (
                "POST", "http://plain.example/x/push.v1.PusherService/Push"),
                "http goes through without a tunnel", (got, log))
            count = len(proxy.seen)
            got, log = pushed(w.url("good"), w.trust +
                              f'proxy_url = "{proxy.url}"\n'
                              'no_proxy = "elsewhere.example"')
            tap.ok(got == {"sent": 1} and len(proxy.seen) == count,
                   "no_proxy: loopback is reached directly", (got, log))
            # with the environment
            env = {"HTTPS_PROXY": proxy.url, "http_proxy": proxy.url,
                   "no_proxy": "127.0.0.1"}
            got, log = pushed(far, named + "proxy_from_environment = true\n",
                              env)
            tap.ok(got == {"sent": 1} and len(server.requests) == 2,
                   "proxy_from_environment", (got, log))
            got, log = pushed(w.url("good"), w.trust, {
                **env, "no_proxy": "", "ALL_PROXY": "http://127.0.0.1:9"})
            tap.ok(got == {"sent": 1} and len(proxy.seen) == count + 1,
                   "the environment is not asked unless told", (got, log))
            # of the token endpoint alone
            with TokenServer() as tokens:
                routes["auth.example"] = ("127.0.0.1", tokens.port)
                got, log = pushed(w.url("good"), w.trust + f"""oauth2 {{
                  client_id = "me"
                  client_secret = "s3cret"
                  token_url = "http://auth.example/token"
                  proxy_url = "{proxy.url}"
                }}""")
                tap.ok(got == {"sent": 1} and proxy.seen[-1][1] ==
                       "http://auth.example/token" and
                       w.behind.last().get("Authorization") ==
                       "Bearer token-1",
                       "oauth2 has a proxy of its own", (got, log))
        with Proxy("u:p w", routes=routes) as proxy:
            url = proxy.url.replace("//", "//u:p%20w@")
            got, log = pushed(far, named + f'proxy_url = "{url}"')
            tap.ok(got == {"sent": 1}, "a proxy with a password", (got, log))
            got, log = pushed(far, named + f'proxy_url = "{proxy.url}"')
            tap.ok(got == {"dropped_retries": 1} and "407" in log,
                   "and without it: a failed attempt", (got, log))
        with Proxy(context=server_context(*w.ca.issue("proxy")),
                   routes=routes) as proxy:
            got, log = pushed(far, named + f'proxy_url = "{proxy.url}"')
            tap.ok(got == {"sent": 1}, "a proxy that speaks TLS", (got, log))
            got, log = pushed("http://plain.example",
                              f'proxy_url = "{proxy.url}"')
            tap.ok(got == {"dropped_retries": 1},
                   "if its certificate is trusted", (got, log))
        with Socks(routes) as socks:
            got, log = pushed(far, named + f'proxy_url = "{socks.url}"')
            tap.ok(got == {"sent": 1} and socks.seen == ["phlare.example"],
                   "a SOCKS proxy resolves the name", (got, socks.seen, log))
        got, log = pushed(far, named + 'proxy_url = "http://127.0.0.1:9"')
        tap.ok(got == {"dropped_retries": 1} and "unavailable" in log,
               "a proxy that is not there: a failed attempt", (got, log))


def tokens_over_tls(tap, w):
    context = server_context(*w.ca.issue("auth"))
    with TokenServer(context=context) as tokens:
        def body(inner):
            return w.trust + f"""oauth2 {{
              client_id = "me"
              client_secret = "s3cret"
              token_url = "{tokens.token_url}"
              {inner}
            }}"""

        got, log = pushed(w.url("good"), body(w.trust))
        tap.ok(got == {"sent": 1}, "oauth2 has a tls_config of its own",
               (got, log))
        got, log = pushed(w.url("good"), body(""))
        tap.ok(got == {"dropped_retries": 1} and
               "oauth2: cannot fetch token" in log and "certificate" in log,
               "and the endpoint's is not for it", (got, log))


def whole_run(tap, w):
    """All of it: sampled, named, pushed to nginx by HTTP/2 with a password."""
    w.behind.clear()
    body = w.trust + \
        'basic_auth {\n username = "me"\n password = "pass word"\n}'
    with processes([f"{BUILD}/tests/targets/spin"]), \
            Run(push_config(w.url("basic"), extra_endpoint=body,
                            interval="1s")) as run:
        good = w.behind.wait(3, 20)
        name = 'phlare_write_sent_profiles_total{component_id=' \
            f'"phlare.write.w",endpoint="{w.url("basic")}"}}'
        counted = wait_until("three", lambda: run.metrics().get(name, 0) >= 3)
        metrics = run.metrics()
        log = run.log()
    tap.ok(good and w.behind.last().get("X-Protocol") == "HTTP/2.0" and
           "failed to push" not in log, "run pushes to nginx", log)
    tap.ok(counted, "and counts it", metrics)


def main():
    need_root()
    tap = Tap()
    with scratch() as dir_:
        w = World(dir_)
        certificates(tap, w)
        old_versions(tap, w)
        rotates_keys(tap, w)
        speaks_http2(tap, w)
        dead_connection(tap, w)
        follows_redirects(tap, w)
        proxies(tap, w)
        tokens_over_tls(tap, w)
        whole_run(tap, w)
        w.stop()
    tap.done()


if __name__ == "__main__":
    main()
