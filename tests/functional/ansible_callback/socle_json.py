"""What a playbook run has done, as one JSON object on stdout: {"plays": [{"tasks": [{"task", "hosts": {host: result}}]}],
"stats": {host: counts}}. Ansible's own `json` callback is in a collection that ansible-core does not bring."""

import json

from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "socle_json"

    def __init__(self):
        super().__init__()
        self.plays = []

    def v2_playbook_on_play_start(self, play):
        self.plays.append({"play": {"name": play.get_name()}, "tasks": []})

    def v2_playbook_on_task_start(self, task, is_conditional):
        self.plays[-1]["tasks"].append({"task": {"name": task.get_name()}, "hosts": {}})

    def v2_playbook_on_handler_task_start(self, task):
        self.v2_playbook_on_task_start(task, False)

    def take(self, result, **more):
        self.plays[-1]["tasks"][-1]["hosts"][result._host.get_name()] = {**result._result, **more}

    def v2_runner_on_ok(self, result):
        self.take(result)

    def v2_runner_on_skipped(self, result):
        self.take(result, skipped=True)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self.take(result, failed=True)

    def v2_runner_on_unreachable(self, result):
        self.take(result, unreachable=True)

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps({"plays": self.plays,
                                          "stats": {host: stats.summarize(host) for host in sorted(stats.processed)}},
                                         default=str))
