"""setup(): checks the parameters that it is handed, quiets libraries and closes their reports to the outside."""

import os
import subprocess
import sys
import urllib.request

import pytest
from trl import SFTConfig

from helpers import LAPTOP, setup
from helpers.errors import CourseError


@pytest.mark.parametrize("value", [0, -1, "8", None])
def test_a_parameter_that_is_no_number_above_0_is_named(value):
    with pytest.raises(CourseError, match=rf"^batch_size is {value!r}: make it a number above 0"):
        setup(max_steps=3, batch_size=value)


def test_it_returns_nothing_to_be_shown_below_the_cell():
    assert setup() is None


def test_reports_to_the_outside_are_closed(tmp_path):
    """ONNX Runtime leaves a deviceid when it reports to Microsoft; with CI set it is silent anyway."""
    script = (
        "import onnxruntime_genai, transformers\n"  # as notebook 10 does, before it calls setup
        "from helpers import setup\nsetup()\n"
        "import huggingface_hub.constants as hub, numpy as np, onnx, onnxruntime\n"
        "from onnx import TensorProto, helper\n"
        "value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1])\n"
        "graph = helper.make_graph([helper.make_node('Identity', ['a'], ['b'])], 'g', [value('a')], [value('b')])\n"
        "model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 20)], ir_version=10)\n"
        "session = onnxruntime.InferenceSession(model.SerializeToString())\n"
        "print(session.run(None, {'a': np.ones(1, 'f')})[0], hub.HF_HUB_DISABLE_TELEMETRY)"
    )
    own = {name: value for name, value in os.environ.items() if name not in ("CI", "ORT_DISABLE_TELEMETRY")}
    own |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-c", script], env=own, capture_output=True, text=True)
    assert done.stdout.split() == ["[1.]", "True"], done.stderr
    assert not list(tmp_path.rglob("deviceid"))


@pytest.mark.parametrize(
    "before, after",
    [
        ({"http_proxy": "http://192.0.2.1:3128"}, "127.0.0.1,localhost"),
        ({"HTTPS_PROXY": "http://192.0.2.1:3128", "NO_PROXY": ".lan, localhost"}, ".lan,localhost,127.0.0.1"),
        ({"http_proxy": "http://192.0.2.1:3128", "no_proxy": "*"}, "*"),
        ({}, None),  # a proxy may stand in the system's settings, which no_proxy alone would hide
    ],
)
def test_a_proxy_is_not_asked_for_this_machine_itself(before, after, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.setenv(name, "")  # so that what setup() adds is taken back after the test
        monkeypatch.setenv(name.upper(), "")
        monkeypatch.delenv(name)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in before.items():
        monkeypatch.setenv(name, value)
    setup()
    assert os.environ.get("no_proxy") == after
    assert not after or urllib.request.proxy_bypass("127.0.0.1:8808")


def test_the_arguments_of_a_quiet_run_are_current(tmp_path):
    config = SFTConfig(output_dir=str(tmp_path), **LAPTOP)
    assert config.use_cpu and not config.bf16 and config.save_strategy == "no" and config.report_to == []
