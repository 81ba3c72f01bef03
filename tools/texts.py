"""Texts in code that a reader sees: comments and texts of a notebook's cells, and what helpers say."""

import ast
import io
import itertools
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers import language

SPEAKING = ("_", "right", "not_yet", "CourseError")  # functions of helpers whose text a reader sees
# Modules whose constants are English that is trained on or searched for.
ENGLISH_ONLY = ("perturb.py", "grammar.py", "__init__.py")
# Modules whose functions hold templates, patterns, command lines, drawings, or how things are in an English home.
NOT_SHOWN = (
    "chat.py", "usage.py", "texts.py", "icons.py", "figures.py", "masks.py", "planner.py", "build.py", "devices.py",
)  # fmt: skip
NAMED = ("SHORT_TEXTS", "SEPARATORS", "CHECKS")  # constants of helpers whose texts a reader sees, however short
# Three words or more, and no markup, pattern or command line.
MARKUP = r"[\n\\\[]|<[a-z!?]|\{%|\(\?|--\w+_|---|\{\"|[a-z]:[\w{']|=\""
SENTENCE = re.compile(rf"(?!\{{[a-z]|.*({MARKUP})).+ .+ ")
SHOWN = ("predict", "report")  # modules whose calls in a notebook's code hold texts that a reader sees
READINGS = "DEVICE_READINGS"  # a constant whose texts have a context of their own
LOOKS = ("loc", "margin")  # arguments that are no texts


def comments(code: str) -> list[tokenize.TokenInfo]:
    """The comments of a cell that say something."""
    tokens = tokenize.generate_tokens(io.StringIO(code).readline)
    return [token for token in tokens if token.type == tokenize.COMMENT and words(token.string)]


def words(comment: str) -> str:
    """A comment without its marks."""
    return comment.lstrip("#").strip()


def shown(code: str, named_lists: dict[str, ast.expr]) -> Iterator[str]:
    """The texts of a cell that helpers show: those in calls like predict.choose(...), with options that have a name
    of their own, and errors.
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and (_module(node.func) in SHOWN or _name(node.func) == "CourseError"):
            yield from _texts(node)
            named = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            for name in sorted(named & set(named_lists)):
                yield from _texts(named_lists[name])
        if isinstance(node, ast.Call):
            yield from _described(node)


def units(code: str) -> Iterator[str]:
    """The units of a cell's estimates: predict.estimate(question, unit)."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "predict.estimate":
            for part in [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "unit")]:
                yield from _texts(part)


def lists(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """What assignments give to names: strings, lists of strings, and of a dictionary its texts, else its keys.

    A name has what all its assignments give it, and what is appended to it.
    """
    given = defaultdict(lambda: ast.Tuple([]))
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append":
            given[_name(node.func.value)].elts += node.args
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        if isinstance(node.value, ast.List | ast.Tuple | ast.Constant):
            given[node.targets[0].id].elts.append(node.value)
        elif isinstance(node.value, ast.Dict):
            told = [text for value in node.value.values for text in _texts(value)]
            texts = node.value.values if len(told) == len(node.value.values) else node.value.keys
            given[node.targets[0].id].elts += [text for text in texts if text is not None]
    return given


def _described(call: ast.Call) -> Iterator[str]:
    """The description of a slider or another control, which frame() translates."""
    if ast.unparse(call.func).rpartition(".")[2] == "log_slider":
        yield from _texts(call.args[0])
    for keyword in call.keywords:
        if keyword.arg == "description":
            yield from _texts(keyword.value)


def spoken(path: Path) -> Iterator[str]:
    """The texts of a module of helpers that a reader sees: in calls of SPEAKING, sentences, and constants of NAMED."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    constants = lists(module.body)
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and _name(node.func) in SPEAKING:
            for argument in node.args[:1]:  # a second one of _() is its context
                is_whole = _name(node.func) == "_" and isinstance(argument, ast.Constant)  # "{}: {}" has no word
                yield from [argument.value] if is_whole else _texts(argument)
            for name in (argument.id for argument in node.args if isinstance(argument, ast.Name)):
                yield from _texts(constants.get(name, ast.Tuple([])))
        if isinstance(node, ast.Call):
            yield from _described(node)
    # Such as the hints of a check, which a message takes in.
    for node in [] if path.name in ENGLISH_ONLY else module.body:
        if isinstance(node, ast.Assign) and _name(node.targets[0]) != READINGS:
            is_named = _name(node.targets[0]) in NAMED
            yield from (text for text in _texts(node.value) if is_named or SENTENCE.match(text))
    if path.name not in (*ENGLISH_ONLY, *NOT_SHOWN):
        for function in (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)):
            for statement in function.body[ast.get_docstring(function) is not None :]:
                yield from (text for text in _inner_texts(statement) if SENTENCE.match(text))


def readings(path: Path) -> Iterator[str]:
    """The texts of a module's constant DEVICE_READINGS, which have a context of their own."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and _name(node.targets[0]) == READINGS:
            yield from (part.value for part in node.value.elts)


def _module(function: ast.expr) -> str:
    return _name(function.value) if isinstance(function, ast.Attribute) else ""


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.AST) -> Iterator[str]:
    """The strings below a node that have a word in them; an f-string with {0}, {1} in the place of its values."""
    if isinstance(node, ast.JoinedStr):
        text = _with_numbered_values(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    elif isinstance(node, ast.Subscript) or _is_look(node):
        return  # its string is a key, or says where something is drawn
    else:
        for child in ast.iter_child_nodes(node):
            yield from _texts(child)
        return
    if re.search("[a-zA-Z]{2}", language.VALUE.sub("", text)):
        yield text


def _inner_texts(node: ast.AST) -> Iterator[str]:
    """The texts below a node, and those in the values of its f-strings."""
    yield from _texts(node)
    for part in ast.walk(node):
        if isinstance(part, ast.FormattedValue):
            yield from _texts(part.value)


def _is_look(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg in LOOKS


def _with_numbered_values(node: ast.JoinedStr) -> str:
    numbers = itertools.count()
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(part.value.replace("{", "{{").replace("}", "}}"))
        else:
            parts.append(f"{{{next(numbers)}}}")
    return "".join(parts)
