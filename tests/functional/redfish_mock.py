"""A BMC as Redfish shows it, as much of it as Ironic asks for to verify a node: the service root for everybody, the system for who
knows the password; over TLS if a certificate is given."""

import base64
import http.server
import json
import socketserver
import ssl
import threading

SYSTEM = "/redfish/v1/Systems/1"
DOCUMENTS = {
    "/redfish/v1": {"@odata.id": "/redfish/v1/", "@odata.type": "#ServiceRoot.v1_5_0.ServiceRoot", "Id": "RootService", "Name": "BMC",
                    "RedfishVersion": "1.6.0", "UUID": "92384634-2938-2342-8820-489239905423",
                    "Systems": {"@odata.id": "/redfish/v1/Systems"}, "Managers": {"@odata.id": "/redfish/v1/Managers"},
                    "Links": {}},
    "/redfish/v1/Systems": {"@odata.id": "/redfish/v1/Systems", "@odata.type": "#ComputerSystemCollection.ComputerSystemCollection",
                            "Name": "Systems", "Members@odata.count": 1, "Members": [{"@odata.id": SYSTEM}]},
    SYSTEM: {"@odata.id": SYSTEM, "@odata.type": "#ComputerSystem.v1_10_0.ComputerSystem", "Id": "1", "Name": "System",
             "PowerState": "On", "Status": {"State": "Enabled", "Health": "OK"}, "Manufacturer": "Makers Inc.", "Model": "R9",
             "Boot": {"BootSourceOverrideEnabled": "Disabled", "BootSourceOverrideTarget": "None"},
             "Links": {"ManagedBy": [{"@odata.id": "/redfish/v1/Managers/1"}]},
             "Actions": {"#ComputerSystem.Reset": {"target": f"{SYSTEM}/Actions/ComputerSystem.Reset",
                                                   "ResetType@Redfish.AllowableValues": ["On", "ForceOff"]}}},
    "/redfish/v1/Managers": {"@odata.id": "/redfish/v1/Managers", "@odata.type": "#ManagerCollection.ManagerCollection", "Name": "Managers",
                             "Members@odata.count": 1, "Members": [{"@odata.id": "/redfish/v1/Managers/1"}]},
    "/redfish/v1/Managers/1": {"@odata.id": "/redfish/v1/Managers/1", "@odata.type": "#Manager.v1_5_0.Manager", "Id": "1", "Name": "BMC",
                               "ManagerType": "BMC"},
}


class Bmc:
    def __init__(self, username, password, certificate=None):
        self.username, self.password, self.certificate = username, password, certificate
        self.requests = []
        bmc = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                path = self.path.rstrip("/")
                bmc.requests.append(self.path)
                if path != "/redfish/v1" and self.headers.get("Authorization") != bmc.expected():
                    self.reply(401, {"error": {"code": "Base.1.0.NoValidSession", "message": "no valid session"}})
                elif path in DOCUMENTS:
                    self.reply(200, DOCUMENTS[path])
                else:
                    self.reply(404, {"error": {"code": "Base.1.0.ResourceMissing", "message": "no such resource"}})

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.reply(404, {"error": {"code": "Base.1.0.ResourceMissing", "message": "no such resource"}})

            def reply(self, status, document):
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("OData-Version", "4.0")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that does not trust the certificate

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def expected(self):
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
