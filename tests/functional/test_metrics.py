"""/metrics: right for both of Prometheus' parsers, scraped by a real Prometheus, and what alerts and dashboard are made of."""

import contextlib
import json
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

import intent
from socled_fixture import PATIENCE, Socled, directory, socled  # noqa: F401
from test_socled_tls import Node as TlsNode, free_port
from pki import Authority

TOP = pathlib.Path(__file__).resolve().parents[2]
RULES = TOP / "packaging/prometheus/socle.rules.yml"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

pytestmark = pytest.mark.skipif(not shutil.which("promtool") or not shutil.which("prometheus"),
                                reason="the test needs promtool and prometheus (package prometheus)")


def fetch(port, path="/metrics", accept=None, method="GET"):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method,
                                     headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return answer.read().decode(), answer.headers["Content-Type"]


def families(text):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
    return {family.name: family for family in text_string_to_metric_families(text)}


def check_both_formats(port):
    """The strict parser of OpenMetrics, and promtool's of the older format; both say the same."""
    text, kind = fetch(port, accept=OPENMETRICS)
    assert kind.startswith("application/openmetrics-text; version=1.0.0") and text.endswith("# EOF\n")
    new = families(text)
    old, kind = fetch(port)
    assert kind.startswith("text/plain; version=0.0.4")
    done = subprocess.run(["promtool", "check", "metrics"], input=old, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {re.split("[{ ]", line)[0] for line in old.splitlines() if not line.startswith("#")} == \
        {sample.name for family in new.values() for sample in family.samples}
    return new


@pytest.fixture
def metrics(socled):  # noqa: F811
    port = free_port()
    socled.config.write_text(f"[metrics]\nlisten = 127.0.0.1:{port}\n")
    socled.start()
    return port


def test_without_a_dataplane_there_is_what_socled_knows_itself(metrics):
    found = check_both_formats(metrics)
    assert found["socle_dataplane_connected"].samples[0].value == 0
    assert abs(found["socle_start_time_seconds"].samples[0].value - time.time()) < 3600
    assert "socle_port_receive_packets" not in found
    assert [found[f"socle_baremetal_{what}"].samples[0].value for what in ("nodes", "failures", "leaving")] == [0, 0, 0]


def test_names_with_odd_characters_are_escaped(socled, tmp_path):  # noqa: F811
    from socled_fixture import network, underlay
    port = free_port()
    authority = Authority(tmp_path / "ca")
    node = TlsNode(socled, authority)
    node.put(*authority.issue("odd", "DNS:localhost", common_name='a "quoted" \\\\ name'))
    node.configure()
    socled.config.write_text(socled.config.read_text() + f"[metrics]\nlisten = 127.0.0.1:{port}\n")
    socled.start()
    with socled.connect() as rpc:
        rpc.apply(underlay(), network())
    found = check_both_formats(port)
    subject = found["socle_certificate_expiry_timestamp_seconds"].samples[0].labels["subject"]
    assert '"quoted"' in subject and subject.count("\\") >= 1
    assert {(s.labels["kind"], s.labels["state"]) for s in found["socle_objects"].samples} == \
        {("Underlay", "pending"), ("Network", "pending")}


@pytest.mark.parametrize("path, method, status", [("/", "GET", 404), ("/metrics/x", "GET", 404), ("/metrics", "POST", 405),
                                                  ("/metrics", "DELETE", 405)])
def test_what_is_not_answered(metrics, path, method, status):
    with pytest.raises(urllib.error.HTTPError) as refused:
        fetch(metrics, path, method=method)
    assert refused.value.code == status


def test_clients_that_hang_up_or_say_nothing_harm_nobody(metrics, socled):  # noqa: F811
    held = [socket.create_connection(("127.0.0.1", metrics)) for _ in range(40)]
    for number, client in enumerate(held):
        client.sendall([b"GET /metrics HTTP/1.1\r\n", b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", b"\0\xff\r\n\r\n"][number % 3])
        if number % 2:
            client.close()
    for _ in range(20):
        fetch(metrics)
    socled.alive()
    for client in held:
        client.close()


@contextlib.contextmanager
def prometheus(port, directory):  # noqa: F811
    """A real one, which scrapes every second; its address."""
    own = free_port()
    config = directory / "prometheus.yml"
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "rule_files": [str(RULES)], "scrape_configs": [
        {"job_name": "socle", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}]}))
    with open(directory / "prometheus.log", "wb") as log:
        process = subprocess.Popen(["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/tsdb",
                                    f"--web.listen-address=127.0.0.1:{own}"], stdout=log, stderr=log)
        try:
            yield f"http://127.0.0.1:{own}"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def query(address, expression):
    with contextlib.suppress(OSError), urllib.request.urlopen(
            f"{address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}", timeout=PATIENCE) as answer:
        return json.load(answer)["data"]["result"]
    return []


def wait_for(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not seen: {what}"
        time.sleep(0.2)
    return found


@pytest.mark.netns
def test_a_real_prometheus_sees_traffic_drops_and_the_dataplane_die(one_node, lab, tmp_path):
    port = 9697  # the node has a network namespace of its own
    one_node.socled.stop()
    config = one_node.directory / "socled.conf"
    config.write_text(config.read_text() + f"[metrics]\nlisten = 127.0.0.1:{port}\n")
    one_node.start_socled()
    one_node.wait_connected()
    a, b = lab.guest("a", intent.mac(1), ["10.0.0.1"]), lab.guest("b", intent.mac(2), ["10.0.0.2"])
    one_node.apply(intent.network("blue", vni=100), a.port("blue"), b.port("blue"))
    a.up(), b.up()
    a.reaches("10.0.0.2")
    with one_node.namespace.entered(), prometheus(port, tmp_path) as address:
        found = check_both_formats(port)
        received = {s.labels["port"]: s.value for s in found["socle_port_receive_packets"].samples}
        assert received["a"] > 0 and received["b"] > 0 and "physnet0" in received
        wait_for("a scrape", lambda: query(address, 'up{job="socle"} == 1'))
        seen = wait_for("packets", lambda: query(address, 'socle_port_receive_packets_total{port="a", network="blue"} > 0'))
        assert seen[0]["metric"]["kind"] == "Port"
        dashboard_queries_are_right(address, set(found))
        one_node.dataplane.kill()
        wait_for("the dataplane's end", lambda: query(address, "socle_dataplane_connected == 0"))
    one_node.dataplane.start()
    one_node.wait_connected()


def dashboard_queries_are_right(address, known):
    """Each expression of the dashboard is one that Prometheus takes, and names metrics that there are."""
    dashboard = json.loads((TOP / "packaging/grafana/socle-nodes.json").read_text())
    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", [])]
    assert len(expressions) > 20
    for expression in expressions:
        for name, value in (("$instance", ".*"), ("$port", ".*"), ("$__rate_interval", "10s")):
            expression = expression.replace(name, value)
        named = {re.sub("_(total|sum|count|info)$", "", name) for name in re.findall(r"socle_\w+", expression)}
        assert named <= known | {"socle_certificate_expiry_timestamp_seconds"}, expression
        with urllib.request.urlopen(f"{address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}") as answer:
            assert json.load(answer)["status"] == "success", expression


def test_alert_rules_fire_when_they_should():
    for arguments in (["check", "rules", RULES], ["test", "rules", RULES.with_name("socle.rules.test.yml")]):
        done = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    tested = RULES.with_name("socle.rules.test.yml").read_text()
    assert all(name in tested for name in re.findall(r"alert: (\w+)", RULES.read_text()))
