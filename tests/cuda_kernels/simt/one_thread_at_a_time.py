"""The plainest oracle: a kernel's own Python, run for one thread after another (no barriers, no races)."""
import types
from types import SimpleNamespace

import numpy as np


def run(kernel, grid, block, *args, **replaced):
    """Run a plain function for each thread of a launch, `cuda` being a stand-in; device functions via `replaced`."""
    grid3, block3 = _three(grid), _three(block)
    for bz, by, bx in np.ndindex(*reversed(grid3)):
        for tz, ty, tx in np.ndindex(*reversed(block3)):
            _bind(kernel, _cuda(grid3, block3, (bx, by, bz), (tx, ty, tz)), replaced)(*args)


def _bind(function, cuda, replaced):
    names = {**function.__globals__, "cuda": cuda}
    for name in replaced:
        device = getattr(names[name], "py_func", names[name])
        names[name] = types.FunctionType(device.__code__, names, name, device.__defaults__, device.__closure__)
    return types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)


def _cuda(grid, block, at, thread):
    position = tuple(at[k] * block[k] + thread[k] for k in range(3))
    size = tuple(grid[k] * block[k] for k in range(3))
    return SimpleNamespace(
        grid=lambda n: position[0] if n == 1 else position[:n],
        gridsize=lambda n: size[0] if n == 1 else size[:n],
        threadIdx=_xyz(thread), blockIdx=_xyz(at), blockDim=_xyz(block), gridDim=_xyz(grid),
        local=SimpleNamespace(array=lambda shape, dtype: np.zeros(shape, dtype)),
        warpsize=32, laneid=(thread[0] + block[0] * (thread[1] + block[1] * thread[2])) % 32,
    )


def _xyz(v):
    return SimpleNamespace(x=int(v[0]), y=int(v[1]), z=int(v[2]))


def _three(n):
    sizes = n if isinstance(n, tuple) else (n,)
    return sizes + (1,) * (3 - len(sizes))
