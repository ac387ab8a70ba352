"""docs/objects.md says what socled's schema says, and every example is what socled takes."""

import pathlib
import subprocess

import pytest
from cli_fixture import OK, Node
from socled_fixture import BUILD

TOP = pathlib.Path(__file__).resolve().parents[2]


def test_the_reference_is_up_to_date():
    done = subprocess.run([TOP / "script/docs", "--check", "--build", BUILD], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("example", sorted((TOP / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_example(example):
    node = Node()
    try:
        done = node.start().ctl("apply", "--no-wait", "-f", example)
        assert done.status == OK and "0 unchanged" in done.out, done
        again = node.ctl("apply", "--no-wait", "-f", example)
        assert again.status == OK and "0 added, 0 updated, 0 deleted" in again.out, again
    finally:
        node.stop()
