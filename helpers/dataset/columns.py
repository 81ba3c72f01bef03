"""Columns: what projects call the same thing, and what a cell of it holds."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from helpers.dataset.turns import is_turn, listed, text_of
from helpers.language import _

# Columns that mean the same in different projects; compared without case, spaces, hyphens and underscores.
CHATS = ("messages", "conversations", "conversation", "dialogue", "dialog", "turns", "chat")
PROMPTS = ("prompt", "question", "query", "instruction", "input", "user", "human", "request", "usermessage", "ask", "q")
PROMPTS += ("questions", "問題", "提問", "問", "問句", "指令", "輸入", "題目", "問題內容")
PROMPTS += ("问题", "提问", "问", "输入", "题目", "题干")
PROMPTS += ("frage", "pregunta", "pergunta", "domanda", "質問", "질문", "вопрос")
ANSWERS = ("completion", "response", "answer", "output", "answers", "reply", "assistant", "gold", "solution", "a")
ANSWERS += ("assistantmessage", "答案", "回答", "回覆", "答覆", "輸出", "答", "回复", "答复", "输出", "答案內容")
ANSWERS += ("antwort", "respuesta", "resposta", "risposta", "réponse", "답변", "ответ")
# A column whose name only ends so counts where no other does, such as gold_answer.
PROMPT_ENDINGS = ("question", "prompt", "query", "input", "instruction")
ANSWER_ENDINGS = ("answer", "response", "completion", "reply", "output")
CONTEXTS = ("input", "context", "passage")  # what stands below an instruction or above a question
SYSTEMS = ("system", "systemprompt", "systemmessage")
TEXTS = ("text", "content", "document", "文本", "內容")
# Columns beside a text that say more than the text alone: it is then no text to go on writing.
LABELS = ("label", "labels", "category", "class", "sentiment", "target", "summary", "intent", "emotion", "role", "標籤")


@dataclass(frozen=True)
class Format:
    name: str  # of the formats that files.DataFile lists
    columns: str  # in words: which column became what
    used: frozenset  # columns
    row: Callable[[dict], tuple[dict, list]]  # a record becomes a row and its changes, or raises Unfit


class Unknown(ValueError):
    """No format fits, or one that SFT does not train on; the message ends the sentence "FILE holds …"."""

    def __init__(self, message: str, format: str = "unknown"):
        super().__init__(message)
        self.format = format


def plain(column: str) -> str:
    """A column's name without what projects write differently."""
    return re.sub(r"[\s_\-]+", "", str(column)).casefold()


def first(known: dict, names: tuple) -> str | None:
    return next((known[name] for name in names if name in known), None)


def ending(known: dict, endings: tuple) -> str | None:
    """The only column whose name ends so; None if there is none, or several."""
    fitting = [column for name, column in known.items() if name.endswith(endings)]
    return fitting[0] if len(fitting) == 1 else None


def value_of(record: dict, column: str):
    """The value of a column; "answers.text" reaches into an object, and the first of a list counts."""
    if column in record:
        return record[column]
    value = record
    for part in column.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def turns_of(value, role: str = "user") -> list:
    """The turns that a cell holds: a list of them, an object with messages, one turn, or a text of that role."""
    turns = listed(value)
    if turns and all(is_turn(turn) for turn in turns):
        return turns
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        return value["messages"]
    return [value] if is_turn(value) else [{"role": role, "content": text_of(value)}]


def answer_of(value, several: bool):
    """The answer in a cell: of several that are all right, as in SQuAD's column "answers", the first."""
    if several and isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict) and "text" in value:
        return answer_of(value["text"], several=True)
    return value


def as_pair(messages: list[dict], changes: list) -> tuple[dict, list]:
    return {"prompt": messages[:-1], "completion": messages[-1:]}, changes


def named(columns: list[str]) -> str:
    shown = ", ".join(repr(str(column)[:40]) for column in columns[:8])
    if not columns:
        return _("no columns")
    if len(columns) > 8:
        return _("the columns {} and {} more").format(shown, len(columns) - 8)
    return _("the column {}").format(shown) if len(columns) == 1 else _("the columns {}").format(shown)
