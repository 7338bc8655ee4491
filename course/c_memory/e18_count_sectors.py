"""The bank of 18, count_sectors."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
answers = {
    # begin
    "copy": 8,
    "shifted": 9,
    "strided": 12,
    "column": 36,
    "broadcast": 5,
    "pairs": 6,
    "some": 6,
    "reversed": 8,
    # end
}
""", "numbers")
bank.solution("""
def sectors(indices):
    return len({4 * i // 32 for i in indices})


LANES = range(32)
STORE = sectors(LANES)
answers = {
    "copy": sectors(LANES) + STORE,
    "shifted": sectors(i + 1 for i in LANES) + STORE,
    "strided": sectors(2 * i for i in LANES) + STORE,
    "column": sectors(33 * i for i in LANES) + STORE,
    "broadcast": 1 + STORE,
    "pairs": sectors(LANES) + sectors(i // 2 for i in LANES),
    "some": 2 * sectors(range(20)),
    "reversed": 2 * STORE,
}
""", "computed")
bank.starter_is("""
answers = {
    "copy": ...,
    "shifted": ...,
    "strided": ...,
    "column": ...,
    "broadcast": ...,
    "pairs": ...,
    "some": ...,
    "reversed": ...,
}
""")
for key, right, said in (
    ("copy", 8, {256: "bytes", 64: "lanes", 4: "loads_alone", 2: "accesses"}),
    ("shifted", 9, {8: "alignment", 10: "both_shifted", 5: "loads_alone"}),
    ("strided", 12, {8: "as_if_dense", 68: "each_lane", 16: "dense_store"}),
    ("column", 36, {8: "as_if_dense", 6: "banks", 64: "dense_store", 32: "loads_alone"}),
    ("broadcast", 5, {8: "shared_sector", 1: "loads_alone"}), ("pairs", 6, {8: "half_store", 4: "whole_load"}),
    ("some", 6, {8: "inactive", 5: "rounded_down", 3: "loads_alone"}), ("reversed", 8, {36: "order", 4: "loads_alone"}),
):  # fmt: skip
    for number, says in said.items():
        bank.mistake(f"{key}_{number}", "values", says, f'"{key}": {right} => "{key}": {number}')
