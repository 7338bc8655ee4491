"""The numbers are right, and the kernel is wrong.

y[r, i] = x[r, 0] + … + x[r, i]: the running sums of each row, a block a row, by Hillis and Steele as in exercise 34. The
kernel below has been tried on many inputs, and not one number was wrong. But `s[t] += s[t - d]` reads a place that thread
t - d writes in the same step, and the 128 threads of a block are four warps that a GPU runs in any order: here it was
luck. Run the check as it is, with a comment added, and read what it says.

    step d = 32: thread 72 reads s[40]       which thread 40, of another warp, changes in the same step: before or after?
    step d = 32: thread 40 reads s[8]        which thread 8 changed in step d = 8 for the last time: is it through with that?

Mend it: all of a step read before any of it write, and all have written before the next step reads. Change ten lines at
most. Rows have 1 to 128 elements; threads without one stay for the barriers.
Par: 15 barriers a row, two a step and one to begin. Third star: 8.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par


def cases(d):
    yield case("", d(2, 128))
    yield case("", d(3, 70))
    yield case("", d(1, 1))
    yield case("a warp", d(2, 32))
    yield par("", d(5, 113))
    x = np.zeros((3, 97), np.float32)
    x[0, 5], x[1, 40], x[2, 80], x[2, 20] = 3.0, float("inf"), float("nan"), -0.0
    yield extreme("zeros, an infinity, NaN", x)


def one_after_another(x):
    y = np.array(x)
    for i in range(1, x.shape[1]):
        y[:, i] = y[:, i - 1] + x[:, i]
    return y


exercise = Exercise(
    title="Right by luck",
    stars=2,
    minutes=25,
    needs=("scan_block",),
    section="09",
    most_changed=10,
    tasks=(
        Kernel(
            signature="row_scan(x, y)",
            cases=cases,
            reference=one_after_another,
            outputs={"y": lambda x: x.shape},
            resized=False,  # a row has to fit into a block
            threads=128,
            grid=lambda x: (x.shape[0],),
            par={"barriers": 5 * 15},
            third={"barriers": 5 * 8},
        ),
    ),
    says={
        "only_luck": (
            "Not one number is wrong, and {races} accesses race: look at the report, not at the numbers.",
            "没有一个数是错的，却有 {races} 次访问存在竞争：要看报告，不要看数字。",
        ),
        "one_barrier": (
            "The steps are apart now; within a step, s[t - d] is still read while thread t - d writes it. `+=` reads and "
            "writes in one line: where could a barrier stand between the two?",
            "各步之间分开了；但在一步之内，线程 t - d 写 s[t - d] 时仍有人在读它。`+=` 在一行里又读又写："
            "两者之间哪里能放屏障？",
        ),
        "read_early": (
            "All read into a variable and wait: good. But the next step reads before all have written.",
            "大家都先读进变量再等：好。可下一步在所有人写完之前就开始读了。",
        ),
        "no_wait_between": (
            "A variable alone does not separate reading from writing: thread t - d may write before thread t has read.",
            "光有变量还不能把读和写分开：线程 t - d 可能在线程 t 读之前就写了。",
        ),
        "warp_only": (
            "syncwarp orders the 32 threads of one warp; from d = 32 on every partner is in another warp, and below it some "
            "are.",
            "syncwarp 只让一个 warp 的 32 个线程有先后；从 d = 32 起伙伴都在别的 warp 里，更小的 d 也有一些。",
        ),
        "atomic": (
            "An addition that cannot be interrupted keeps s[t] whole, which thread t alone writes anyway. What races is s[t - d], "
            "read before it: has thread t - d added this step's number by then or not?",
            "不可打断的加法保护的是 s[t]，而它本来就只有线程 t 写。竞争的是之前读的 s[t - d]：那时线程 t - d 加过这一步的数没有？",
        ),
        "in_the_branch": (
            "Threads below d do not come to this barrier: let all read a number, 0 where there is nobody.",
            "小于 d 的线程到不了这个屏障：让所有线程都读一个数，没有伙伴的读 0。",
        ),
        "first_numbers": (
            "Each step adds numbers of the first step's array: the one to read is the one that was written last.",
            "每一步加的都是第一个数组里的数：该读的是最近写过的那个。",
        ),
        "last_step_lost": (
            "This is what stood there before the last step: after seven changes of place, which of the two arrays is the "
            "newer?",
            "这是最后一步之前的内容：换了七次位置之后，两个数组里哪个更新？",
        ),
        "below_d_lost": (
            "Threads below d add nothing, but their sums have to be carried over to the other array too.",
            "小于 d 的线程不加什么，但它们的和也要搬到另一个数组。",
        ),
        "adds_twice": (
            "You have read s[t] + s[t - d], and add it to s[t]: one of them counts twice.",
            "你读出的是 s[t] + s[t - d]，又把它加到 s[t]：其中一个算了两次。",
        ),
        "one_adds": (
            "One thread adds in a line: no race, and no parallel work.",
            "一个线程一个接一个地加：没有竞争，也没有并行。",
        ),
        "three_barriers": (
            "Three barriers a step: which two accesses does the third one separate?",
            "每步三个屏障：第三个隔开的是哪两次访问？",
        ),
    },
    recognise=lambda seen: "atomic" if seen.stage == "machine" and seen.has("atomic.add") else None,
    hints=(
        ("In one step, who writes s[40] and who reads it? Which of the two has to come first?",
         "在一步里，谁写 s[40]，谁读它？哪一个必须在先？"),
        ("Either a variable and two barriers: read, wait, write, wait. Or two arrays that change places: what is read is "
         "never what is written, and one barrier a step is enough.",
         "或者一个变量加两个屏障：读、等、写、等。或者两个数组轮流：读的永远不是写的，每步一个屏障就够。"),
        ("In the loop: other = what stands d before, or 0; wait; add it; wait; double d.",
         "循环里：other = 前面 d 处的数，没有则 0；等；加上；等；d 加倍。"),
    ),
)  # fmt: skip
