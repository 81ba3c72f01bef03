"""Traces: a few lines of reasoning before a call, made from the parser's reading of the command, and the call after."""

from helpers.dataset import calls

OPEN, CLOSE = "<think>\n", "\n</think>\n\n"  # as DeepSeek-R1 writes them


def trace(call: dict) -> str:
    """What the parser read, a line each: the arguments first, then the action. `call`: {"name", "arguments"}."""
    read = [f"{slot}: {value}" for slot, value in call["arguments"].items()]
    return "\n".join([*read, f"action: {call['name']}"])


def with_trace(record: dict) -> dict:
    """The record with an answer that reasons first. Its other keys stay."""
    text = record["completion"][0]["content"]
    answer = {"role": "assistant", "content": OPEN + trace(calls.parse(text)) + CLOSE + text}
    return record | {"completion": [answer]}


def after(answer: str) -> str:
    """What follows the reasoning: the whole answer if it has none, and nothing if the reasoning does not end."""
    if not answer.startswith(OPEN.strip()):
        return answer
    return answer.partition(CLOSE.strip())[2].strip()
