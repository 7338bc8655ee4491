"""Random kernels with nested, divergent control flow: the machine's results equal those of one thread at a time."""
import importlib.util
import random
import sys

import numpy as np
import one_thread_at_a_time
import pytest

from cuda_kernels import simt

BLOCK, GRID, WIDTH = 40, 3, 6


class Writer:
    """Writes one random kernel. All variables are small integers; every loop ends; accesses stay in their row."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.lines = []
        self.names = ["i", "a", "b"]
        self.loops = 0
        self.depth = 0

    def expression(self, depth=2):
        pick = self.random.random()
        if depth == 0 or pick < 0.3:
            return self.random.choice([*self.names, str(self.random.randint(-5, 9))])
        left, right = self.expression(depth - 1), self.expression(depth - 1)
        if pick < 0.7:
            return f"({left} {self.random.choice('+-*')} {right}) % 97"
        if pick < 0.78:
            return f"min({left}, {right})"
        if pick < 0.86:
            return f"({left} if {self.condition(1)} else {right})"
        if pick < 0.93:
            return f"x[i, abs({left}) % {WIDTH}]"
        return f"helper({left}, {right})"

    def condition(self, depth=2):
        pick = self.random.random()
        if depth == 0 or pick < 0.5:
            return f"{self.expression(1)} {self.random.choice(['<', '<=', '==', '!=', '>', '>='])} {self.expression(1)}"
        if pick < 0.6:
            return f"{self.expression(0)} <= {self.expression(0)} < {self.expression(1)}"
        if pick < 0.7:
            return f"not ({self.condition(depth - 1)})"
        if pick < 0.8:
            return f"({self.expression(1)} >= 0 and {self.expression(0)} != 3)"
        return f"({self.condition(depth - 1)} {self.random.choice(['and', 'or'])} {self.condition(depth - 1)})"

    def line(self, text):
        self.lines.append("    " * (self.depth + 1) + text)

    def block(self, size, in_loop):
        self.depth += 1
        for _ in range(self.random.randint(1, size)):
            self.statement(in_loop)
        self.depth -= 1

    def statement(self, in_loop):
        pick = self.random.random()
        name = self.random.choice(["a", "b", "c"])
        if name == "c" and "c" not in self.names:
            name = "a"
        if pick < 0.3 or self.depth > 3:
            self.line(f"{name} = {self.expression()}")
        elif pick < 0.4:
            self.line(f"y[i, abs({self.expression(1)}) % {WIDTH}] {self.random.choice(['=', '+=', '-='])} "
                      f"({self.expression()}) % 1000")
        elif pick < 0.45:
            self.line(f"a, b = b, {self.expression(1)}")
        elif pick < 0.65:
            self.line(f"if {self.condition()}:")
            self.block(3, in_loop)
            if self.random.random() < 0.4:
                self.line(f"elif {self.condition(1)}:")
                self.block(2, in_loop)
            if self.random.random() < 0.5:
                self.line("else:")
                self.block(2, in_loop)
        elif pick < 0.78:
            self.loops += 1
            variable = f"k{self.loops}"
            bound = self.random.choice(["4", "abs(a) % 5", "1, i % 4 + 2", "i % 7, -1, -2", "abs(b) % 3, 6, 2"])
            self.line(f"for {variable} in range({bound}):")
            self.names.append(variable)
            self.block(3, True)
            self.names.remove(variable)
        elif pick < 0.86:
            self.loops += 1
            counter = f"n{self.loops}"
            self.line(f"{counter} = 0")
            self.line(f"while {counter} < 5 and {self.condition(1)}:")
            self.depth += 1
            self.line(f"{counter} += 1")
            self.depth -= 1
            self.block(3, True)
        elif pick < 0.94 and in_loop:
            self.line(f"if {self.condition(1)}:")
            self.depth += 1
            self.line(self.random.choice(["break", "continue"]))
            self.depth -= 1
        elif pick < 0.97:
            self.line(f"if {self.condition(1)}:")
            self.depth += 1
            self.line("y[i, 0] += 1")
            self.line("return")
            self.depth -= 1
        else:
            self.line("pass")

    def program(self):
        self.lines = []
        for _ in range(6):
            self.statement(False)
        body = "\n".join(self.lines)
        return f'''from numba import cuda


@cuda.jit(device=True)
def helper(p, q):
    if p < 0:
        return q % 11
    total = 0
    for k in range(q % 4):
        if k == p % 3:
            continue
        total += k + p % 5
        if total > 9:
            return total - 1
    return total


def kernel(x, y):
    i = cuda.grid(1)
    if i >= y.shape[0]:
        return
    a = x[i, 0]
    b = i % 5
{body}
    y[i, 1] += a % 101
    y[i, 2] += b % 103
'''


def load(tmp_path, name, text):
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("seed", range(60))
def test_random_kernel_equals_one_thread_at_a_time(seed, tmp_path):
    text = Writer(seed).program()
    module = load(tmp_path, f"random_kernel_{seed}", text)
    rows = BLOCK * GRID - 7
    x = np.random.default_rng(seed).integers(-20, 20, (rows, WIDTH))
    expected, plain, checked = (np.zeros((rows, WIDTH), np.int64) for _ in range(3))
    one_thread_at_a_time.run(module.kernel, GRID, BLOCK, x, expected, helper=True)
    report = simt.launch(module.kernel, GRID, BLOCK, x, checked, outputs=())
    simt.launch(module.kernel, GRID, BLOCK, x, plain, checks=False, batch_threads=64)
    assert report.faults == [], text
    np.testing.assert_array_equal(checked, expected, err_msg=text)
    np.testing.assert_array_equal(plain, expected, err_msg=text)
