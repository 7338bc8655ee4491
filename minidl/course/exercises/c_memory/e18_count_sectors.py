"""How many sectors does one warp move? Of the programs' numbers there are variants."""

from minidl.course import Answers, Exercise, constant

STEPS, SHARES, SOMES, SHIFTS = (2, 3), (2, 4), (20, 12), (1, 3)
STEP, SHARE, SOME, SHIFT = (
    constant(name, choices)
    for name, choices in (("STEP", STEPS), ("SHARE", SHARES), ("SOME", SOMES), ("SHIFT", SHIFTS))
)
ACTIVE = -(-SOME // 8)  # sectors of SOME numbers
RIGHT = {
    "copy": 8, "shifted": 9, "strided": 4 * STEP + 4, "column": 36, "broadcast": 5, "pairs": 4 + 4 // SHARE,
    "some": 2 * ACTIVE, "reversed": 8,
}  # fmt: skip
TEXT = f"""How many sectors does one warp move?

Nothing to run: read, count, and write the numbers down. Global memory moves in sectors of 32 bytes, and each load or
store of a warp moves every sector that its active lanes touch, once. Arrays are of float32 and begin at a sector's edge;
`i` is the lane, 0 to 31. Count loads and stores together.

    copy        y[i] = x[i]
    shifted     y[i] = x[i + {SHIFT}]
    strided     y[i] = x[{STEP} * i]
    column      y[i] = m[i, 0]                   m has 33 columns
    broadcast   y[i] = x[0]
    pairs       y[i // {SHARE}] = x[i]                 (what the {SHARE} write is the same)
    some        if i < {SOME}: y[i] = x[i]
    reversed    y[i] = x[31 - i]
"""

exercise = Exercise(
    title="Counting sectors",
    text=TEXT,
    constants={"STEP": STEPS, "SHARE": SHARES, "SOME": SOMES, "SHIFT": SHIFTS},
    stars=1,
    minutes=15,
    needs=("vector_add",),
    section="08",
    tasks=(
        Answers(
            reference=lambda: RIGHT,
            wrong={
                "copy": {256: "bytes", 64: "lanes", 4: "loads_alone", 2: "accesses"},
                "shifted": {8: "alignment", 10: "both_shifted", 5: "loads_alone"},
                "strided": {8: "as_if_dense", 68: "each_lane", 36: "each_lane", 8 * STEP: "dense_store"},
                "column": {5: "banks", 6: "banks", 8: "as_if_dense", 64: "dense_store", 32: "loads_alone"},
                "broadcast": {8: "shared_sector", 36: "shared_sector", 1: "loads_alone"},
                "pairs": {8: "half_store", 20: "half_store", 4: "whole_load"},
                "some": {8: "inactive", SOME // 4: "rounded_down", ACTIVE: "loads_alone"},
                "reversed": {36: "order", 64: "order", 4: "loads_alone"},
            },
        ),
    ),
    says={
        "bytes": ("Those are bytes: sectors are of 32. 128 / 32 for the load, and as many for the store.",
                  "那是字节：一个扇区 32 字节。读是 128 / 32，写也一样多。"),
        "lanes": ("Lanes share sectors: 8 numbers of 4 bytes lie in one.", "通道共用扇区：一个扇区里有 8 个 4 字节的数。"),
        "loads_alone": ("The store moves sectors too.", "写也要搬动扇区。"),
        "accesses": ("An access of a warp is not one sector: 32 lanes × 4 bytes.", "一次 warp 访问不是一个扇区：32 个通道 × 4 字节。"),
        "alignment": (f"Bytes {4 * SHIFT} to {4 * SHIFT + 127} touch sectors 0 to 4: five, not four.", f"字节 {4 * SHIFT} 到 {4 * SHIFT + 127} 碰到扇区 0 到 4：五个，不是四个。"),
        "both_shifted": ("Only the load is shifted; y[i] still begins at a sector's edge.", "只有读错开了；y[i] 仍从扇区边界开始。"),
        "as_if_dense": ("Neighbouring lanes are not neighbours in memory: how many bytes lie between x of lane 0 and of "
                        "lane 31?", "相邻通道在内存里并不相邻：通道 0 与通道 31 的 x 相隔多少字节？"),
        "each_lane": (f"With a step of {4 * STEP} bytes, lanes still share sectors: {128 * STEP} bytes in all.", f"步长 {4 * STEP} 字节时，通道仍共用扇区：总共 {128 * STEP} 字节。"),
        "banks": ("33 columns avoid conflicts of banks in shared memory; in global memory each lane has a sector of its own.",
                  "33 列避免的是共享内存的存储体冲突；在全局内存里每个通道各占一个扇区。"),
        "shared_sector": ("All lanes load one element: one sector.", "所有通道读同一个元素：一个扇区。"),
        "half_store": (f"The store touches y[0] to y[{32 // SHARE - 1}] alone: {128 // SHARE} bytes.",
                       f"写只碰到 y[0] 到 y[{32 // SHARE - 1}]：{128 // SHARE} 字节。"),
        "inactive": (f"Lanes {SOME} to 31 are off, and touch nothing.", f"通道 {SOME} 到 31 是关的，什么也不碰。"),
        "rounded_down": (f"{SOME} numbers are {4 * SOME} bytes: a part of a sector moves whole.", f"{SOME} 个数是 {4 * SOME} 字节：扇区的一部分也要整个搬。"),
        "order": ("Who in a warp takes which element does not matter, only which sectors are touched.",
                  "warp 里谁取哪个元素无关紧要，只看碰到哪些扇区。"),
        "dense_store": (
            "Only the load is spread out: the store to y[i] is of 32 neighbours, 4 sectors.",
            "只有读是分散的：写 y[i] 是 32 个相邻的数，4 个扇区。",
        ),
        "whole_load": (
            "The load is of 32 different numbers, 4 sectors; the store comes on top of them.",
            "读的是 32 个不同的数，4 个扇区；写要另外加上。",
        ),
    },
    hints=(
        ("Which bytes do lanes 0 and 31 touch?", "通道 0 和 31 碰到哪些字节？"),
        ("Write down the first and last byte, divide by 32, and count the sectors between; once for the load, once for "
         "the store.", "写下第一个和最后一个字节，除以 32，数中间的扇区；读一次，写一次。"),
        ("load: the different values of (4 · index) // 32 over the active lanes; the store likewise; add.",
         "读：对活动通道数 (4 · 下标) // 32 的不同值；写也一样；相加。"),
    ),
)  # fmt: skip
