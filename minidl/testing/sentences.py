"""The sentences of faults and of mistakes that any kernel may have: English, with Chinese beside it.

`minidl.check` and the checker of the course say them. {…} are facts of what was seen.
"""

from __future__ import annotations

import string
from typing import Any

LANGUAGES = ("en", "zh")
Sentence = tuple[str, str]  # English, Chinese

FAULTS: dict[str, Sentence] = {
    "F1": (
        "{y} has size {n}, and the grid {threads} threads. Thread {t} of block {b} has no element and {verb} {a}[{i}]. "
        "What should the {extra} extra threads do?",
        "{y} 有 {n} 个元素，网格却有 {threads} 个线程。块 {b} 的线程 {t} 没有对应的元素，却访问了 {a}[{i}]。"
        "多出来的 {extra} 个线程该做什么？",
    ),
    "F1n": (
        "Thread {t} of block {b} {verb} {a}[{i}], outside {shape}. Look at the index on line {L}.",
        "块 {b} 的线程 {t} 访问了 {a}[{i}]，超出形状 {shape}。请看第 {L} 行的下标。",
    ),
    "F2": (
        "Thread {t} of block {b} computes {y}[{own}], which exists, but {verb} {a}[{i}] outside {shape}. A guard for its "
        "element does not cover this index: which part of it on line {L} runs to {i_k} where the axis ends at {n_k}?",
        "块 {b} 的线程 {t} 计算的 {y}[{own}] 是存在的，但它访问了 {a}[{i}]，超出形状 {shape}。对它的元素的边界判断管不到这个"
        "下标：第 {L} 行中哪一部分会到 {i_k}，而该轴只有 {n_k}？",
    ),
    "F3": (
        "The window of {y}[{own}] hangs over the edge: {a}[{i}]. What lies outside counts as {empty}: leave it out. "
        "(Python would take [-1] for the last element; a GPU takes whatever lies there.)",
        "{y}[{own}] 的窗口越过了边缘：{a}[{i}]。外面的值按 {empty} 计，跳过即可。"
        "（Python 会把 [-1] 当作最后一个元素；GPU 则取那里碰巧存放的东西。）",
    ),
    "F3n": (
        "The thread of {y}[{own}] {verb} {a}[{i}], an index below 0: that is before the array. (Python would take [-1] for the "
        "last element; a GPU takes whatever lies there.) What belongs there instead?",
        "{y}[{own}] 的线程访问了 {a}[{i}]：下标小于 0，在数组之前。"
        "（Python 会把 [-1] 当作最后一个元素；GPU 则取那里碰巧存放的东西。）那里应当用什么？",
    ),
    "F4": (
        "Thread {t1} writes {s}[{i}] on line {L1}, thread {t2} reads it on line {L2}, and nothing says who comes first. "
        "In this run the numbers were {luck}. What makes a block wait for itself?",
        "线程 {t1} 在第 {L1} 行写 {s}[{i}]，线程 {t2} 在第 {L2} 行读它，先后没有任何保证。"
        "这一次结果{luck}。怎样让一个块等待自己的线程？",
    ),
    "F5": (
        "Thread {t1} still reads {s}[{i}] (line {L1}) while thread {t2} already writes the next value (line {L2}), and "
        "nothing says who comes first. In this run the numbers were {luck}. One barrier separates filling from using; "
        "what separates using from the next filling?",
        "线程 {t1} 还在读 {s}[{i}]（第 {L1} 行），线程 {t2} 已在写下一个值（第 {L2} 行），先后没有任何保证。"
        "这一次结果{luck}。一个屏障把填充与使用隔开；什么把使用与下一次填充隔开？",
    ),
    "F6": (
        "Thread {t1} of block {b1} and thread {t2} of block {b2} both write {y}[{i}]: who comes last decides. Each element "
        "wants one owner. Is a part of the thread's number missing from the index, or wrong in it?",
        "块 {b1} 的线程 {t1} 和块 {b2} 的线程 {t2} 都写 {y}[{i}]：最后到的决定结果。每个元素应只有一个主人。"
        "下标里是不是缺了线程编号的一部分，或者用错了？",
    ),
    "F6s": (
        "Threads {t1} and {t2} of block {b1} both write {s}[{i}], with no barrier between. Each element of a shared array "
        "wants one writer at a time.",
        "块 {b1} 的线程 {t1} 和 {t2} 都写 {s}[{i}]，中间没有屏障。共享数组的每个元素一次只应有一个写者。",
    ),
    "F7": (
        "`{text}` reads, adds and writes {y}[{i}]. Thread {t1} of block {b1} and thread {t2} of block {b2} do it at once, "
        "and overwrite each other. Either one owner per element, or an addition that cannot be interrupted.",
        "`{text}` 先读、再加、再写 {y}[{i}]。块 {b1} 的线程 {t1} 和块 {b2} 的线程 {t2} 同时这样做，会互相覆盖。"
        "要么每个元素只有一个主人，要么用不会被打断的加法。",
    ),
    "F7r": (
        "{y}[{i}] is written by thread {t1} of block {b1} and read by thread {t2} of block {b2}, and nothing orders the "
        "two: blocks do not wait for each other.",
        "{y}[{i}] 由块 {b1} 的线程 {t1} 写、由块 {b2} 的线程 {t2} 读，两者没有先后：块与块互不等待。",
    ),
    "F8": (
        "{m} of {n} threads of block {b} reach the barrier on line {L}; thread {t} has left on line {R}. The others wait "
        "for ever. Let it stay and do nothing.",
        "块 {b} 的 {n} 个线程中只有 {m} 个到达第 {L} 行的屏障；线程 {t} 已在第 {R} 行离开。其余的会永远等下去。"
        "让它留下来，什么也不做。",
    ),
    "F9": (
        "The barrier on line {L} stands in a branch that {m} of {n} threads of block {b} enter. Move it out: guard the "
        "work, not the waiting.",
        "第 {L} 行的屏障位于一个分支里，块 {b} 的 {n} 个线程中只有 {m} 个进入。把它移出来：要守护的是工作，不是等待。",
    ),
    "F10": (
        "{s}[{i}] is read on line {L} before anybody wrote it: it holds what was there before. Is it the place you mean? Then "
        "who fills it, and with what where there is no data?",
        "第 {L} 行读 {s}[{i}] 时还没有人写过它：里面是之前留下的内容。你要读的是这个位置吗？如果是，谁来填它，没有数据时填什么？",
    ),
    "F11": (
        "{k} of {n} elements of {y} are written by no thread: {pattern}.",
        "{y} 的 {n} 个元素中有 {k} 个没有任何线程写过：{pattern}。",
    ),
    "F12": (
        "{k} elements of {y} are not written, exactly those where `{condition}` on line {L} is {holds}. An output starts "
        "as garbage, not as 0: what should they be?",
        "{y} 有 {k} 个元素没有写，正是第 {L} 行的 `{condition}` 为 {holds} 的那些。输出一开始是垃圾，不是 0：它们应该是什么？",
    ),
    "F13": (
        "Line {L} computes in float64: {token} is a number of 64 bits there. On a laptop's GPU this is up to 64 times "
        "slower. `float32(…)` around it.",
        "第 {L} 行用 float64 计算：{token} 在那里是 64 位的数。笔记本的 GPU 上会慢到 64 倍。用 `float32(…)` 包住它。",
    ),
    "F14": (
        "Line {L} asks lanes for their values that are not there: lane {lane} is on another path. All lanes that the mask "
        "names must come to a shuffle: shuffle first, `if` afterwards.",
        "第 {L} 行向不在场的通道要值：通道 {lane} 在另一条路径上。掩码点到的所有通道都必须到达 shuffle：先 shuffle，再 `if`。",
    ),
    "F15": (
        "Line {L}: lane {lane} executes the shuffle, and the mask does not name it. A whole warp is 0xFFFFFFFF.",
        "第 {L} 行：通道 {lane} 执行了 shuffle，掩码却没有点到它。整个 warp 是 0xFFFFFFFF。",
    ),
    "F16": (
        "The loop on line {L} does not end: its condition is still true after very many turns. Who changes what it asks?",
        "第 {L} 行的循环不会结束：转了很多圈后条件仍成立。是谁改变它所问的东西？",
    ),
    "F17": (
        "The input {a} was changed (first at {i}). It may be a weight, or needed by the backward: write to the output "
        "alone.",
        "输入 {a} 被改动了（最先在 {i}）。它可能是权重，或反向传播还要用：只写输出。",
    ),
    "F17o": (
        "The input {a} was changed, and {y} was not: are the parameters in the order {signature}?",
        "输入 {a} 被改动了，{y} 却没有：参数的次序是 {signature} 吗？",
    ),
    "F18": (
        "{y} was full of NaN before the launch and still is at {i}: the kernel adds to it. Collect in a local "
        "`float32(0)`, write once.",
        "启动前 {y} 里全是 NaN，现在 {i} 处仍是：内核往它上面加。在局部的 `float32(0)` 里累加，最后写一次。",
    ),
    "F18a": (
        "{y} was full of NaN before the launch and still is at {i}: the atomic addition on line {L} adds to what is there. "
        "Who writes {y}[{i}] first, and with what?",
        "启动前 {y} 里全是 NaN，现在 {i} 处仍是：第 {L} 行的原子加法加到原有的值上。谁先写 {y}[{i}]，写什么？",
    ),
    "F19": (
        "The result would be the same for any {a}: it is never read.",
        "无论 {a} 是什么结果都一样：它从未被读过。",
    ),
    "F20": (
        "Right, but {m} of {threads} threads make all {n} stores: the others look on. Give each its own.",
        "对，但 {threads} 个线程中只有 {m} 个完成全部 {n} 次写入：其余的在旁观。让每个线程有自己的一份。",
    ),
    "F21": (
        "Right. It moves {x} sectors; {par} would do: {reason}.",
        "对。它搬动 {x} 个扇区；{par} 个就够：{reason}。",
    ),
    "F21f": (
        "Right. {what}: {x}, where {par} would do.",
        "对。{what}：{x}，其实 {par} 就够。",
    ),
    "F22": (
        "Right. Line {L} needs {w} passes where 1 would do: lanes of a warp want different words of one bank of shared "
        "memory (the bank is word % 32).",
        "对。第 {L} 行需要 {w} 趟，本来 1 趟就够：一个 warp 的通道要同一个存储体里的不同字（存储体 = 字 % 32）。",
    ),
    "machine": ("{message}", "{message}"),
}  # fmt: skip

PHRASES: dict[str, Sentence] = {  # parts of sentences, which facts may name: see `phrase`
    "the-result": ("the result", "结果"),
    "result-number": ("result {k}", "第 {k} 个结果"),
    "not-looked": ("not looked at", "没有比较"),
    "right": ("right: by luck", "是对的：靠运气"),
    "wrong": ("wrong", "是错的"),
    "lies-across": (
        "the region from ({r}, {c}) on: your grid lies across it the other way round",
        "从 ({r}, {c}) 开始的区域：你的网格横竖颠倒了",
    ),
    "nothing-written": ("nothing is written at all", "什么都没有写"),
    "all-from": ("all from {i} on", "从 {i} 开始全部"),
    "first-is": ("the first is {i}", "第一个是 {i}"),
    "line-uses": ("line {L} uses {use} % of the bytes that it moves", "第 {L} 行搬动的字节只用了 {use} %"),
    "written-again": (
        "results are written again and again to global memory: keep them in a variable of the thread",
        "结果一遍遍写到全局内存：放在线程自己的变量里",
    ),
    "sectors": ("Sectors moved", "搬动的扇区"),
    "load_sectors": ("Sectors loaded", "读取的扇区"),
    "store_sectors": ("Sectors stored", "写入的扇区"),
    "barriers": ("Barriers", "屏障"),
    "atomics": ("Atomic operations", "原子操作"),
    "stores": ("Stores of warps", "warp 的写入次数"),
    "shared_accesses": ("Accesses to shared memory", "共享内存的访问次数"),
    "shuffles": ("Shuffles", "shuffle 次数"),
    "executions": ("Lines run by warps", "warp 执行的行数"),
    "steps": ("Lines of your file run", "运行的代码行数"),
    "launches": ("Launches", "启动次数"),
    "local": ("Lines that use an array in local memory", "使用局部内存数组的行数"),
    "began-as": ("{total}, which begins as {number} on line {line},", "{total}（它在第 {line} 行从 {number} 开始）"),
    "fetched-again": (
        "line {L} moves most of them, and fetches the same elements more often than it has to",
        "第 {L} 行搬得最多，同样的元素取得比需要的次数多",
    ),
}

GENERIC: dict[str, Sentence] = {
    "negated": ("Every sign of {name} is the other way round.", "{name} 的所有符号都反了。"),
    "scaled": ("Everywhere {name} is {factor} times what is right.", "{name} 处处是正确值的 {factor} 倍。"),
    "transposed": ("Transposed, {name} would be right.", "{name} 转置后才对。"),
    "flipped": ("Reversed along axis {axis}, {name} would be right.", "{name} 沿第 {axis} 轴翻转后才对。"),
    "shifted": ("Along axis {axis}, {name} is shifted by one.", "{name} 沿第 {axis} 轴移动了一格。"),
    "zero": ("Every element of {name} is 0.", "{name} 的所有元素都是 0。"),
    "swapped": ("This is the result with {a} and {b} exchanged.", "这是把 {a} 与 {b} 互换后的结果。"),
    "input-negated": ("This is the result for -{a}.", "这是对 -{a} 的结果。"),
    "input-zero": ("This is the result as if {a} were 0.", "这是把 {a} 当作 0 的结果。"),
    "input-first": ("Only the first of {a} counts: this is the result when the others are 0.", "只有 {a} 的第一个起作用：其余为 0 时正是这个结果。"),
    "input-last": ("The last of {a} is left out: this is the result without it.", "{a} 的最后一个漏掉了：这是没有它时的结果。"),
    "input-flipped": ("This is the result with {a} reversed along axis {axis}.", "这是把 {a} 沿第 {axis} 轴翻转后的结果。"),
    "nan": ("{n} elements of {name} are NaN or infinite that should not be: which number overflows, or is divided by 0?",
            "{name} 有 {n} 个元素不该是 NaN 或无穷：哪个数溢出了，或除以了 0？"),
    "last-column": ("All wrong elements of {name} lie in the last of axis {axis}.", "{name} 的所有错误都在第 {axis} 轴的最后一个。"),
    "first-column": ("All wrong elements of {name} lie in the first of axis {axis}.", "{name} 的所有错误都在第 {axis} 轴的第一个。"),
}  # fmt: skip

HOLE = "…"


class _Filling(string.Formatter):
    """Fills {…} with facts, and with what is computed from them: {k % 16}. What cannot be known becomes HOLE.

    holes : what could not be known
    """

    def __init__(self) -> None:
        self.holes: list[str] = []

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        if key in kwargs:
            return kwargs[key]
        try:
            return eval(str(key), {"__builtins__": {}}, dict(kwargs))  # of our own tables, never of a student's text
        except Exception:
            self.holes.append(str(key))
            return HOLE

    def get_field(self, name: str, args: Any, kwargs: Any) -> Any:
        return self.get_value(name, args, kwargs), name  # as a whole: the point in {n ** 0.5} names no attribute

    def format_field(self, value: Any, form: str) -> str:
        try:
            return super().format_field(value, form)
        except ValueError:
            return str(value)


def phrase(name: str, **facts: Any) -> dict[str, Any]:
    """Return a fact that is words, in whichever language its sentence is told: one of PHRASES, with facts of its own.

    >>> fill(("Missing: {pattern}.", "缺：{pattern}。"), {"pattern": phrase("all-from", i=4)}, "zh")
    '缺：从 4 开始全部。'
    """
    return {"phrase": name, **facts}


def fill(sentence: Sentence, facts: dict[str, Any], language: str = "en") -> str:
    """Return a sentence with its facts.

    >>> fill(GENERIC["scaled"], {"name": "dw", "factor": 0.5})
    'Everywhere dw is 0.5 times what is right.'
    >>> fill(("The last {k % 16} terms.", ""), {"k": 19})
    'The last 3 terms.'
    >>> fill(("{n ** 0.5:.1f} of {unknown:.3g}.", ""), {"n": 2})
    '1.4 of ….'
    """
    return _filled(sentence, facts, language)[0]


def holes(sentence: Sentence, facts: dict[str, Any]) -> list[str]:
    """Return what a sentence, in either language, wants to know and no fact tells.

    >>> holes(("{n} of {unknown % 2}.", ""), {"n": 2})
    ['unknown % 2']
    """
    return [hole for language in LANGUAGES for hole in _filled(sentence, facts, language)[1]]


def _filled(sentence: Sentence, facts: dict[str, Any], language: str) -> tuple[str, list[str]]:
    filling = _Filling()
    said = {name: fill(PHRASES[fact["phrase"]], fact, language) if isinstance(fact, dict) and "phrase" in fact else fact
            for name, fact in facts.items()}  # fmt: skip
    return filling.vformat(sentence[LANGUAGES.index(language)], (), said), filling.holes


def code_of(code: str) -> str:
    """Return a fault's number without the letter of its variant.

    >>> code_of("F6s"), code_of("F12")
    ('F6', 'F12')
    """
    return code.rstrip("abcdefghijklmnopqrstuvwxyz")
