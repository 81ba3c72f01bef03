"""Turns: conversations as other projects write them, as the messages that a chat template renders."""

import ast
import json
from collections.abc import Iterable

# What others call the roles. The spelling is compared in small letters.
ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "chatbot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bard": "assistant",
    "bing": "assistant",
    "ai": "assistant",
    "tool": "tool",
    "function": "tool",
    "ipython": "tool",
    "observation": "tool",
    "tool_response": "tool",
    "function_response": "tool",
    "function_call": "call",
    "tool_call": "call",
}
ROLE_KEYS, TEXT_KEYS = ("role", "from", "speaker"), ("content", "value", "text")


class Unfit(ValueError):
    """A row that cannot be trained on: the check of that name, and the reason."""

    def __init__(self, check: str, reason: str):
        super().__init__(reason)
        self.check = check


def is_turn(value) -> bool:
    """Whether this is one turn of a conversation: who speaks, and what."""
    said = (*TEXT_KEYS, "tool_calls", "function_call")
    return isinstance(value, dict) and any(k in value for k in ROLE_KEYS) and any(k in value for k in said)


def listed(value) -> list | None:
    """A list, also one that a cell of CSV holds as JSON text, or as Python prints it; None for anything else."""
    if isinstance(value, str) and value.strip()[:1] == "[":
        try:
            value = json.loads(value)
        except ValueError:
            try:
                value = ast.literal_eval(value.strip())
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                return None
    return value if isinstance(value, list) else None


def text_of(value) -> str:
    """What a cell holds, as text: numbers and nested JSON as they would be written, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        raise Unfit("malformed", "it holds bytes instead of text")
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def messages_of(turns: list, system: str = "") -> tuple[list[dict], list[tuple[str, str]]]:
    """The messages of a conversation, and (check, detail) of what had to be changed; Unfit for what cannot be used.

    turns: dictionaries with role and content, from and value; pairs such as {"human": …, "assistant": …}; or texts of
    which the user says the first. Of the messages the system's comes first, the user's and the assistant's alternate,
    with tool calls and their results in between, and the assistant has the last word.
    """
    said = [{"role": "system", "content": system}] if system.strip() else []
    for place, turn in enumerate(turns):
        said += _messages(turn, place)
    messages, changes = _joined([m for m in said if m["role"] != "system" or m["content"].strip()])
    if not any(message["role"] == "user" for message in messages):
        raise Unfit("no user turn", f"its turns are those of {', '.join(m['role'] for m in messages) or 'nobody'}")
    first = 1 if messages[0]["role"] == "system" else 0
    if any(message["role"] == "system" for message in messages[first:]):
        raise Unfit("malformed", "a system message stands in the middle of the conversation")
    greeting = next(n for n, message in enumerate(messages) if message["role"] == "user")
    if greeting > first:
        changes.append(("turns left out", "the assistant speaks before the user does; that turn is left out"))
        del messages[first:greeting]
    while messages and not (messages[-1]["role"] == "assistant" and _counts(messages[-1])):
        if messages[-1]["role"] == "user":
            changes.append(("unanswered turn", "the user has the last word; that turn is left out"))
        messages.pop()
    if not any(message["role"] == "assistant" for message in messages):
        raise Unfit("empty", "it has no answer to learn from")
    for message in messages:
        if not message["content"].strip() and not message.get("tool_calls"):
            raise Unfit("empty", f"the {message['role']}'s content is empty")
    return messages, changes


def every_turn(rows: Iterable[dict]) -> list[dict]:
    """Rows of prompt and completion with one row for each answer of a conversation, so that the loss counts them all.

    An answer that its file gave the weight 0 stays in the prompts only. Longer conversations repeat their beginning.
    """
    expanded = []
    for row in rows:
        messages = row["prompt"] + row["completion"]
        for place, message in enumerate(messages):
            if message["role"] == "assistant" and _counts(message):
                expanded.append(row | {"prompt": messages[:place], "completion": [message]})
    return expanded


def tools_as_text(row: dict) -> dict:
    """A row of messages and tools as prompt and completion, for a chat template that knows no tools.

    Any other row comes back as it is. The tools' schemas go into the system message, a call becomes
    <tool_call>{…}</tool_call> in the assistant's text, and a result is what the user says next.
    """
    if "messages" not in row:
        return row
    messages = []
    if row.get("tools"):
        schemas = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in row["tools"])
        messages.append({"role": "system", "content": f"You can call these tools:\n{schemas}"})
    for message in row["messages"]:
        role = {"tool": "user"}.get(message["role"], message["role"])
        calls = [json.dumps(call["function"], ensure_ascii=False) for call in message.get("tool_calls") or []]
        parts = [message["content"], *(f"<tool_call>{call}</tool_call>" for call in calls)]
        messages.append({"role": role, "content": "\n".join(part for part in parts if part)})
    messages, _ = _joined([message for message in messages if message["content"].strip()])
    return {"prompt": messages[:-1], "completion": messages[-1:]}


def tools_of(value) -> list[dict]:
    """The tools of a row in the form of OpenAI and TRL, from a list, or from JSON text that holds one."""
    tools = listed(value) or ([value] if isinstance(value, dict) else [])
    if listed(value) is None and isinstance(value, str) and value.strip():
        raise Unfit("malformed", "its tools are no JSON list")
    return [tool if "function" in tool else {"type": "function", "function": tool} for tool in tools]


def calls_of(value) -> list[dict]:
    """Tool calls in the form of TRL, arguments as an object, from a list, one object, or the JSON text of either."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise Unfit("malformed", "a tool call in it is not valid JSON") from None
    calls = []
    for call in value if isinstance(value, list) else [value]:
        function = call.get("function", call) if isinstance(call, dict) else {}
        if not isinstance(function, dict) or not function.get("name"):
            raise Unfit("malformed", "a tool call in it has no name")
        arguments = function.get("arguments", function.get("parameters")) or {}
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except ValueError:
                raise Unfit("malformed", f"the arguments of {function['name']} are not valid JSON") from None
        calls.append({"type": "function", "function": {"name": function["name"], "arguments": arguments}})
    return calls


def _messages(turn, place: int) -> list[dict]:
    """One turn as one message, or, where a turn is a pair of question and answer, as two."""
    if isinstance(turn, str):
        return [{"role": ("user", "assistant")[place % 2], "content": turn}]
    if isinstance(turn, list) and len(turn) == 2:
        return [{"role": "user", "content": text_of(turn[0])}, {"role": "assistant", "content": text_of(turn[1])}]
    if not isinstance(turn, dict):
        raise Unfit("malformed", f"turn {place + 1} is {type(turn).__name__}, not a message")
    if not is_turn(turn):
        pair = [{"role": ROLES[k.lower()], "content": text_of(v)} for k, v in turn.items() if k.lower() in ROLES]
        if not pair:
            raise Unfit("malformed", f"turn {place + 1} has no role and no content")
        return pair
    named = next(turn[key] for key in ROLE_KEYS if key in turn)
    role = ROLES.get(str(named).strip().lower())
    if role is None:
        raise Unfit("malformed", f"unknown role {named!r}")
    content = _content(_said(turn), place)
    if role == "call":
        return [{"role": "assistant", "content": "", "tool_calls": calls_of(content)}]
    message = {"role": role, "content": content}
    calls = turn.get("tool_calls") or turn.get("function_call")
    if calls:
        message["tool_calls"] = calls_of(calls)
    if turn.get("reasoning_content"):
        message["content"] = f"<think>\n{turn['reasoning_content']}\n</think>\n\n{content}"
    if turn.get("weight") == 0:
        message["weight"] = 0
    return [message]


def _said(turn: dict):
    """What a turn, or a part of one, says."""
    return next((turn[key] for key in TEXT_KEYS if key in turn), None)


def _content(value, place: int) -> str:
    """A message's text; of content in parts, the texts of its parts."""
    if isinstance(value, list) and value and all(isinstance(part, dict) and "type" in part for part in value):
        other = {part["type"] for part in value if part["type"] not in ("text", "input_text", "output_text")}
        if other:
            raise Unfit("malformed", f"turn {place + 1} holds {', '.join(sorted(map(str, other)))}, not only text")
        return "\n".join(text_of(_said(part)) for part in value)
    return text_of(value)


def _joined(messages: list[dict]) -> tuple[list[dict], list[tuple[str, str]]]:
    """The messages, neighbours of one role made one, which many chat templates insist on."""
    joined, changes = [], []
    for message in messages:
        before = joined[-1] if joined else {}
        if before.get("role") != message["role"] or message["role"] == "tool":
            joined.append(dict(message))
            continue
        before["content"] = "\n\n".join(part for part in (before["content"], message["content"]) if part)
        if "tool_calls" in message:
            before["tool_calls"] = before.get("tool_calls", []) + message["tool_calls"]
        changes.append(("turns joined", f"two turns of the {message['role']} follow each other; they are joined"))
    return joined, changes[:1]


def _counts(message: dict) -> bool:
    return message.get("weight") != 0
