"""How a language is spoken at home: what people say of all that the grammar forgives, by language."""

from typing import NamedTuple


class Usage(NamedTuple):
    """What sampling from one language's patterns, and changing its sentences, has to know about it."""

    rules: dict[str, str]  # parts of the grammar's rules, which accept far more than anyone says, in hassil's syntax
    nonsense: str  # verbose regular expression of what the rest still forgives; <person> stands for any such name
    unit: str  # regular expression of the units of time in a pattern: patterns that differ in them are one family
    spelled: float = 0.2  # share of the numbers that a transcript has in words
    counted: str = ""  # the rule set of Unicode's spelled numbers that people count with, where it is another
    lists: dict[str, dict] = {}  # lists of the grammar that give a word several values, with one for each
    asks_state: str = ""  # regular expression of what a question for a state has, where word order does not show it
    edges: tuple[str, str] = (r"(?<![\w.])", r"(?![\w.]| and| point| o'clock)")  # of a name or number in a sentence


_THINGS = "light|lamp|fan|switch|lock|door|window|gate|curtain|blind|shade|shutter|awning"
_UNITS = "hour|minute|second"
_MORE_TIME = rf"(?!((\sand)?\s\w+(\s\w+)?[\s-]({_UNITS}))?\stimer)"
ENGLISH = Usage(
    rules={
        "is": "(is|are)",
        "all": "(all [(the|my)]|every)",
        "any": "any [of (the|my)]",
        "which": "which",
        "how_many": "how many",
        "in": "in",
        "turn": "(turn|switch)",
        "numeric_value_set": "(set|change)",
        "here": "([in] here|in (this|the) room)",
        "close": "(close|shut)",
        "open": "open",
    },
    nonsense=rf"""
        \b(\w+)\s\1\b | \ban\stimer\b | \bare\severy\b                # the the
      | \b(the|my|our)\s(every|all|any|the|my|our)\b                 # the every light
      | \b(every)(\s\w+)*\s(({_THINGS})e?s|lighting)\b
      | \b(all|any|how\smany)\s((of|the|my|\w+\sroom|\w+)\s){{0,4}}(({_THINGS})|lighting)\b
      | \bis\s(\w+\s){{0,4}}(({_THINGS})e?s)\b                         # is the lights
      | \bare\s((the|my|our|all|any|every|of)\s)*(\w+\s){{0,2}}(({_THINGS})|lighting|flap|box|spot|motion)\b
      | ^(how\smany|which)\b.*\bis\b | \bwhich\s(\w+\s){{0,3}}({_THINGS}|lighting)\b
      | \b(change|make)\s(\w+\s)*(on|off|out)$
      | \b(light|chandelier|sconce|pendant|lamp|lights)\s(lamps?|lights?|lighting)\b
      | \b(fan|extractor|purifier|hood|ventilator)\sfans?\b
      | \bturn\b.*\b(temp|temperature|color|mode|brightness)\b
      | -({_UNITS})s\b | \b(half|1/2)\san?\s({_UNITS})s\b | \ba\s1/2\b   # 5-hours
      | (?<!\san)(?<!\sa)(?<!half)\s({_UNITS})\b{_MORE_TIME} | -({_UNITS})\b{_MORE_TIME}  # by 34 minute
      | \b(ground|first|third|top|middle|lower|upper)\b(?!\sfloor) | \bsecond\s({_THINGS}|volume|fan)
      | \b(up|down)stairs\sfloor | \b(in|on|of)\s((the|my|our)\s)?(up|down)stairs\b
      | \b(the|my|our)\s(<person>)\b   # the anna
      """,
    unit=r"\b(hour|minute|second)\b",
)

_NUMERAL = "零一二三四五六七八九十百千兩"
_AMOUNT = rf"(百分之|[\d{_NUMERAL}]+([%趴]|$)|最)"
_FANS = "風扇|電扇|吊扇"
_LIT = "燈|照明|亮度|色溫"
TAIWAN = Usage(
    rules={
        "light": "(燈|燈光|照明)",
        "switch": "(電源|插座|開關)",
        "set": "(設定|調整)",
        "to": "(到|為)",
        "set_to": "(調到|調成|設定為|設為|設成|設定成|調整到|調整為)",
        "turn_on": "(打開|開|開啟)",
        "turn_off": "(關掉|關|關閉|關上)",
        "how_many_is": "是多少",
        "how_many": "(有幾個|有多少)",
        "which": "[有]哪(些|[一]個|[一]扇|[一]盞|[一]道)",
        "timer": "計時器",
        "timer_set": "(設定|設|啟動|開始)",
    },
    nonsense=rf"""
        (?<![a-z])\s | \s(?![a-z])                                    # only foreign names have spaces
      # Particles twice, or where they do not belong
      | ^的 | 的的 | 著著 | 中著 | 的著 | 到到 | 有有 | [把將給在]的 | 的(有|哪) | 廣播大家 | ^(?!.*[是哪]).*的$
      | (?<!我)的[\d{_NUMERAL}] | 的(設|調|開到|到|為|百分|是|鎖上|上鎖|已|解鎖|沒) | 的打?[開關](?!關)
      | ([開關啟閉上掉定整]|靜音)的({_LIT}|{_FANS}) | 這[裡邊](燈$|{_FANS}) | [設調定整]的(?!是)
      # Verbs: none after 把, one of a single character at the end, or one that needs 到
      | ^[把將](?!.*([設調關加減增延縮提降放刪移勾劃標鎖]|打開|開啟|開到|拿掉|暫停|靜音)) | ^[把將].*變
      | (?<!打)開$ | (?<!開)關$ | 關到 | ^[到往]
      | ^調整[^到為]*$ | ^設定.*(?<![到為])最 | ^設定.*色溫(?![到為\d{_NUMERAL}])
      # Amounts: 百分之五十趴, 五十%, 客廳調到50%
      | 百分之.*[%趴] | [{_NUMERAL}]+[%k] | ^[把將]?(<area>|<floor>)[設調][定整]?[到成為]{_AMOUNT}
      | ^(設定|調整)(<area>|<floor>)[到為]?{_AMOUNT}
      # Light in colours that there are not, and lamps twice: 水晶燈的燈
      | 黑色 | 咖啡色 | (<area>|<floor>)\w色 | 色溫.*[紅橘黃綠藍紫白]色 | 到\w色
      | 燈的?(燈|照明) | (<switch>|<fan>|<media_player>|<climate>)的?(燈|照明)
      # 打開前門 would turn the lock off, and 打開鐵捲門 the cover on
      | (打開|開啟|關上|關閉)\w*?(<lock>)的?$ | (<lock>)的?(打開|開啟|關上|關閉)$
      # Questions: which word asks, and what may stand beside it
      | 狀態是多少 | (?<!狀態)是什麼 | (<sensor>)的?狀態 | ^(?!.*(溫度|時間|日期|<sensor>)).*是多少$
      | 有幾個[扇盞道台個] | (有幾|有多少|哪|是不是|有沒有).*嗎 | (?<!有)任何 | 任何的 | (?<!沒)有的 | 有沒有的
      | (哪一?|多少)(扇(?!.*[門窗])|盞(?!.*[燈照])|道(?!.*門))
      | 有(沒有|任何).*是不是 | 是都是 | 是不是都是 | 是[已正] | 打開中 | 中的 | 是[開關]\w?中
      | (?<!是)(開著|關著|打開|開啟|關閉|關上|鎖著|鎖上|上鎖|解鎖)的嗎?$ | (?<![是打])開的嗎?$ | (?<!是)關的嗎?$
      | 是(上鎖|鎖上|[鎖開關]著|打開|開啟|關閉|關上|沒上鎖|沒人)[了嗎]*$(?<!是不是[開關鎖]著)
      | ([開關]|打開|開啟|關閉|關上|鎖上|上鎖)嗎 | (開啟|打開|關閉|關上|鎖上|上鎖|啟|閉|上)著
      | 鎖著了 | 沒上鎖[著了的] | 已[上解]鎖[著的]
      # Sensors: a door opens, a detector detects
      | 佔用 | 清空 | 正常 | 人[到動有] | 偵測([嗎有]|$) | (?<!測到)動作
      | [門窗蓋]的?(有沒有|有)?(偵測|有人|沒人|無人) | (感應器|停車位)的?(是|是不是)?[開關打]
      # People and temperatures
      | 在了 | 到(?!了)\w+(?<!了)(嗎|沒有|沒)$ | 到了\w+了 | 在\w+沒有?$ | 在\w+了嗎 | 在哪邊
      | ^(現在)?有?多[熱冷]$ | (<climate>)\w*多[熱冷] | (?<!車庫)(?<!捲)(?<!柵)門的?(位置)?[設調]
      # Timers
      | (設|設定|啟動|開始)一(?!個) | 一個[\d{_NUMERAL}]+個 | ^設計時 | [動始]個 | 給.*計時器 | ^[加減](?!少)
      | ^(減少|縮短|增加|延長).*[時鐘秒]計時器 | ^(取消|停止|刪除|暫停).*(名為|叫做)
      # Media: films are of directors and songs of singers
      | [集台個]歌 | 過歌 | 播放[下上]一台 | 用\w+上播 | [歌樂]的歌 | 的(歌手|藝人|演唱者|影集|電視劇|播客)
      | (?<!李安)(?<!宮崎駿)(?<!周星馳)的電影 | (李安|宮崎駿|周星馳)(?!的電影)
      | (?<!英文會話)的podcast | 英文會話(?!的podcast)
      # Names alone, or without the noun that says what they are
      | ^(<scene>|<script>)(場景|腳本)?$ | ^開始(<vacuum>) | ^開始.*(掃地機器人|掃地機|吸塵器)$
      | (<todo>)(?!清單) | 清單[上中裡](?![的加新刪移拿])
      """,
    unit=r"\[個\]小時|個小時|分鐘|秒\[鐘\]",
    spelled=0.5,
    counted="spellout-cardinal-alternate2",
    # Upstream gives 窗簾 to blinds, curtains and shutters, in this order. And hassil 3.12.1 keeps the words of numbers
    # by their range, with the multiplier of the list that it met first: the one with -1 gets a range of its own.
    lists={
        "volume_step_down": {"range": {"type": "percentage", "from": 2, "to": 100, "multiplier": -1}},
        "cover_classes": {
            "values": [
                {"in": "(窗簾|紗簾|門簾|遮光簾)", "out": "curtain"},
                {"in": "(百葉窗|羅馬簾|捲簾)", "out": "blind"},
                {"in": "(遮陽棚|遮雨棚|雨棚)", "out": "awning"},
                {"in": "(門|房間門|房門)", "out": "door"},
                {"in": "(車庫門|車庫)", "out": "garage"},
                {"in": "大門", "out": "gate"},
                {"in": "(窗戶|落地窗|鋁窗)", "out": "window"},
            ]
        },
    },
    asks_state="嗎|哪|幾|多少|是不是|有沒有|沒有?$",
    edges=(rf"(?<![\d.點{_NUMERAL}])", rf"(?![\d.點{_NUMERAL}])"),
)

_USAGE = {"en": ENGLISH, "zh-TW": TAIWAN}


def usage(language: str) -> Usage:
    """How the language is spoken; of one that is not described here, all that its grammar forgives is said."""
    return _USAGE.get(language, Usage(rules={}, nonsense=r"(?!)", unit=r"(?!)"))
