"""A real Ironic for tests (package ironic-common: API and conductor in one process, SQLite), on loopback, with the strategy
of authentication that a test asks for; Keystone beside it if need be."""

import base64
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

PATIENCE = 120
PYTHON = "/usr/bin/python3"
QUIET = {k: v for k, v in os.environ.items() if k not in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")}

CONFIG = """
[DEFAULT]
auth_strategy = {strategy}
{basic}
rpc_transport = none
host = lab
my_ip = 127.0.0.1
state_path = {directory}
tempdir = {directory}/tmp
log_file = {directory}/ironic.log
use_stderr = false
enabled_hardware_types = fake-hardware,redfish,ipmi
enabled_power_interfaces = fake,redfish,ipmitool
enabled_management_interfaces = fake,redfish,ipmitool
enabled_boot_interfaces = fake,ipxe
enabled_deploy_interfaces = fake,direct
enabled_inspect_interfaces = fake,no-inspect
enabled_bios_interfaces = fake,no-bios
enabled_raid_interfaces = fake,no-raid
enabled_vendor_interfaces = fake,no-vendor
enabled_console_interfaces = fake,no-console
enabled_rescue_interfaces = fake,no-rescue
enabled_network_interfaces = noop
enabled_storage_interfaces = noop
[api]
host_ip = 127.0.0.1
port = {port}
api_workers = 1
{tls}
[ssl]
{certificate}
[database]
connection = sqlite:///{directory}/db/ironic.sqlite
[conductor]
automated_clean = false
node_locked_retry_attempts = 0
workers_pool_size = 20
[dhcp]
dhcp_provider = none
[fake]
power_delay = {power_delay}
[deploy]
http_root = {directory}/httpboot
[pxe]
tftp_root = {directory}/tftpboot
tftp_master_path = {directory}/tftpboot/master
images_path = {directory}/images
instance_master_path = {directory}/images/master
[redfish]
connection_attempts = 1
[ipmi]
command_retry_timeout = 60
min_command_interval = 1
[keystone_authtoken]
{keystone}
"""


def there():
    return os.path.exists("/usr/bin/ironic") and os.path.exists("/usr/bin/ironic-dbsync")


def keystone_there():
    return os.path.exists("/usr/bin/keystone-manage") and os.path.exists("/usr/bin/keystone-wsgi-public")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert process.poll() is None, f"ended with {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")


def die_with_me():
    """In the child: a test run that is killed leaves no servers behind (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def spawn(command, log):
    """In a session of its own, whose processes all end by kill_all()."""
    with open(log, "ab") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=QUIET, start_new_session=True,
                                preexec_fn=die_with_me)


def kill_all(process):
    """The whole group, whether or not its first process is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class HttpError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status} {body[:300]}")
        self.status = status


class Ironic:
    def __init__(self, directory, strategy="noauth", power_delay=0, users=None, certificate=None, keystone=None):
        self.directory = pathlib.Path(directory)
        self.port, self.strategy, self.certificate = free_port(), strategy, certificate
        self.keystone, self.users = keystone, users or {}
        for name in ("tmp", "db", "httpboot", "tftpboot/master", "images/master"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        self.config, self.process, self.power_delay = self.directory / "ironic.conf", None, power_delay
        self.lock = threading.Lock()  # a middleman's thread kills, the test's own starts
        self.write_config()
        subprocess.run(["/usr/bin/ironic-dbsync", "--config-file", self.config, "create_schema"], check=True,
                       capture_output=True, env=QUIET, timeout=PATIENCE)

    def write_config(self):
        certificate = "cert_file = {}\nkey_file = {}".format(*self.certificate) if self.certificate else ""
        self.config.write_text(CONFIG.format(
            strategy=self.strategy, basic=self.basic(), directory=self.directory, port=self.port, certificate=certificate,
            tls="enable_ssl_api = true" if self.certificate else "", power_delay=self.power_delay,
            keystone=self.keystone.for_ironic() if self.keystone else ""))

    def basic(self):
        if self.strategy != "http_basic":
            return ""
        path = self.directory / "htpasswd"
        hashed = subprocess.run([PYTHON, "-c", "import bcrypt, sys\nfor a in sys.argv[1:]:\n u, _, p = a.partition(':')\n"
                                 " print(u + ':' + bcrypt.hashpw(p.encode(), bcrypt.gensalt(4))"
                                 ".decode().replace('$2b$', '$2y$', 1))",
                                 *(f"{u}:{p}" for u, p in self.users.items())], check=True, capture_output=True, text=True).stdout
        path.write_text(hashed)
        return f"http_basic_auth_user_file = {path}"

    @property
    def url(self):
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}"

    def start(self):
        process = self.launch()
        try:
            wait_for_port(self.port, process)
            self.until_served()
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self):
        """Not waited for: it may be killed again at its first request."""
        self.stop()
        with self.lock:
            self.process = spawn(["/usr/bin/ironic", "--config-file", self.config], self.directory / "out.log")
            return self.process

    def until_served(self):
        """The conductor registers its drivers after the API listens."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(HttpError, OSError):
                if len(self.get("/v1/drivers")["drivers"]) >= 3:
                    return
            time.sleep(0.1)
        raise TimeoutError("Ironic has no drivers:\n" + (self.directory / "ironic.log").read_text()[-2000:])

    def kill(self):
        with self.lock:
            if self.process:
                kill_all(self.process)
            self.process = None

    stop = kill

    # ---- asking it, as an administrator

    def headers(self):
        headers = {"X-OpenStack-Ironic-API-Version": "1.82", "Content-Type": "application/json", "Accept": "application/json"}
        if self.strategy == "http_basic":
            user, password = next(iter(self.users.items()))
            headers["Authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if self.keystone:
            headers["X-Auth-Token"] = self.keystone.token()
        return headers

    def call(self, method, path, body=None, data=None):
        request = urllib.request.Request(self.url + path, method=method, headers=self.headers(),
                                         data=json.dumps(body).encode() if body is not None else data)
        context = ssl._create_unverified_context() if self.certificate else None
        try:
            with urllib.request.urlopen(request, timeout=60, context=context) as reply:
                text = reply.read()
        except urllib.error.HTTPError as error:
            raise HttpError(error.code, error.read().decode(errors="replace")) from None
        return json.loads(text) if text else None

    def get(self, path):
        return self.call("GET", path)

    def nodes(self):
        return self.get("/v1/nodes/detail")["nodes"]

    def ports(self):
        return self.get("/v1/ports/detail")["ports"]

    def portgroups(self):
        return self.get("/v1/portgroups/detail")["portgroups"]

    def everything(self):
        """Without what moves by itself."""
        def still(thing):
            return {k: v for k, v in thing.items() if k not in ("links", "updated_at", "created_at", "provision_updated_at", "ports", "portgroups",
                                                                "states", "volume")}
        return [sorted((still(t) for t in things), key=lambda t: t["uuid"]) for things in (self.nodes(), self.ports(), self.portgroups())]

    def node(self, name):
        return self.get(f"/v1/nodes/{name}")

    def provision(self, name, verb, state):
        self.call("PUT", f"/v1/nodes/{name}/states/provision", {"target": verb})
        self.until(name, state)

    def until(self, name, state):
        deadline = time.monotonic() + PATIENCE
        while self.node(name)["provision_state"] != state:
            assert time.monotonic() < deadline, self.node(name)
            time.sleep(0.05)

    def clear(self):
        """No node is left, whatever state it is in."""
        for node in self.nodes():
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    self.call("PUT", f"/v1/nodes/{node['uuid']}/maintenance", {"reason": "end of the test"})
                    self.call("DELETE", f"/v1/nodes/{node['uuid']}")
                    break
                except HttpError as error:
                    if error.status == 404:
                        break
                    assert error.status == 409 and time.monotonic() < deadline, error
                    time.sleep(0.1)


class Keystone:
    """Keystone on SQLite, with an administrator, a project, and Ironic in its catalogue."""

    PASSWORD = "keystone-admin-secret"

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.port, self.process, self.cached = free_port(), None, None
        self.config = self.directory / "keystone.conf"
        self.config.write_text(f"[DEFAULT]\nlog_file = {self.directory}/keystone.log\n[database]\nconnection = "
                               f"sqlite:///{self.directory}/keystone.sqlite\n[fernet_tokens]\nkey_repository = {self.directory}/fernet\n"
                               f"[credential]\nkey_repository = {self.directory}/credential\n[token]\nprovider = fernet\n[identity]\npassword_hash_rounds = 4\n")
        self.manage("db_sync")
        with contextlib.closing(sqlite3.connect(self.directory / "keystone.sqlite")) as database:
            database.execute("PRAGMA journal_mode=WAL")  # a request of Keystone's reads by one connection while it writes by another
        self.manage("fernet_setup", "--keystone-user", "root", "--keystone-group", "root")
        self.manage("credential_setup", "--keystone-user", "root", "--keystone-group", "root")
        self.manage("bootstrap", "--bootstrap-password", self.PASSWORD, "--bootstrap-public-url", f"{self.url}/v3", "--bootstrap-internal-url", f"{self.url}/v3",
                    "--bootstrap-region-id", "here")

    def manage(self, *arguments):
        subprocess.run([PYTHON, "/usr/bin/keystone-manage", "--config-file", self.config, *arguments], check=True,
                       capture_output=True, env=QUIET, timeout=PATIENCE)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = spawn([PYTHON, "/usr/bin/keystone-wsgi-public", "-b", "127.0.0.1", "-p", str(self.port), "--", "--config-file",
                              self.config], self.directory / "out.log")
        try:
            wait_for_port(self.port, self.process)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        if self.process:
            kill_all(self.process)
        self.process = None

    def for_ironic(self):
        return (f"auth_type = password\nauth_url = {self.url}/v3\nwww_authenticate_uri = {self.url}/v3\nusername = admin\n"
                f"password = {self.PASSWORD}\nproject_name = admin\nuser_domain_name = Default\nproject_domain_name = Default\n"
                "token_cache_time = -1\ninterface = public\n")

    def request(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.url + path, method=method, data=json.dumps(body).encode() if body is not None else None,
                                         headers={"Content-Type": "application/json", **({"X-Auth-Token": token} if token else {})})
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                text = reply.read()
                return json.loads(text) if text else None, reply.headers
        except urllib.error.HTTPError as error:
            raise HttpError(error.code, error.read().decode(errors="replace")) from None

    def token(self):
        if not self.cached:
            _, headers = self.request("POST", "/v3/auth/tokens", {"auth": {
                "identity": {"methods": ["password"], "password": {"user": {"name": "admin", "domain": {"name": "Default"},
                                                                            "password": self.PASSWORD}}},
                "scope": {"project": {"name": "admin", "domain": {"name": "Default"}}}}})
            self.cached = headers["X-Subject-Token"]
        return self.cached

    def admin(self, method, path, body=None):
        return self.request(method, path, body, self.token())[0]

    def revoke(self, token):
        request = urllib.request.Request(self.url + "/v3/auth/tokens", method="DELETE",
                                         headers={"X-Auth-Token": self.token(), "X-Subject-Token": token})
        urllib.request.urlopen(request, timeout=60).close()

    def add_service(self, url):
        service = self.admin("POST", "/v3/services", {"service": {"type": "baremetal", "name": "ironic"}})["service"]["id"]
        for interface, address in (("public", url), ("internal", "http://127.0.0.1:1/wrong")):
            self.admin("POST", "/v3/endpoints", {"endpoint": {"service_id": service, "interface": interface, "url": address,
                                                             "region_id": "here"}})

    def add_user(self, name, password, role):
        domain = "default"
        user = self.admin("POST", "/v3/users", {"user": {"name": name, "password": password, "domain_id": domain}})["user"]["id"]
        project = self.admin("GET", "/v3/projects?name=admin")["projects"][0]["id"]
        role_id = self.admin("GET", f"/v3/roles?name={role}")["roles"][0]["id"]
        self.admin("PUT", f"/v3/projects/{project}/users/{user}/roles/{role_id}")
        return user

    def add_application_credential(self, secret):
        me = self.admin("GET", "/v3/users?name=admin")["users"][0]["id"]
        answer = self.admin("POST", f"/v3/users/{me}/application_credentials",
                            {"application_credential": {"name": f"socle-{time.monotonic_ns()}", "secret": secret}})
        return answer["application_credential"]["id"]
