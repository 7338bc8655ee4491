"""The bank of 55, first_divergence."""

from minidl.course import Bank

RIGHT = {
    '"a op"': '"dense"', '"a direction"': '"forward"', '"a index"': "(3, 5)", '"a line"': "22",
    '"b op"': '"relu"', '"b direction"': '"backward"', '"b index"': "(1, 3, 6, 1)", '"b thread"': "59",
    '"b block"': "2", '"b line"': "13",
    '"c op"': '"conv2d"', '"c direction"': '"forward"', '"c index"': "(1, 1, 5, 0)", '"c line"': "49",
    '"d op"': '"none"',
}  # fmt: skip
PROGRAM = """
from minidl import lens
from minidl.course.exercises.g_framework.suspects import step

answers = {
%s
}

if __name__ == "__main__":  # python minidl_exercises/55_first_divergence.py
    for suspect in "abcd":
        print(lens.compare(*step(suspect)))
"""

bank = Bank()
bank.solution(PROGRAM % "\n".join(f"    {key}: {value}," for key, value in RIGHT.items()), "read from the reports")
bank.solution("""
answers = {f"{suspect} direction": "forward" for suspect in "ac"}
answers["b direction"] = "backward"
answers.update({"a op": "dense", "b op": "relu", "c op": "conv2d", "d op": "none"})
answers["a index"] = [3, 5]
answers["b index"] = "(1,3,6,1)"
answers["c index"] = "1, 1, 5, 0"
number = (1 * 5 * 7 + 3 * 7 + 6) * 3 + 1
answers["b block"], answers["b thread"] = divmod(number, 64)
answers |= {"a line": 22, "b line": 13, "c line": 49}
""", "indices in other forms, numbers computed")
bank.starter_is(PROGRAM % "\n".join(f"    {key}: ...," for key in RIGHT))

for key, said in {
    "a op": {'"relu"': "behind_it", '"gemm"': "kernel_for_op", '"none"': "not_none"},
    "a direction": {'"backward"': "forward_first"},
    "a index": {"(5, 3)": "axes_exchanged", "(0, 0)": "first_cell"},
    "a line": {"25": "stores_it", "24": "terms_are_right"},
    "b op": {'"conv2d"': "behind_it", '"dense"': "before_it"},
    "b direction": {'"forward"': "forward_is_right"},
    "b index": {"(1, 1, 3, 6)": "other_layout", "187": "flat_index"},
    "b thread": {"187": "number_in_grid", "27": "lane_for_thread", "1": "warp_for_thread"},
    "b block": {"7": "how_many_blocks"},
    "b line": {"34": "stores_it", "32": "lane_is_right", "33": "mask_is_elsewhere"},
    "c op": {'"relu"': "behind_it", '"sgd_update"': "behind_it"},
    "c index": {"[1, 0, 1, 5]": "other_layout", "(1, 5, 1, 0)": "rows_and_columns"},
    "c line": {"52": "stores_it", "51": "terms_are_right", "48": "place_is_right"},
    "d op": {'"dense"': "rounding"},
}.items():
    for got, says in said.items():
        name = f"{key} {got}".replace('"', "")
        bank.mistake(name, "values", says, f'"{key}": {RIGHT[chr(34) + key + chr(34)]}, => "{key}": {got},')
bank.mistake("half done", "values", "no-answer", '    "c line": 49,\n =>')
bank.mistake("no such index", "values", "answer", '"a index": (3, 5) => "a index": (2, 5)')
bank.mistake("again_store_line", "values", "stores_it", source="""
from minidl import lens
from minidl.course.exercises.g_framework.suspects import step

answers = {
    "a op": "dense",
    "a direction": "forward",
    "a index": (3, 5),
    "a line": 25,
    "b op": "relu",
    "b direction": "backward",
    "b index": (1, 3, 6, 1),
    "b thread": 59,
    "b block": 2,
    "b line": 13,
    "c op": "conv2d",
    "c direction": "forward",
    "c index": (1, 1, 5, 0),
    "c line": 49,
    "d op": "none",
}

if __name__ == "__main__":  # python exercises/55_first_divergence.py
    for suspect in "abcd":
        print(lens.compare(*step(suspect)))
""")
bank.mistake("again_global_thread", "values", "number_in_grid", source="""
from minidl import lens
from minidl.course.exercises.g_framework.suspects import step

answers = {
    "a op": "dense",
    "a direction": "forward",
    "a index": (3, 5),
    "a line": 22,
    "b op": "relu",
    "b direction": "backward",
    "b index": (1, 3, 6, 1),
    "b thread": 187,
    "b block": 2,
    "b line": 13,
    "c op": "conv2d",
    "c direction": "forward",
    "c index": (1, 1, 5, 0),
    "c line": 49,
    "d op": "none",
}

if __name__ == "__main__":  # python exercises/55_first_divergence.py
    for suspect in "abcd":
        print(lens.compare(*step(suspect)))
""")
