"""The control socket of socled, for tests: JSON-RPC 2.0, one JSON text a line."""

import itertools
import json
import socket


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['code']} {error['message']}: {json.dumps(error.get('data'))}")
        self.code, self.message, self.data = error["code"], error["message"], error.get("data") or {}


class Control:
    def __init__(self, path, timeout=90):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(str(path))
        self.reader = self.socket.makefile("rb")
        self.ids = itertools.count(1)

    def call(self, method, **params):
        number = next(self.ids)
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            line = self.reader.readline()
            if not line:
                raise ConnectionError("socled closed the connection")
            answer = json.loads(line)
            if answer.get("id") != number:
                continue
            if "error" in answer:
                raise RpcError(answer["error"])
            return answer["result"]

    def close(self):
        self.reader.close()
        self.socket.close()
