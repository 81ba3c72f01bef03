"""Preferences: data that says which of several answers is the better one, which SFT alone does not train on."""

import re

from helpers.dataset.columns import ANSWERS, CHATS, PROMPTS, SYSTEMS, Format, Unknown, as_pair, first, turns_of
from helpers.dataset.turns import Unfit, messages_of, text_of
from helpers.language import _

# Two answers to one question, the preferred one first.
PAIRS = (("chosen", "rejected"), ("preferredoutput", "nonpreferredoutput"), ("preferred", "dispreferred"))
PAIRS += (("accepted", "rejected"), ("preferred", "rejected"), ("responsej", "responsek"), ("win", "lose"))
# Two answers of which another column says the better.
WORDS, ENDS = ("response", "answer", "completion", "output", "humanref"), ("ab", "01", "12")
RANKED = tuple((word + ends[0], word + ends[1]) for word in WORDS for ends in ENDS)
PREFERENCE = "preference pairs, which DPO trains on, not SFT: pass --chosen to train on the preferred answers alone"
RANKING = "answers to compare, for reward models and DPO, not SFT: put the better answer of each row into one column"
KTO = "answers marked good or bad, which KTO trains on, not SFT: pass --chosen to train on the good answers alone"


def of_pairs(records: list[dict], known: dict, chosen: bool) -> Format | None:
    """The format of preference pairs, of which `chosen` takes the preferred answers; None for other data.

    known: the records' columns by their plain names. Raises Unknown for pairs that nobody asked to take apart.
    """
    pair = next((pair for pair in PAIRS if known.keys() >= set(pair)), None)
    if pair and chosen:
        return _preferred(known, pair)
    if pair:
        raise Unknown(PREFERENCE, "preference")
    several = [record.get(known.get("output")) for record in records]
    ranked = any(known.keys() >= set(pair) for pair in RANKED)
    if ranked or all(isinstance(one, list) and len(one) > 1 and isinstance(one[0], str) for one in several):
        raise Unknown(RANKING, "preference")
    return None


def mark(records: list[dict], known: dict) -> str | None:
    """The column that marks answers as good or bad, as KTO's data has it; None if there is none."""
    label = known.get("label") or known.get("ktotag")
    values = {str(record.get(label)).casefold() for record in records} - {"none", ""} if label else set()
    answered = first(known, CHATS) or (first(known, PROMPTS) and first(known, ANSWERS))
    return label if answered and values and values <= {"true", "false", "1", "0"} else None


def only_good(format: Format, label: str) -> Format:
    """The format without the rows that `label` marks as bad."""

    def row(record: dict):
        if str(record.get(label)).casefold() not in ("true", "1"):
            raise Unfit("not chosen", "it is marked as a bad answer")
        return format.row(record)

    return Format("preference", _("{}, those marked good").format(format.columns), format.used | {label}, row)


def _preferred(known: dict, pair: tuple[str, str]) -> Format:
    asked, answer = first(known, CHATS) or first(known, PROMPTS), known[pair[0]]
    system = first(known, SYSTEMS)

    def row(record: dict):
        turns, reply = turns_of(record.get(asked)) if asked else [], record.get(answer)
        if isinstance(reply, str) and not asked and "\n\nAssistant:" in reply:  # Anthropic's hh-rlhf
            said = re.split(r"\n\n(Human|Assistant): ?", reply)[1:]
            reply = [{"role": said[n], "content": said[n + 1]} for n in range(0, len(said) - 1, 2)]
        replies = turns_of(reply, "assistant")
        # More than one turn is the whole conversation, its question included.
        turns = replies if len(replies) > 1 else turns + replies
        return as_pair(*messages_of(turns, text_of(record.get(system)) if system else ""))

    words = _(f"{answer} is the preferred answer to {asked}") if asked else _(f"{answer} is the preferred answer")
    return Format("preference", words, frozenset(filter(None, (asked, answer, system, known[pair[1]]))), row)
