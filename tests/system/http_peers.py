# SPDX-License-Identifier: Apache-2.0
"""Whom the shipper talks to in the tests: a server that records, one that
speaks in raw bytes, a token endpoint, a proxy that makes tunnels, nginx, and
certificates of our own."""

import base64
import contextlib
import http.server
import json
import os
import select
import socket
import ssl
import subprocess
import threading
import time
import urllib.parse

from phlare import decode_push, free_ports, wait_until


class Request:
    def __init__(self, method, path, headers, body, peer):
        self.method, self.path, self.body = method, path, body
        self.headers = headers  # [(name, value)], as they came
        self.peer = peer
        self.time = time.monotonic()

    def get(self, name):
        """The value, all of them joined if there are several; or None."""
        values = [v for n, v in self.headers if n.lower() == name.lower()]
        return ", ".join(values) if values else None

    def series(self):
        return decode_push(self.body)


class Recorder:
    """Keeps each request; answer(request) -> (status, headers, body)."""

    def __init__(self, answer=None, context=None, port=0):
        outer = self
        self.requests, self.changed = [], threading.Condition()
        self.answer = answer or (lambda request: (200, {}, b""))

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60

            def do_any(self):
                size = int(self.headers.get("Content-Length", 0))
                request = Request(self.command, self.path,
                                  self.headers.items(), self.rfile.read(size),
                                  self.connection)
                with outer.changed:
                    outer.requests.append(request)
                    outer.changed.notify_all()
                with contextlib.suppress(OSError):
                    self.reply(*outer.answer(request))

            def reply(self, status, headers, body):
                self.send_response(status)
                headers = {"Content-Type": "application/proto", **headers}
                if status == 200 and "Content-Length" not in headers:
                    headers["Content-Length"] = str(len(body))
                headers.setdefault("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_HEAD = do_any

            def log_message(self, *_args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def finish_request(self, request, client_address):
                # in the request's thread: a bad handshake holds up nobody
                if context is not None:
                    request.settimeout(10)
                    try:
                        request = context.wrap_socket(request,
                                                      server_side=True)
                    except (OSError, ssl.SSLError) as e:
                        outer.refusals.append(str(e))
                        return
                super().finish_request(request, client_address)

            def handle_error(self, request, client_address):
                pass

        self.refusals = []
        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.scheme = "http" if context is None else "https"
        self.url = f"{self.scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()

    def wait(self, count, seconds=10.0):
        """Whether so many requests came."""
        with self.changed:
            return self.changed.wait_for(
                lambda: len(self.requests) >= count, seconds)

    def last(self):
        return self.requests[-1]

    def clear(self):
        with self.changed:
            self.requests.clear()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.stop()


class RawServer:
    """talk(socket) has each connection to itself."""

    def __init__(self, talk, backlog=64):
        self.talk, self.connections = talk, 0
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(backlog)
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.one, args=(peer,),
                             daemon=True).start()

    def one(self, peer):
        with contextlib.suppress(OSError, ValueError), peer:
            peer.settimeout(30)
            self.talk(peer)

    def stop(self):
        # wakes accept(), which close() alone does not
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.stop()


def read_request(peer):
    """Head and body of one request, from a raw connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = peer.recv(65536)
        if not more:
            raise OSError("closed")
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    size = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    while len(body) < size:
        more = peer.recv(65536)
        if not more:
            raise OSError("closed")
        body += more
    return head, body


class TokenServer(Recorder):
    """The client credentials grant. style: where the client's id and secret
    must be, "header" or "form"."""

    def __init__(self, client="me", secret="s3cret", lifetime=3600,
                 style="header", context=None):
        super().__init__(self.grant, context)
        self.client, self.secret = client, secret
        self.lifetime, self.style = lifetime, style
        self.issued, self.failing = [], None
        self.token_url = self.url + "/token?tenant=1"

    def grant(self, request):
        if self.failing:
            return self.failing
        form = dict(urllib.parse.parse_qsl(request.body.decode()))
        if self.style == "header":
            plain = ":".join(urllib.parse.quote_plus(x)
                             for x in (self.client, self.secret))
            good = request.get("Authorization") == \
                "Basic " + base64.b64encode(plain.encode()).decode()
        else:
            good = (form.get("client_id") == self.client and
                    form.get("client_secret") == self.secret)
        if not good or form.get("grant_type") != "client_credentials":
            return 401, {"Content-Type": "application/json"}, json.dumps(
                {"error": "invalid_client",
                 "error_description": "who are you?"}).encode()
        token = f"token-{len(self.issued) + 1}"
        self.issued.append(token)
        answer = {"access_token": token, "token_type": "bearer"}
        if self.lifetime is not None:
            answer["expires_in"] = self.lifetime
        return 200, {"Content-Type": "application/json"}, json.dumps(
            answer).encode()


class Proxy:
    """An HTTP proxy: CONNECT, and requests with a whole URL. Keeps what it
    was asked; user is "name:password" or None."""

    def __init__(self, user=None, context=None, routes=None):
        self.user, self.seen = user, []
        self.routes = routes or {}  # host -> (host, port)
        self.context = context
        self.server = RawServer(self.talk)
        self.port = self.server.port
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.stop = self.server.stop

    def talk(self, peer):
        if self.context is not None:
            peer = self.context.wrap_socket(peer, server_side=True)
        head, body = read_request(peer)
        lines = head.decode("latin-1").split("\r\n")
        headers = [tuple(x.strip() for x in line.split(":", 1))
                   for line in lines[1:]]
        method, goal, _ = lines[0].split(" ", 2)
        self.seen.append((method, goal, headers))
        if self.user is not None:
            want = "Basic " + base64.b64encode(self.user.encode()).decode()
            if dict(headers).get("Proxy-Authorization") != want:
                peer.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                             b"Content-Length: 0\r\nConnection: close\r\n\r\n")
                return
        if method == "CONNECT":
            host, _, port = goal.rpartition(":")
            with self.reach(host, port) as there:
                peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                pump(peer, there)
            return
        url = urllib.parse.urlsplit(goal)
        with self.reach(url.hostname, url.port or 80) as there:
            kept = [h for h in headers if h[0].lower() not in
                    ("proxy-authorization", "proxy-connection", "connection")]
            text = "\r\n".join(
                [f"{method} {url.path} HTTP/1.1", "Connection: close"] +
                [f"{n}: {v}" for n, v in kept]) + "\r\n\r\n"
            there.sendall(text.encode("latin-1") + body)
            while data := there.recv(65536):
                peer.sendall(data)

    def reach(self, host, port):
        return socket.create_connection(
            self.routes.get(host, (host, int(port))), 10)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.stop()


class Socks:
    """A SOCKS 5 proxy that only knows routes: name -> (host, port)."""

    def __init__(self, routes):
        self.routes, self.seen = routes, []
        self.server = RawServer(self.talk)
        self.url = f"socks5://127.0.0.1:{self.server.port}"

    def talk(self, peer):
        _, methods = peer.recv(2)
        peer.recv(methods)
        peer.sendall(b"\x05\x00")
        _, _, _, kind = peer.recv(4)
        if kind != 3:
            self.seen.append(f"address of kind {kind}")
            return
        name = peer.recv(peer.recv(1)[0]).decode()
        peer.recv(2)
        self.seen.append(name)
        with socket.create_connection(self.routes[name], 10) as there:
            peer.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            pump(peer, there)

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.server.stop()


class Forwarder:
    """Leads to a port; freeze() makes a black hole of what is connected."""

    def __init__(self, port):
        self.goal, self.round = port, 0
        self.server = RawServer(self.talk)
        self.port = self.server.port

    def talk(self, peer):
        round_ = self.round
        with socket.create_connection(("127.0.0.1", self.goal), 10) as there:
            pump(peer, there, lambda: self.round > round_)
        while self.round > round_:  # neither closed nor read
            time.sleep(0.1)

    def freeze(self):
        self.round += 1

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.server.stop()


def pump(a, b, stopped=lambda: False):
    """Carries bytes both ways until one side is over."""
    for s in (a, b):
        s.settimeout(30)
    while not stopped():
        ready, _, _ = select.select([a, b], [], [], 30)
        if not ready:
            return
        for s in ready:
            data = s.recv(65536)
            if not data:
                return
            (b if s is a else a).sendall(data)


# ---- certificates

def openssl(*arguments, text=None):
    subprocess.run(["openssl", *arguments], check=True, input=text,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Authority:
    """A CA in a directory; issue() makes NAME.pem and NAME.key there."""

    def __init__(self, directory, name="ca"):
        self.dir, self.name = directory, name
        self.cert, self.key = f"{directory}/{name}.pem", f"{directory}/{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                f"/CN={name}", "-keyout", self.key, "-out", self.cert)

    def issue(self, name, sans="IP:127.0.0.1", days=30, rsa=False):
        """Paths of certificate and key. days < 0: expired."""
        base = f"{self.dir}/{self.name}-{name}"
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt",
                                         "ec_paramgen_curve:P-256"]
        openssl("req", "-new", "-newkey", *kind, "-nodes", "-subj",
                f"/CN={name}", "-keyout", f"{base}.key", "-out",
                f"{base}.csr")
        with open(f"{base}.ext", "w", encoding="ascii") as f:
            f.write(f"subjectAltName={sans}\n")
        sign = ["x509", "-req", "-in", f"{base}.csr", "-CA", self.cert,
                "-CAkey", self.key, "-CAcreateserial", "-extfile",
                f"{base}.ext", "-out", f"{base}.pem"]
        openssl(*sign, "-days", str(days))
        os.chmod(f"{base}.key", 0o644)
        return f"{base}.pem", f"{base}.key"


def server_context(cert, key, client_ca=None, least=None, most=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if least:
        context.set_ciphers("DEFAULT@SECLEVEL=0")
        context.minimum_version = least
    if most:
        context.maximum_version = most
    return context


# ---- nginx

class Nginx:
    """nginx with TLS and HTTP/2 on a port for each of the servers, which are
    name -> what stands in its block."""

    def __init__(self, directory, servers):
        self.dir = f"{directory}/nginx"
        os.mkdir(self.dir)
        self.ports = dict(zip(servers, free_ports(len(servers))))
        blocks = "\n".join(
            f"server {{ listen 127.0.0.1:{self.ports[name]} ssl http2; "
            f"{body} }}" for name, body in servers.items())
        with open(f"{self.dir}/nginx.conf", "w", encoding="utf-8") as f:
            f.write(f"""daemon off;
master_process off;
pid {self.dir}/pid;
error_log {self.dir}/error.log info;
events {{ worker_connections 64; }}
http {{
  access_log {self.dir}/access.log;
  client_body_temp_path {self.dir}/body;
  proxy_temp_path {self.dir}/proxy;
  fastcgi_temp_path {self.dir}/fastcgi;
  uwsgi_temp_path {self.dir}/uwsgi;
  scgi_temp_path {self.dir}/scgi;
  client_max_body_size 20m;
  {blocks}
}}
""")
        self.process = subprocess.Popen(
            ["nginx", "-p", self.dir, "-c", f"{self.dir}/nginx.conf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        if not wait_until("nginx", self.listens):
            raise RuntimeError("nginx does not start: " + self.errors())

    def url(self, name):
        return f"https://127.0.0.1:{self.ports[name]}"

    def listens(self):
        for port in self.ports.values():
            socket.create_connection(("127.0.0.1", port), 1).close()
        return True

    def errors(self):
        with open(f"{self.dir}/error.log", encoding="utf-8") as f:
            return f.read()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        self.stop()
