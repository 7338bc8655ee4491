"""The bank of 18, count_sectors."""

from minidl.course import Bank, constant

STEP, SHARE, SOME, SHIFT = map(constant, ("STEP", "SHARE", "SOME", "SHIFT"))
ACTIVE = -(-SOME // 8)
STRIDED, PAIRS = 4 * STEP + 4, 4 + 4 // SHARE

bank = Bank()
bank.solution(f"""
answers = {{
    # begin
    "copy": 8,
    "shifted": 9,
    "strided": {STRIDED},
    "column": 36,
    "broadcast": 5,
    "pairs": {PAIRS},
    "some": {2 * ACTIVE},
    "reversed": 8,
    # end
}}
""", "numbers")
bank.solution(f"""
def sectors(indices):
    return len({{4 * i // 32 for i in indices}})


LANES = range(32)
STORE = sectors(LANES)
answers = {{
    "copy": sectors(LANES) + STORE,
    "shifted": sectors(i + {SHIFT} for i in LANES) + STORE,
    "strided": sectors({STEP} * i for i in LANES) + STORE,
    "column": sectors(33 * i for i in LANES) + STORE,
    "broadcast": 1 + STORE,
    "pairs": sectors(LANES) + sectors(i // {SHARE} for i in LANES),
    "some": 2 * sectors(range({SOME})),
    "reversed": 2 * STORE,
}}
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
    ("strided", STRIDED, {8: "as_if_dense", 68: "each_lane", 8 * STEP: "dense_store"}),
    ("column", 36, {8: "as_if_dense", 6: "banks", 64: "dense_store", 32: "loads_alone"}),
    ("broadcast", 5, {8: "shared_sector", 1: "loads_alone"}), ("pairs", PAIRS, {8: "half_store", 4: "whole_load"}),
    ("some", 2 * ACTIVE, {8: "inactive", SOME // 4: "rounded_down", ACTIVE: "loads_alone"}), ("reversed", 8, {36: "order", 4: "loads_alone"}),
):  # fmt: skip
    for number, says in said.items():
        bank.mistake(f"{key}_{number}", "values", says, f'"{key}": {right} => "{key}": {number}')
