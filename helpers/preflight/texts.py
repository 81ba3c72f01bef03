"""Texts: what stands in an answer that a model would learn as it stands, found by plain patterns."""

import re
from collections import Counter

NAMES = (
    r"(?:(?:full|first|last|company|product|customer|client|user|recipient'?s?|sender'?s?|brand|city|project|team) )*"
    r"(?:name|company|date|e-?mail(?: address)?|address|phone(?: number)?|city|country|product|title|position|link|url)"
)
UNFILLED = r"\{\{ ?[^\W\d][\w .'-]{0,40} ?\}\}"  # {{name}}
NOT_READ = r"<(?:image|video|audio)>"  # stands where a model of text alone gets nothing
PLACEHOLDERS = (
    r"<(?:your|my|insert|enter) [\w' ]{2,40}>",  # <your name>
    rf"<{NAMES}>",
    r"<(?:your|my|first|last|full|user|company|customer|product)_[a-z_]+>",  # <FIRST_NAME>
    r"\blorem ipsum\b",
    r"【[^】]{0,12}(?:姓名|名稱|公司|日期|填寫|名称|填写)[^】]{0,12}】",
    r"[<＜](?:您|你)的[^>＞\s]{1,10}[>＞]",
)
# In a letter that somebody asked for, a blank like these is part of the answer.
BLANKS = (
    r"\[(?:your|my|insert|enter|add) [\w' ,/-]{2,40}\](?!\()",  # [Your Name], but no link of Markdown
    rf"\[{NAMES}\](?!\()",
    r"\[(?:您|你)的[^\]\s]{1,10}\]",
    r"(?<![一二三四五六七八九十○〇\d])[○〇△□]{2}(?![一二三四五六七八九十○〇\d])",  # ○○公司, but not 二〇〇八年
)
LETTER = re.compile(
    r"\b(?:letter|e-?mail|template|script|draft|invitation|message|resume|résumé|cv|speech|contract|form|pitch|post|note"
    r"|dear|sincerely|regards|subject:)\b|信件|範本|模板|草稿",
    re.IGNORECASE,
)
TEMPLATING = re.compile(
    r"template|jinja|handlebars|mustache|vue|angular|django|liquid|helm|latex|模板|樣板", re.IGNORECASE
)
# {name} is one too, but braces mean other things in code, LaTeX, sets and paths.
IN_BRACES = r"(?<![\w$%#\\{/^\"'`=:(\[,])\{[a-z]+(?:_[a-z]+)*\}(?![\w{}/\"'`=:\]])"
CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`|<(?:script|style)\b.*?</(?:script|style)>", re.DOTALL)
LIKE_CODE = re.compile(r"[;=]|\\[a-z]+|\w\(|\bdef |\breturn\b|\bf\"|::|->|=>|\$", re.ASCII)
SECRETS = {
    "an API key (sk-…)": r"\bsk-(?=[\w-]*\d)(?:proj-|ant-|or-v1-)?[A-Za-z0-9_-]{20,}",
    "an AWS key": r"\b(?:AKIA|ASIA)(?![A-Z0-9]{9}EXAMPLE)[A-Z0-9]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_\w{22,}",
    "a GitLab token": r"\bglpat-[\w-]{20,}",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a Google key": r"\bAIza[\w-]{35}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a signed token (JWT)": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
}
EMAIL = r"\b[\w.+-]+@(?!(?:[\w-]+\.)*(?:example|test|invalid)\b)(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}\b"
PERSONAL = {
    "an e-mail address": EMAIL,
    "a telephone number": (
        r"(?<![\w.+-])\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){2,4}(?!\w)"  # +886 2 2345 6789
        r"|(?<![\w.-])(?:\(\d{3}\) ?|\d{3}[-.])(?!555[-.]01)\d{3}[-.]\d{4}(?![\w-])"  # (212) 234-5678
        r"|(?<![\w.-])09\d{2}[- ]?\d{3}[- ]?\d{3}(?![\w-])"  # Taiwan, mobile
        r"|(?<![\w.-])\(?0\d\)?[- ]\d{4}[- ]\d{4}(?![\w-])"  # Taiwan, at home
    ),
    "a US social security number": r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])",
}
CHECKED = {  # these carry a digit that proves them
    "a bank account (IBAN)": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",
    "a payment card": r"(?<![\w.-])\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}(?![\w.-])",
    "a Taiwanese identity number": r"\b[A-Z][12]\d{8}\b",
}
REFUSED = re.compile(
    r"^\W*(?:(?:I'?m|I am|we'?re|we are) (?:very |so |truly )?sorry|sorry|unfortunately|I apologi[sz]e|my apologies)\b"
    r".{0,90}\b(?:can'?t|cannot|can not|unable|not able|don'?t have|do not have|won'?t|not capable|not allowed)\b"
    r"|^\W*I (?:cannot|can'?t|can not|won'?t|am unable to|am not able to|'m unable to|'m not able to)"
    r" (?:\w+ )?(?:assist|help|fulfil|fulfill|provide|comply|answer|do that|create|generate|write|engage|support)\b"
    r"|^.{0,60}\bas an AI(?: language)? (?:model|assistant)?,? ?I (?:can|do|am|don|cannot)"
    r"|^\W*(?:(?:很|非常)?抱歉|對不起|对不起|不好意思).{0,20}(?:無法|不能|不便|无法|沒有辦法)"
    r"|^\W*(?:作為|作为|身為)(?:一個|一个)?(?:AI|人工智[慧能]|語言模型|语言模型)",
    re.IGNORECASE | re.DOTALL,
)
MARKUP = {
    "a calculator mark": r"<<[-+*/().\d=% ]+>>",
    "a marker of a chat template": (
        r"<\|[a-z_]+\|>|</?s>|\[/?INST\]|<</?SYS>>|</?start_of_turn>|<end_of_turn>"
        r"|(?:^|\n)#{2,3} ?(?:Instruction|Response|Human|Assistant|Input):"
    ),
    "an HTML entity": r"&(?:nbsp|amp|lt|gt|quot|apos|#\d{2,5});",
    "an HTML tag": r"</?(?:p|br|div|span|li|ul|ol|table|tr|td|h[1-6]|strong|em|b|i|img|font)(?:\s[^<>]*)?/?>",
    "broken characters": r"\ufffd|â€[™œ“”˜¦]|Ã[©¨¼¤¶±³¡]|ï¼|(?:[åäæçèé][\x80-\xbf]{2}){2}",
}
ABOUT_HTML = re.compile(r"html|web ?page|website|\btags?\b|markup|xml|網頁|网页", re.IGNORECASE)
SCRIPTS = {
    "Chinese": r"[\u4e00-\u9fff]",
    "Japanese": r"[\u3040-\u30ff]",
    "Korean": r"[\uac00-\ud7af]",
    "Cyrillic": r"[\u0400-\u04ff]",
    "Arabic": r"[\u0600-\u06ff]",
    "Hebrew": r"[\u0590-\u05ff]",
    "Greek": r"[\u0370-\u03ff]",
    "Thai": r"[\u0e00-\u0e7f]",
    "Devanagari": r"[\u0900-\u097f]",
    "Latin": r"[A-Za-zÀ-ɏ]",
}
# Short frequent words that tell languages of the Latin script apart.
FREQUENT = {
    "English": "the and of to is in that for with are you this it was on as",
    "German": "der die das und ist nicht mit ein eine zu von den für auf sie wir",
    "French": "le les des est et une pour dans que vous pas sur avec du nous",
    "Spanish": "el los las es una por que con para del y se como más su",
    "Italian": "il gli che di è una per con non sono della nel anche più",
    "Portuguese": "uma não para com que em dos da são mais você uma isso pelo",
}
SHORT_TEXTS = (  # what a reader sees of these, in English, beside longer names
    "Chinese", "traditional Chinese", "simplified Chinese", "Japanese", "Korean", "Cyrillic", "Arabic", "Hebrew",
    "Greek", "Thai", "Devanagari", "Latin script", "English", "German", "French", "Spanish", "Italian", "Portuguese",
    "broken characters",
)  # fmt: skip
WORDS = {language: frozenset(words.split()) for language, words in FREQUENT.items()}


def placeholder(text: str, asked: str = "") -> str:
    """The first placeholder in a text that nobody filled in, or "".

    Left out are code, texts about templates, and the blanks of a letter that `asked`, the user's words, wants.
    """
    prose = CODE.sub(" ", text)
    if not re.search(r"[{<[【＜○〇△□]|lorem", prose, re.IGNORECASE):
        return ""
    about_templates = TEMPLATING.search(asked) is not None
    patterns = [] if about_templates else [UNFILLED]
    patterns += [*PLACEHOLDERS, *([] if LETTER.search(asked) or LETTER.search(prose) else BLANKS)]
    for pattern in patterns:
        if found := re.search(pattern, prose, re.IGNORECASE):
            return found[0]
    for line in prose.splitlines() if "{" in prose and not about_templates else ():
        found = re.search(IN_BRACES, line)
        if found and not LIKE_CODE.search(line) and not line.lstrip().startswith(("{", "[", '"')):
            return found[0]
    return ""


def placeholder_in_question(asked: str) -> str:
    """A blank in what the user says, in doubled braces or for a picture, that a program should have filled, or ""."""
    found = re.search(f"{UNFILLED}|{NOT_READ}", CODE.sub(" ", asked))
    return found[0] if found and not TEMPLATING.search(asked) else ""


def secret(text: str) -> str:
    """What kind of key or token stands in a text, or ""."""
    return next((kind for kind, pattern in SECRETS.items() if re.search(pattern, text)), "")


def personal(text: str) -> str:
    """What kind of personal data stands in a text, or ""; names and street addresses are not found."""
    if "@" not in text and not re.search(r"\d(?:[\d .()-]){6}|[A-Z]{2}\d\d", text):  # nothing of the kind, as mostly
        return ""
    for kind, pattern in PERSONAL.items():
        for found in re.finditer(pattern, text):
            digits = sum(char.isdigit() for char in found[0])
            if kind != "a telephone number" or 8 <= digits <= 15:
                return kind
    for kind, pattern in CHECKED.items():
        if any(_proved(kind, found[0]) for found in re.finditer(pattern, text)):
            return kind
    return ""


def refused(answer: str) -> bool:
    """Whether an answer is nothing but a refusal: it begins as one, and is short."""
    return len(answer) < 400 and bool(REFUSED.search(answer.replace("’", "'")[:300]))


def markup(text: str, asked: str = "") -> str:
    """What kind of markup was left in a text, or ""; code, and answers to questions about HTML, are left out."""
    prose = CODE.sub(" ", text)
    if not ("<" in prose or "&" in prose or "#" in prose or "[" in prose or re.search(r"[Ãâï\ufffdåäæçèé]", prose)):
        return ""
    about_html = ABOUT_HTML.search(asked) or re.search(r"<(?:!DOCTYPE|html|body|head)\b", prose, re.IGNORECASE)
    for kind, pattern in MARKUP.items():
        if re.search(pattern, prose) and not (about_html and "HTML" in kind):
            return kind
    return ""


def language(text: str) -> str:
    """The language of a text, as its script and its most frequent short words tell it; "" for a very short text."""
    if text.strip()[:1] in ("{", "[") and text.strip()[-1:] in ("}", "]"):  # JSON: its keys are in no language
        return ""
    sample = CODE.sub(" ", text)[:1000]
    scripts = {"Latin": "[A-Za-z]"} if sample.isascii() else SCRIPTS
    counts = Counter({script: len(re.findall(letters, sample)) for script, letters in scripts.items()})
    if counts["Japanese"] * 10 > counts["Chinese"] > 0:
        counts["Japanese"] += counts.pop("Chinese")
    counts["Chinese"] *= 3  # a character says as much as a few letters
    script, most = counts.most_common(1)[0]
    if most < 10:
        return ""
    if script == "Chinese":
        return _chinese(sample)
    if script != "Latin":
        return script
    words = re.findall(r"[^\W\d_]+", sample.casefold())
    hits = Counter({name: sum(word in known for word in words) for name, known in WORDS.items()})
    (best, first), (_, second) = hits.most_common(2)
    # Names and code hold a few such words by chance.
    return best if first >= 3 and first >= 1.5 * second and first >= 0.1 * len(words) else "Latin script"


def differ(one: str, other: str) -> bool:
    """Whether these are two languages, as far as both are known."""
    if {one, other} <= {"Chinese", "traditional Chinese", "simplified Chinese"} and "Chinese" in (one, other):
        return False
    return one != other and not ("Latin script" in (one, other) and {one, other} <= {"Latin script", *FREQUENT})


def _chinese(text: str) -> str:
    """Traditional or simplified: the characters of the other are not in its encoding."""
    characters = re.findall(SCRIPTS["Chinese"], text)
    missing = {}
    for encoding in ("cp950", "gb2312"):
        missing[encoding] = sum(not char.encode(encoding, "ignore") for char in characters)
    if missing["cp950"] == missing["gb2312"]:
        return "Chinese"
    return "simplified Chinese" if missing["cp950"] > missing["gb2312"] else "traditional Chinese"


def _proved(kind: str, text: str) -> bool:
    """Whether the check digit of a number fits."""
    plain = re.sub(r"[ -]", "", text)
    if "IBAN" in kind:
        return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1
    if "card" in kind:
        doubled = [int(char) * (1 + place % 2) for place, char in enumerate(reversed(plain))]
        return plain[0] in "23456" and sum(digit // 10 + digit % 10 for digit in doubled) % 10 == 0
    place = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(plain[0]) + 10
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1)
    digits = [place // 10, place % 10, *map(int, plain[1:])]
    return sum(weight * digit for weight, digit in zip(weights, digits, strict=True)) % 10 == 0
