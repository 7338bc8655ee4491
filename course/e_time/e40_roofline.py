"""The bank of 40, roofline."""

from minidl.course import Bank

bank = Bank()
bank.solution("""
def roofline(op, sizes, seconds, peak, bandwidth):
    # begin
    many = sizes[0]
    for n in sizes[1:]:
        many *= n
    first, last = sizes[0], sizes[-1]
    flops = {"copy": 0, "add": 1, "outer": 1, "row_sums": 1}.get(op, 2) * many
    if op in ("copy", "add", "saxpy"):
        elements = (2 if op == "copy" else 3) * many
    elif op == "dot":
        elements = 2 * many + 1
    elif op == "row_sums":
        elements = many + first
    elif op == "gemm":
        inner = sizes[1]
        elements = first * inner + inner * last + first * last
    else:
        elements = many + first + last
    moved = 4 * elements
    computing, moving = flops / peak, moved / bandwidth
    bound = "compute" if computing > moving else "memory"
    return flops, moved, bound, max(computing, moving) / seconds
    # end
""", "an if an op")
bank.solution("""
import math

TABLE = {
    "copy": (0, lambda n: (n, n)),
    "add": (1, lambda n: (n, n, n)),
    "saxpy": (2, lambda n: (n, n, n)),
    "dot": (2, lambda n: (n, n, 1)),
    "row_sums": (1, lambda m, n: (m * n, m)),
    "gemv": (2, lambda m, n: (m * n, n, m)),
    "outer": (1, lambda m, n: (m, n, m * n)),
    "gemm": (2, lambda m, k, n: (m * k, k * n, m * n)),
}


def roofline(op, sizes, seconds, peak, bandwidth):
    each, arrays = TABLE[op]
    flops, moved = each * math.prod(sizes), 4 * sum(arrays(*sizes))
    intensity = flops / moved
    reachable = min(peak, intensity * bandwidth)
    bound = "memory" if intensity < peak / bandwidth else "compute"
    share = flops / seconds / reachable if flops else moved / seconds / bandwidth
    return flops, moved, bound, share
""", "a table, and operations a byte")

bank.mistake("loads_alone", "values", "loads_alone", "(2 if op == \"copy\" else 3) * many => (1 if op == \"copy\" else 2) * many")
bank.mistake("dot_not_written", "values", "loads_alone", "2 * many + 1 => 2 * many")
bank.mistake("gemm_not_written", "values", "loads_alone", " + first * last\n => \n")
bank.mistake("y_not_read", "values", "y_not_read", '(2 if op == "copy" else 3) => (3 if op == "add" else 2)')
bank.mistake("every_access", "values", "every_access", "elements = first * inner + inner * last + first * last => elements = 2 * many")
bank.mistake("every_access_and_store", "values", "every_access", "elements = first * inner + inner * last + first * last => elements = 2 * many + first * last")
bank.mistake("gemv_every_access", "values", "every_access", "elements = many + first + last => elements = (many + first + last) if op == \"outer\" else 2 * many + first")
bank.mistake("gemv_x_forgotten", "values", "x_of_gemv", "elements = many + first + last => elements = many + first + (last if op == \"outer\" else 0)")
bank.mistake("float64", "values", "eight_bytes", "moved = 4 * => moved = 8 *")
bank.mistake("elements", "values", "elements", "moved = 4 * => moved =")
bank.mistake("fma_as_one", "values", "fma_as_one", ".get(op, 2) => .get(op, 1)")
bank.mistake("copy_computes", "values", "copy_computes", '"copy": 0 => "copy": 1')
bank.mistake("one_less", "values", "one_less", "    moved = 4 => " '    if op in ("dot", "row_sums", "gemv", "gemm"):\n        flops -= 1 if op == "dot" else first * last if op == "gemm" else first\n    moved = 4')
bank.mistake("ridge_reversed", "values", "ridge_reversed", "computing > moving => computing < moving")
bank.mistake("one_is_the_ridge", "values", "one_is_the_ridge", "computing > moving => flops > moved")
bank.mistake("of_the_peak", "values", "of_the_peak", "max(computing, moving) / seconds => computing / seconds")
bank.mistake("of_the_bandwidth", "values", "of_the_bandwidth", "max(computing, moving) / seconds => moving / seconds")
bank.mistake("upside_down", "values", "upside_down", "max(computing, moving) / seconds => seconds / max(computing, moving)")
bank.mistake("both_times", "values", "both_times", "max(computing, moving) / seconds => (computing + moving) / seconds")
bank.mistake("percent", "values", "percent", "max(computing, moving) / seconds => 100 * max(computing, moving) / seconds")
bank.mistake("no_return", "runs", "none", "    return flops, moved, bound, max => " "    answer = flops, moved, bound, max")
bank.mistake("no_share", "values", "count", ", bound, max(computing, moving) / seconds => , bound")
bank.mistake("copy_divides", "runs", "copy_divides", "max(computing, moving) / seconds => flops / seconds / min(peak, peak * moving / computing * 0 + flops / moved * bandwidth)")
bank.mistake("other_word", "values", "other_word", '"compute" if computing => "arithmetic" if computing', 'else "memory" => else "bandwidth"')
bank.mistake("share_upside_down", "values", "upside_down", source="""
def roofline(op, sizes, seconds, peak, bandwidth):
    if op in ("copy", "add", "saxpy", "dot"):
        (n,) = sizes
    elif op == "gemm":
        m, k, n = sizes
    else:
        m, n = sizes
    table = {
        "copy": lambda: (0, 2 * n),
        "add": lambda: (n, 3 * n),
        "saxpy": lambda: (2 * n, 3 * n),
        "dot": lambda: (2 * n, 2 * n + 1),
        "row_sums": lambda: (m * n, m * n + m),
        "gemv": lambda: (2 * m * n, m * n + n + m),
        "outer": lambda: (m * n, m + n + m * n),
        "gemm": lambda: (2 * m * k * n, m * k + k * n + m * n),
    }
    flops, words = table[op]()
    t_compute = flops / peak
    t_memory = 4 * words / bandwidth
    bound = "compute" if t_compute > t_memory else "memory"
    return flops, 4 * words, bound, seconds / max(t_compute, t_memory)
""")
bank.mistake("dot_no_result", "values", "loads_alone", source="""
def roofline(op, sizes, seconds, peak, bandwidth):
    if op == "copy":
        n = sizes[0]
        flops, elements = 0, 2 * n
    elif op == "add":
        n = sizes[0]
        flops, elements = n, 3 * n
    elif op == "saxpy":
        n = sizes[0]
        flops, elements = 2 * n, 3 * n
    elif op == "dot":
        n = sizes[0]
        flops, elements = 2 * n, 2 * n
    elif op == "row_sums":
        m, n = sizes
        flops, elements = m * n, m * n + m
    elif op == "gemv":
        m, n = sizes
        flops, elements = 2 * m * n, m * n + n + m
    elif op == "outer":
        m, n = sizes
        flops, elements = m * n, m * n + n + m
    else:
        m, k, n = sizes
        flops, elements = 2 * m * k * n, m * k + k * n + m * n
    nbytes = elements * 4
    compute, memory = flops / peak, nbytes / bandwidth
    return flops, nbytes, "compute" if compute > memory else "memory", max(compute, memory) / seconds
""")
bank.mistake("gemm_one_flop", "values", "fma_as_one", source="""
def roofline(op, sizes, seconds, peak, bandwidth):
    n = sizes[-1]
    m = sizes[0]
    if op == "copy":
        f, w = 0, 2 * n
    if op == "add":
        f, w = n, 3 * n
    if op == "saxpy":
        f, w = 2 * n, 3 * n
    if op == "dot":
        f, w = 2 * n, 2 * n + 1
    if op == "row_sums":
        f, w = m * n, m * n + m
    if op == "gemv":
        f, w = 2 * m * n, m * n + m + n
    if op == "outer":
        f, w = m * n, m * n + m + n
    if op == "gemm":
        k = sizes[1]
        f, w = m * k * n, m * k + k * n + m * n
    seconds_c, seconds_m = f / peak, 4 * w / bandwidth
    if seconds_c > seconds_m:
        return f, 4 * w, "compute", seconds_c / seconds
    return f, 4 * w, "memory", seconds_m / seconds
""")
bank.mistake("again_dot", "values", "one_less", source="""
def roofline(op, sizes, seconds, peak, bandwidth):
    if op == "copy":
        (n,) = sizes
        flops, numbers = 0, 2 * n
    elif op == "add":
        (n,) = sizes
        flops, numbers = n, 3 * n
    elif op == "saxpy":
        (n,) = sizes
        flops, numbers = 2 * n, 3 * n
    elif op == "dot":
        (n,) = sizes
        flops, numbers = 2 * n - 1, 2 * n + 1
    elif op == "row_sums":
        m, n = sizes
        flops, numbers = m * n, m * n + m
    elif op == "gemv":
        m, n = sizes
        flops, numbers = 2 * m * n, m * n + n + m
    elif op == "outer":
        m, n = sizes
        flops, numbers = m * n, m + n + m * n
    else:
        m, k, n = sizes
        flops, numbers = 2 * m * k * n, m * k + k * n + m * n
    bytes = 4 * numbers
    compute, memory = flops / peak, bytes / bandwidth
    bound = "compute" if compute > memory else "memory"
    return flops, bytes, bound, max(compute, memory) / seconds
""")
bank.mistake("again_saxpy", "values", "y_not_read", source="""
def roofline(op, sizes, seconds, peak, bandwidth):
    if op == "copy":
        (n,) = sizes
        flops, numbers = 0, 2 * n
    elif op == "add":
        (n,) = sizes
        flops, numbers = n, 3 * n
    elif op == "saxpy":
        (n,) = sizes
        flops, numbers = 2 * n, 2 * n
    elif op == "dot":
        (n,) = sizes
        flops, numbers = 2 * n, 2 * n + 1
    elif op == "row_sums":
        m, n = sizes
        flops, numbers = m * n, m * n + m
    elif op == "gemv":
        m, n = sizes
        flops, numbers = 2 * m * n, m * n + n + m
    elif op == "outer":
        m, n = sizes
        flops, numbers = m * n, m + n + m * n
    else:
        m, k, n = sizes
        flops, numbers = 2 * m * k * n, m * k + k * n + m * n
    bytes = 4 * numbers
    compute, memory = flops / peak, bytes / bandwidth
    bound = "compute" if compute > memory else "memory"
    return flops, bytes, bound, max(compute, memory) / seconds
""")
