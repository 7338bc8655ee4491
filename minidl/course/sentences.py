"""The sentences of the course's stages; those of faults, which `minidl.check` says too, are `minidl.testing.sentences`."""

from __future__ import annotations

import os

from minidl.errors import unknown_name
from minidl.testing.sentences import FAULTS, GENERIC, LANGUAGES, PHRASES, Sentence, fill, holes, phrase

__all__ = ["FAULTS", "GENERIC", "LANGUAGES", "PHRASES", "STAGES", "Sentence", "fill", "holes", "language", "phrase"]

STAGES: dict[str, Sentence] = {
    "not-begun": (
        "Not begun: the file is as it was written. Where a `...` stands, your lines go.",
        "还没开始：文件还是原样。有 `...` 的地方写你的代码。",
    ),
    "unfinished": (
        "{k} of {n} places are still empty: `...` on line {L} is where your lines go.",
        "{n} 处中还有 {k} 处空着：第 {L} 行的 `...` 处写你的代码。",
    ),
    "variant": (
        "This file answers for {got}; yours is {want}: your own starter has your numbers.",
        "这个文件回答的是 {got}；你的是 {want}：数字以你自己的起始文件为准。",
    ),
    "syntax": ("Python cannot read line {L}: {message}.", "Python 读不懂第 {L} 行：{message}。"),
    "near-name": ("The function is called `{name}`; found `{near}`.", "函数应叫 `{name}`；找到的是 `{near}`。"),
    "no-function": ("There is no `{name}` in the file{how}.", "文件里没有 `{name}`{how}。"),
    "parameters-order": (
        "Its parameters come in the order `{signature}`; found `{got}`.",
        "参数的次序应为 `{signature}`；找到的是 `{got}`。",
    ),
    "parameters": ("Its parameters are `{signature}`; found `{got}`.", "参数应为 `{signature}`；找到的是 `{got}`。"),
    "no-jit": (
        "`{name}` is a Python function, not a kernel: write `@cuda.jit` in the line above its def.",
        "`{name}` 是 Python 函数，不是内核：在 def 的上一行写 `@cuda.jit`。",
    ),
    "other-jit": (
        "`@{mark}` compiles for the processor: a kernel is marked `@cuda.jit`.",
        "`@{mark}` 是为处理器编译的：内核用 `@cuda.jit`。",
    ),
    "import": (
        "Line {L} imports `{module}`: an exercise does with numpy, math and numba.",
        "第 {L} 行导入了 `{module}`：练习只用 numpy、math 和 numba。",
    ),
    "forbidden": ("Line {L} uses `{name}`, which no exercise needs.", "第 {L} 行用了 `{name}`，练习都不需要它。"),
    "patched": (
        "Line {L} changes `{name}`, which is not yours: an exercise changes no module.",
        "第 {L} 行改动了 `{name}`，它不属于你：练习不改动任何模块。",
    ),
    "too-much-changed": (
        "{n} lines differ from the starter; the task is to mend it, in at most {most}.",
        "有 {n} 行与起始文件不同；任务是修补，最多改 {most} 行。",
    ),
    "raises": ("It raises {kind}: {message}", "它抛出 {kind}：{message}"),
    "not-run": ("The kernel cannot be run: {message}", "内核无法运行：{message}"),
    "no-return": (
        "It has not returned within {seconds} seconds: is there a loop without an end?",
        "{seconds} 秒内没有返回：有没有不会结束的循环？",
    ),
    "died": (
        "Python ended while it ran your file ({how}): more than the memory allowed, or an exit?",
        "运行你的文件时 Python 结束了（{how}）：内存超限，还是退出了？",
    ),
    "refused": ("Compiled, it does not run: {message}", "编译后无法运行：{message}"),
    "compiled": (
        "Compiled, `{task}` gives another result than on the SIMT machine: {name} at {i} is {got}, right is {right}. Does a "
        "value change its type?",
        "编译后 `{task}` 的结果与 SIMT 机上不同：{name} 在 {i} 处是 {got}，应为 {right}。是否有值改变了类型？",
    ),
    "compiled-sometimes": (
        "Compiled, `{task}` is right in one order of its threads and wrong in another: {name} at {i} is {got}, right is "
        "{right}. Who comes first must not matter.",
        "编译后 `{task}` 在一种线程次序下正确，换一种就错：{name} 在 {i} 处是 {got}，应为 {right}。先后次序不应起作用。",
    ),
    "gpu": (
        "On the GPU `{task}` gives another result than on the SIMT machine: {name} at {i} is {got}, right is {right}.",
        "在 GPU 上 `{task}` 的结果与 SIMT 机上不同：{name} 在 {i} 处是 {got}，应为 {right}。",
    ),
    "gpu-sometimes": (
        "On the GPU `{task}` is right in one run and wrong in another: {name} at {i} is {got}, right is {right}. Who comes "
        "first must not matter.",
        "在 GPU 上 `{task}` 有时正确有时错：{name} 在 {i} 处是 {got}，应为 {right}。先后次序不应起作用。",
    ),
    "third": ("Third star: {asked}{how}", "第三颗星：{asked}{how}"),
    "none": ("{name} returned None: the function has to end with `return`.", "{name} 返回了 None：函数要以 `return` 结束。"),
    "results-order": (
        "The results are right, in another order: it returns {got}, and has to return {names}.",
        "结果都对，次序不对：返回的是 {got}，应返回 {names}。",
    ),
    "count": ("It has to return {n} results, {names}; got {got}.", "应返回 {n} 个结果 {names}；得到 {got}。"),
    "shape": ("{name} has shape {got}; it must have {right}.", "{name} 的形状是 {got}；应为 {right}。"),
    "dtype": ("{name} is {got}; the input is {right}, and the result has to be.", "{name} 是 {got}；输入是 {right}，结果也应是。"),
    "no-number": (
        "{name} has to be a number or an array of numbers; got {got}.",
        "{name} 应是一个数或由数组成的数组；得到 {got}。",
    ),
    "values": (
        "{wrong} of {n} elements of {name} are wrong, the first at {i}: got {got}, right is {right}.",
        "{name} 的 {n} 个元素中有 {wrong} 个不对，最先在 {i}：得到 {got}，应为 {right}。",
    ),
    "no-answer": ("No answer yet for `{key}`.", "`{key}` 还没有答案。"),
    "answer": ("`{key}`: {got} is not it. Look once more.", "`{key}`：{got} 不对。再看一遍。"),
    "or": (", or: ", "；或者："),
}  # fmt: skip


def language(given: str | None = None) -> str:
    """Return the language of sentences: given, or that of MINIDL_LANGUAGE, or English.

    Raises
    ------
    UnknownNameError : there is no such language
    """
    found = given or os.environ.get("MINIDL_LANGUAGE") or "en"
    if found not in LANGUAGES:
        raise unknown_name("language", found, list(LANGUAGES))
    return found
