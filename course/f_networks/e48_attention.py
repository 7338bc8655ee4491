"""The bank of 48, attention."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
import math

from numba import cuda, float32


@cuda.jit
def attention(q, k, v, o, scale):
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    keys = cuda.shared.array((32, 8), float32)
    values = cuda.shared.array((32, 8), float32)
    # begin
    mine = cuda.local.array(8, float32)
    total = cuda.local.array(8, float32)
    for d in range(8):
        total[d] = float32(0)
        mine[d] = q[i, d] if i < q.shape[0] else float32(0)
    m = float32(-math.inf)
    l = float32(0)
    for start in range(0, k.shape[0], 32):
        for turn in range(8):
            place, d = (turn * 32 + t) // 8, t % 8
            if start + place < k.shape[0]:
                keys[place, d] = k[start + place, d]
                values[place, d] = v[start + place, d]
        cuda.syncthreads()
        for j in range(min(32, k.shape[0] - start)):
            score = float32(0)
            for d in range(8):
                score += mine[d] * keys[j, d]
            score *= scale
            new = max(m, score)
            factor = math.exp(m - new)
            weight = math.exp(score - new)
            l = l * factor + weight
            for d in range(8):
                total[d] = total[d] * factor + weight * values[j, d]
            m = new
        cuda.syncthreads()  # before the next filling
    if i < q.shape[0]:
        for d in range(8):
            o[i, d] = total[d] / l
    # end
""", "key by key")
bank.solution("""
import math

from numba import cuda, float32


@cuda.jit
def attention(q, k, v, o, scale):
    query = cuda.blockIdx.x * 32 + cuda.threadIdx.x
    both = cuda.shared.array((2, 32, 8), float32)
    scores = cuda.local.array(32, float32)
    sums = cuda.local.array(8, float32)
    scaled = cuda.local.array(8, float32)
    for d in range(8):
        sums[d] = float32(0)
        scaled[d] = scale * q[min(query, q.shape[0] - 1), d]
    largest, weights = float32(-3e38), float32(0)
    start = 0
    while start < k.shape[0]:
        number = min(32, k.shape[0] - start)
        cuda.syncthreads()
        e = cuda.threadIdx.x
        while e < number * 8:
            both[0, e // 8, e % 8] = k[start + e // 8, e % 8]
            both[1, e // 8, e % 8] = v[start + e // 8, e % 8]
            e += 32
        cuda.syncthreads()
        best = largest
        for j in range(number):
            scores[j] = float32(0)
        for d in range(8):
            for j in range(number):
                scores[j] = cuda.fma(scaled[d], both[0, j, d], scores[j])
        for j in range(number):
            best = max(best, scores[j])
        shrink = math.exp(largest - best)
        largest = best
        weights *= shrink
        for d in range(8):
            sums[d] *= shrink
        for j in range(number):
            weight = math.exp(scores[j] - best)
            weights += weight
            for d in range(8):
                sums[d] += weight * both[1, j, d]
        start += 32
    if query < o.shape[0]:
        for d in range(8):
            o[query, d] = sums[d] / weights
""", "tile by tile, one factor a tile")

GUARD = "    if i < q.shape[0]:\n        for d in range(8):\n            o[i, d] = total[d] / l\n"
EXISTS = "for j in range(min(32, k.shape[0] - start)):"
FETCH = '''            if start + place < k.shape[0]:
                keys[place, d] = k[start + place, d]
                values[place, d] = v[start + place, d]
'''
ZEROS = FETCH + '''            else:
                keys[place, d] = float32(0)
                values[place, d] = float32(0)
'''
WALK = "for start in range(0, k.shape[0], 32):"
bank.mistake("first_barrier", "machine", "F4", f"        cuda.syncthreads()\n        {EXISTS} =>         {EXISTS}")
bank.mistake("second_barrier", "machine", "F5", "        cuda.syncthreads()  # before the next filling\n =>")
bank.mistake("early_return", "machine", "F8", "    m = float32(-math.inf)\n =>     if i >= q.shape[0]:\n        return\n    m = float32(-math.inf)\n")
bank.mistake("no_guard", "machine", "F1 + no_query", f"{GUARD} => {GUARD.replace('i < q.shape[0]', 'True')}")
bank.mistake("keys_unguarded", "machine", "F1 + tile_not_full", "if start + place < k.shape[0]: => if True:")
bank.mistake("tile_not_full", "machine", "F10 + tile_not_full", f"{EXISTS} => for j in range(32):")
bank.mistake("double", "machine", "F13", "l = float32(0) => l = 0.0")
bank.mistake("not_rescaled", "values", "not_rescaled", "total[d] = total[d] * factor + weight => total[d] = total[d] + weight")
bank.mistake("l_not_rescaled", "values", "l_not_rescaled", "l = l * factor + weight => l = l + weight")
bank.mistake("wrong_way", "values", "wrong_way", "factor = math.exp(m - new) => factor = math.exp(new - m) if l > float32(0) else float32(0)")
bank.mistake("not_divided", "values", "not_divided", "total[d] / l => total[d]")
bank.mistake("empty_places", "values", "empty_places", f"{FETCH} => {ZEROS}", f"{EXISTS} => for j in range(32):")
bank.mistake("first_tile", "values", "first_tile", f"{WALK} => for start in range(0, min(32, k.shape[0]), 32):")
bank.mistake("tail_lost", "values", "tail_lost", f"{WALK} => for start in range(0, k.shape[0] // 32 * 32, 32):")
bank.mistake("last_tile", "values", "last_tile", f"    {WALK}\n =>     {WALK}\n        m, l = float32(-math.inf), float32(0)\n        for d in range(8):\n            total[d] = float32(0)\n")
bank.mistake("no_scale", "values", "no_scale", "            score *= scale\n =>")
bank.mistake("by_8", "values", "by_8", "score *= scale => score /= float32(8)")
bank.mistake("its_own_scale", "values", "its_own_scale", "score *= scale => score *= float32(0.35355339)")
bank.mistake("from_zero", "values", "from_zero", "m = float32(-math.inf) => m = float32(0)")
bank.mistake("no_maximum", "values", "no_maximum", "new = max(m, score) => new = float32(0)", "factor = math.exp(m - new) => factor = float32(1)")
bank.mistake("hard", "values", "hard", "weight = math.exp(score - new) => weight = float32(1) if score > m else float32(0)",
             "factor = math.exp(m - new) => factor = float32(0) if score > m else float32(1)")
bank.mistake("one_entry", "values", "one_entry", "score += mine[d] * keys[j, d] => score = mine[0] * keys[j, 0]")
bank.mistake("no_tiles", "par", "F21f + no_tiles", source="""
import math

from numba import cuda, float32


@cuda.jit
def attention(q, k, v, o, scale):
    i = cuda.grid(1)
    if i < q.shape[0]:
        mine = cuda.local.array(8, float32)
        total = cuda.local.array(8, float32)
        for d in range(8):
            mine[d], total[d] = q[i, d], float32(0)
        m, l = float32(-math.inf), float32(0)
        for j in range(k.shape[0]):
            score = float32(0)
            for d in range(8):
                score += mine[d] * k[j, d]
            new = max(m, score * scale)
            factor, weight = math.exp(m - new), math.exp(score * scale - new)
            l = l * factor + weight
            for d in range(8):
                total[d] = total[d] * factor + weight * v[j, d]
            m = new
        for d in range(8):
            o[i, d] = total[d] / l
""")
bank.mistake("rows_by_lane", "par", "F21f + rows_by_lane", "place, d = (turn * 32 + t) // 8, t % 8 => place, d = t, turn")
bank.mistake("twice", "par", "F21f + twice", f"    {WALK}\n => " + f'''    {WALK}
        for turn in range(8):
            place, d = (turn * 32 + t) // 8, t % 8
            if start + place < k.shape[0]:
                keys[place, d] = k[start + place, d]
                values[place, d] = v[start + place, d]
        cuda.syncthreads()
        for j in range(min(32, k.shape[0] - start)):
            score = float32(0)
            for d in range(8):
                score += mine[d] * keys[j, d]
            m = max(m, score * scale)
        cuda.syncthreads()
    {WALK}
''')
bank.mistake("sum_in_memory", "par", "F21f + sum_in_memory", "            for d in range(8):\n                total[d] = total[d] * factor + weight * values[j, d]\n => "
             "            if i < q.shape[0]:\n                for d in range(8):\n                    o[i, d] = (o[i, d] * factor if l > weight else float32(0)) + weight * values[j, d]\n",
             "o[i, d] = total[d] / l => o[i, d] /= l")
bank.mistake("scale_in_weight_alone", "values", "scale_in_weight_alone", "            score *= scale\n =>", "weight = math.exp(score - new) => weight = math.exp(scale * (score - new))")
bank.mistake("divided_each_tile", "values", "divided_each_tile", "        cuda.syncthreads()  # before the next filling\n =>         for d in range(8):\n            total[d] /= l\n        cuda.syncthreads()  # before the next filling\n",
             "o[i, d] = total[d] / l => o[i, d] = total[d]")
bank.mistake("divided_each_tile_and_last", "values", "divided_each_tile", "        cuda.syncthreads()  # before the next filling\n =>         for d in range(8):\n            total[d] /= l\n        cuda.syncthreads()  # before the next filling\n")
bank.mistake("old_m_lost", "values", "old_m_lost", "new = max(m, score) => m = new = max(m, score)")
bank.mistake("as_seen_1", "values", "not_rescaled", source="""
import math

from numba import cuda, float32


@cuda.jit
def attention(q, k, v, o, scale):
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    keys = cuda.shared.array((32, 8), float32)
    values = cuda.shared.array((32, 8), float32)
    query = cuda.local.array(8, float32)
    acc = cuda.local.array(8, float32)
    for e in range(8):
        acc[e] = float32(0)
        query[e] = q[i, e] * float32(scale) if i < q.shape[0] else float32(0)
    m = float32(-math.inf)
    l = float32(0)
    for first in range(0, k.shape[0], 32):
        count = min(32, k.shape[0] - first)
        for e in range(8):
            r, d = (e * 32 + t) // 8, (e * 32 + t) % 8
            if r < count:
                keys[r, d] = k[first + r, d]
                values[r, d] = v[first + r, d]
        cuda.syncthreads()
        for j in range(count):
            s = float32(0)
            for e in range(8):
                s += query[e] * keys[j, e]
            new = max(m, s)
            f = math.exp(m - new)
            p = math.exp(s - new)
            l = l * f + p
            for e in range(8):
                acc[e] = acc[e] + p * values[j, e]
            m = new
        cuda.syncthreads()
    if i < q.shape[0]:
        for e in range(8):
            o[i, e] = acc[e] / l
""")
bank.mistake("as_seen_2", "machine", "F10 + tile_not_full", source="""
import math

from numba import cuda, float32


@cuda.jit
def attention(q, k, v, o, scale):
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    keys = cuda.shared.array((32, 8), float32)
    values = cuda.shared.array((32, 8), float32)
    query = cuda.local.array(8, float32)
    acc = cuda.local.array(8, float32)
    for e in range(8):
        acc[e] = float32(0)
        query[e] = q[i, e] * float32(scale) if i < q.shape[0] else float32(0)
    m = float32(-math.inf)
    l = float32(0)
    for first in range(0, k.shape[0], 32):
        count = min(32, k.shape[0] - first)
        for e in range(8):
            r, d = (e * 32 + t) // 8, (e * 32 + t) % 8
            if r < count:
                keys[r, d] = k[first + r, d]
                values[r, d] = v[first + r, d]
        cuda.syncthreads()
        for j in range(32):
            s = float32(0)
            for e in range(8):
                s += query[e] * keys[j, e]
            new = max(m, s)
            f = math.exp(m - new)
            p = math.exp(s - new)
            l = l * f + p
            for e in range(8):
                acc[e] = acc[e] * f + p * values[j, e]
            m = new
        cuda.syncthreads()
    if i < q.shape[0]:
        for e in range(8):
            o[i, e] = acc[e] / l
""")
bank.mistake("again_no_rescale", "values", "not_rescaled", source="""
import math

from numba import cuda, float32


@cuda.jit
def attention(q, k, v, o, scale):
    i = cuda.grid(1)
    t = cuda.threadIdx.x
    keys = cuda.shared.array((32, 8), float32)
    values = cuda.shared.array((32, 8), float32)
    mine = cuda.local.array(8, float32)
    acc = cuda.local.array(8, float32)
    for d in range(8):
        mine[d] = q[i, d] * float32(scale) if i < q.shape[0] else float32(0)
        acc[d] = float32(0)
    m = float32(-3.4e38)
    l = float32(0)
    for start in range(0, k.shape[0], 32):
        for e in range(t, 256, 32):
            if start + e // 8 < k.shape[0]:
                keys[e // 8, e % 8] = k[start + e // 8, e % 8]
                values[e // 8, e % 8] = v[start + e // 8, e % 8]
        cuda.syncthreads()
        for j in range(min(32, k.shape[0] - start)):
            s = float32(0)
            for d in range(8):
                s += mine[d] * keys[j, d]
            new = max(m, s)
            old = math.exp(m - new)
            p = math.exp(s - new)
            l = l * old + p
            for d in range(8):
                acc[d] = acc[d] + p * values[j, d]
            m = new
        cuda.syncthreads()
    if i < q.shape[0]:
        for d in range(8):
            o[i, d] = acc[d] / l
""")
