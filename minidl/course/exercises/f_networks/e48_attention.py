"""Attention, without the matrix of scores.

Each query looks at all keys, and takes a mean of the values, weighted by how well the keys fit:

    s[i, j] = scale · q[i] · k[j]        p = softmax of each row of s        o[i] = Σ over j of p[i, j] · v[j]

For 4,096 queries and keys s has 16 million numbers, q and o a few thousand each. So s is never written: a thread has one query,
walks over the keys, and keeps what exercise 32 keeps, the largest score m so far and the sum l of exp(s - m), and with them the
sum of exp(s - m) · v[j]. When m grows, both sums are brought to the new one by the same factor. At the end: o = sum / l.
(Milakov and Gimelshein, 2018; Dao and others, FlashAttention, 2022)

    keys      0 … 31 | 32 … 63 | 64 …       the 32 threads of a block want the same keys: they fetch 32 of k and of v into
    query 5   ------->                      shared memory, wait, use them all, wait, and fetch the next 32
    query 6   ------->

`attention(q, k, v, o, scale)` for q, o (M, 8), k, v (N, 8): a head of size 8. Blocks of 32 threads, a query each, as many as
cover M. `cuda.local.array(8, float32)` is an array of a thread. scale is 1 / √8 in most cases, and a parameter in all.
Par: 770 sectors loaded for 64 queries and 64 keys, where threads that read k and v themselves load 2,560; o written once.
"""

import numpy as np

from minidl.course import Exercise, Kernel, case, extreme, par

ROOT = np.float32(8**-0.5)


def cases(d):
    for m, n in ((3, 5), (2, 1), (1, 32), (33, 34), (5, 71)):
        yield case("", d(m, 8), d(n, 8), d(n, 8), ROOT)
    yield case("the best key last", d(2, 8) + 2, np.sort(d(50, 1), axis=0) + np.zeros((1, 8), np.float32), d(50, 8), ROOT)
    yield case("scale 0.7", d(4, 8), d(37, 8), d(37, 8), np.float32(0.7))
    yield par("", d(64, 8), d(64, 8), d(64, 8), ROOT)
    signs = np.where(np.arange(40) % 7 < 3, 30, -30)[:, None] * np.ones((1, 8))
    yield extreme("scores of 300 and -300", np.full((2, 8), 3.54, np.float32), signs.astype(np.float32), d(40, 8), ROOT)
    yield extreme("scores of -300 alone", np.full((2, 8), 3.54, np.float32), np.full((35, 8), -30, np.float32), d(35, 8), ROOT)
    yield extreme("equal keys", d(3, 8), np.full((33, 8), 0.5, np.float32), np.repeat(d(33, 1), 8, axis=1), ROOT)


def with_the_matrix(q, k, v, scale):
    s = float(scale) * q @ k.T
    p = np.exp(s - s.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True) @ v


exercise = Exercise(
    title="Attention without the matrix",
    stars=3,
    minutes=90,
    needs=("softmax_online", "gemm_tiled"),
    section="14",
    tasks=(
        Kernel(
            signature="attention(q, k, v, o, scale)",
            cases=cases,
            reference=with_the_matrix,
            resized=False,
            outputs={"o": lambda q: q.shape},
            threads=32,
            grid=lambda q: (-(-q.shape[0] // 32),),
            par={"load_sectors": 770, "store_sectors": 512},
            naive={"load_sectors": 2560},
        ),
    ),
    says={
        "not_rescaled": (
            "Wrong where a later key has the largest score: when m grows, the sum of values belongs to the old m.",
            "后面的键得分最大时就错：m 变大后，v 的加权和仍按旧的 m。",
        ),
        "l_not_rescaled": (
            "o · l is right, l is not: the sum of weights lives on the old m too, and has to come to the new one.",
            "o · l 是对的，l 不对：权重之和也按旧的 m，也要换到新的 m。",
        ),
        "wrong_way": (
            "The old sums have to shrink when m grows: exp(old - new), not exp(new - old).",
            "m 变大时旧的和应缩小：是 exp(旧 - 新)，不是 exp(新 - 旧)。",
        ),
        "not_divided": (
            "The weights of a query do not sum to 1: o is the sum of values, l times too large.",
            "一个查询的权重之和不是 1：o 只是加权和，大了 l 倍。",
        ),
        "empty_places": (
            "The result is as if {-k0 % 32} keys of score 0 were there: places of the last tile without a key take part.",
            "结果像是多了 {-k0 % 32} 个得分为 0 的键：最后一块里没有键的位置也参与了。",
        ),
        "no_query": (
            "There are {q0} queries and 32 threads a block: a thread without a query has no row to write.",
            "有 {q0} 个查询，每块 32 个线程：没有查询的线程没有可写的行。",
        ),
        "tile_not_full": (
            "N = {k0} is no multiple of 32: the last tile has places without a key.",
            "N = {k0} 不是 32 的倍数：最后一块里有些位置没有键。",
        ),
        "first_tile": (
            "Only the first 32 of {k0} keys count: the walk goes on in steps of 32.",
            "{k0} 个键中只算了前 32 个：要以 32 为步长继续走。",
        ),
        "tail_lost": (
            "The last {k0 % 32} of {k0} keys are missing: how many tiles cover them?",
            "{k0} 个键中少了最后 {k0 % 32} 个：多少块才能盖住？",
        ),
        "last_tile": (
            "Only the keys of the last tile count: where do m, l and the sum of values begin?",
            "只算了最后一块的键：m、l 和加权和在哪里开始？",
        ),
        "no_scale": (
            "Too sharp: the scores are q · k, and have to be multiplied by scale.",
            "太尖锐：得分只是 q · k，还要乘 scale。",
        ),
        "by_8": (
            "Too flat: the scores come to be divided by 8, the head's size; scale is 1 / √8, and stands there once.",
            "太平坦：得分等于除以了头的大小 8；scale 是 1 / √8，只乘一次。",
        ),
        "its_own_scale": (
            "Right where scale is 1 / √8: it is a parameter, and may be another.",
            "scale 为 1 / √8 时是对的：它是参数，可以是别的值。",
        ),
        "from_zero": (
            "m begins at 0: where all scores are -300 every exp is 0, and you divide 0 by 0.",
            "m 从 0 开始：得分全是 -300 时所有 exp 都是 0，于是 0 除以 0。",
        ),
        "no_maximum": (
            "exp(300) overflows: subtract the largest score so far.",
            "exp(300) 溢出了：要减去目前最大的得分。",
        ),
        "hard": (
            "o is the value of the best key alone: softmax takes a weighted mean of all.",
            "o 只是得分最高的那个键的值：softmax 取的是所有值的加权平均。",
        ),
        "one_entry": (
            "A score is a sum over all 8 entries of q and k; yours has the first alone.",
            "得分是 q 与 k 全部 8 个分量的和；你只算了第一个。",
        ),
        "no_tiles": (
            "Every warp reads k and v number by number, a sector each time. Its 32 threads could fetch 32 keys at once.",
            "每个 warp 一个数一个数地读 k 和 v，每次一个扇区。32 个线程可以一次取 32 个键。",
        ),
        "rows_by_lane": (
            "Each lane fetches a key of its own, so neighbours are 8 numbers apart: one sector for each. Let neighbours fetch neighbours "
            "in memory.",
            "每条通道取自己的那个键，相邻通道相差 8 个数：各要一个扇区。让相邻通道取内存里相邻的数。",
        ),
        "twice": (
            "Two walks over the keys: one for m, one for the sums. When m grows, one factor brings what is summed to it.",
            "对键走了两遍：一遍求 m，一遍求和。m 变大时，乘一个因子就能把已有的和换过来。",
        ),
        "sum_in_memory": (
            "The sum of values is kept in o, in global memory, and loaded and stored for every key.",
            "加权和放在全局内存的 o 里，每个键都要读出再写回。",
        ),
        "scale_in_weight_alone": (
            "scale is in the weight and not in the factor: m is the largest q · k then, and what is summed is "
            "brought to a new m as if scale were 1. Scale the score at once.",
            "scale 乘进了权重，却没乘进因子：m 成了最大的 q · k，已有的和按 scale 为 1 换到新的 m。得分一算出来就要乘"
            " scale。",
        ),
        "divided_each_tile": (
            "You divide by l after each tile, and the next tile adds to a quotient. The sum of values is divided "
            "once, at the end.",
            "每块之后都除了 l，下一块就加到了商上。加权和只在最后除一次。",
        ),
        "old_m_lost": (
            "When m grows nothing is rescaled, neither l nor the sum of values: is the old m still there when the "
            "factor is computed?",
            "m 变大时什么也没换过来，l 和加权和都没有：计算因子时旧的 m 还在吗？",
        ),
    },
    hints=(
        ("After 10 keys you have m, l and a sum of values. Key 11 has a larger score: what becomes of the three?",
         "10 个键之后有 m、l 和加权和。第 11 个键得分更大：三者各变成什么？"),
        ("Exercise 32 with a sum of 8 numbers beside l. A thread without a query fetches with the others, and waits with them; it only does "
         "not read q and write o. The last tile ends where the keys end.",
         "练习 32，在 l 旁边再加一个 8 个数的和。没有查询的线程也跟着取、跟着等，只是不读 q、不写 o。最后一块到键的结尾为止。"),
        ("q's row into a local array; m = -∞, l = 0, sum = 0; for each tile: fetch 256 numbers of k and of v, 8 turns of 32; wait; for each "
         "key that exists: score, new m, factor, weight, l, 8 sums; wait. If there is a query: write sum / l.",
         "q 的一行放进局部数组；m = -∞，l = 0，sum = 0；每块：取 k 和 v 各 256 个数，32 个一次取 8 次；等；对每个存在的键：得分、新 m、因子、"
         "权重、l、8 个和；等。若有查询：写 sum / l。"),
    ),
)  # fmt: skip
