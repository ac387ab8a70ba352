"""Between socled and Ironic: passes requests on (over TLS if it has a certificate), counts them, and lets a test interfere with the n-th one, before Ironic has
seen it or before socled has the answer."""

import http.client
import http.server
import json
import socketserver
import ssl
import threading
import urllib.parse


class Middleman:
    def __init__(self, url, certificate=None):
        self.there = urllib.parse.urlsplit(url)
        self.log = []  # (method, path, status)
        self.before = self.after = None  # called with (number, method, path); True: the connection is cut
        self.answer = None  # called with (method, path): a (status, body) of our own, or None
        self.alter = None  # called with (method, path, document): Ironic's answer as the test has it, or None
        self.minor = None  # Ironic's newest API version, as we pretend; it is spoken to in 1.82
        self.bodies = []  # of each request
        self.headers = []  # of each request
        self.closing = False  # each request on a connection of its own
        self.lock = threading.Lock()
        middleman = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                middleman.serve(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # socled was killed in the middle

        self.server = Server(("127.0.0.1", 0), Handler)
        self.certificate = certificate
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
            self.context.num_tickets = 0  # no session is resumed: each handshake shows its certificate
            self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.server.server_address[1]}"

    def renew(self, certificate):
        """For the handshakes to come."""
        self.context.load_cert_chain(*certificate)

    def reset(self):
        with self.lock:
            self.log, self.headers, self.bodies = [], [], []
        self.before = self.after = self.answer = self.alter = None

    def writes(self):
        return [(method, path) for method, path, _ in self.log if method != "GET"]

    def serve(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self.lock:
            self.log.append((handler.command, handler.path, None))
            self.headers.append(dict(handler.headers))
            self.bodies.append(body)
            number = len(self.log)
        if self.before and self.before(number, handler.command, handler.path):
            return self.cut(handler)
        made = self.answer(handler.command, handler.path) if self.answer else None
        status, headers, data = (made[0], [("Content-Type", "application/json")], made[1].encode()) if made else self.pass_on(handler, body)
        if status is not None and not made:
            data = self.changed(handler, status, data)
        if status is None or (self.after and self.after(number, handler.command, handler.path)):
            return self.cut(handler)
        with self.lock:
            if number <= len(self.log):
                self.log[number - 1] = (handler.command, handler.path, status)
        handler.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                handler.send_header(name, value)
        if self.closing:
            handler.send_header("Connection", "close")
            handler.close_connection = True
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def changed(self, handler, status, data):
        """What Ironic has answered, as the test wants it to be seen."""
        if self.minor and handler.path == "/":
            data = data.replace(b'"version": "1.82"', b'"version": "1.%d"' % self.minor)
        if self.alter and status < 300 and data:
            document = self.alter(handler.command, handler.path, json.loads(data))
            data = data if document is None else json.dumps(document).encode()
        return data

    def cut(self, handler):
        handler.close_connection = True

    def pass_on(self, handler, body):
        connection = http.client.HTTPConnection(self.there.hostname, self.there.port, timeout=60)
        try:
            headers = {k: v for k, v in handler.headers.items() if k.lower() not in ("host", "connection")}
            if self.minor:
                headers = {k: "1.82" if k.lower() == "x-openstack-ironic-api-version" else v for k, v in headers.items()}
            connection.request(handler.command, handler.path, body or None, headers)
            reply = connection.getresponse()
            return reply.status, reply.getheaders(), reply.read()
        except OSError:
            return None, [], b""  # Ironic is gone: so is the connection
        except http.client.HTTPException:
            return None, [], b""
        finally:
            connection.close()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
