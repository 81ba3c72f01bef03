"""Serving a model as a notebook does: the port, the address, the answers, and what is left afterwards."""

import re
import socket

import psutil
import pytest
from openai import OpenAI

from helpers import setup
from helpers.dataset import commands
from helpers.errors import CourseError
from helpers.evaluation.generation import generate
from helpers.model import load_tuned
from helpers.training.serving import serve


def test_a_taken_port_is_said_so(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CourseError, match=f"Port {port} is taken"), serve(tmp_path, port):
            pass


@pytest.mark.parametrize("port", [70_000, -1, "8000"])
def test_what_is_no_port_is_said_so(port, tmp_path):
    with pytest.raises(CourseError, match=f"{port!r} is no port: pass a number up to 65535"), serve(tmp_path, port):
        pass


def test_a_folder_without_a_model_is_not_served(tmp_path):
    with pytest.raises(CourseError, match="did not start"), serve(tmp_path):
        pass
    assert not [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(tmp_path)]


def test_the_server_gives_the_models_own_answers_past_a_proxy_and_ends(tmp_path, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")  # an address that is nobody's (RFC 5737)
    setup()
    model, tokenizer = load_tuned("nano")
    for part in (model, tokenizer):
        part.save_pretrained(tmp_path / "tuned")
    prompt = commands.load()["test"][0]["prompt"]
    with serve(tmp_path / "tuned") as address:
        port = int(re.search(r":(\d+)/v1", address)[1])
        client = OpenAI(base_url=address, api_key="none")
        reply = client.chat.completions.create(
            model=str(tmp_path / "tuned"), messages=prompt, temperature=0, max_tokens=64
        )
    assert reply.choices[0].message.content == generate(model, tokenizer, [prompt])[0]
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))  # nobody listens there any more
