"""What a `with` block puts in force holds for its own thread, task and generator, in whatever order blocks end."""

import asyncio
import contextlib
import threading

import numpy as np
import pytest

import minidl
from cuda_kernels.launch import launches, simt_options
from cuda_kernels.scope import Scope
from minidl import layers
from minidl.backends import transfers
from minidl.errors import TapeError, ThreadError
from minidl.keras.custom_objects import custom_object_scope, known_names
from minidl.observers import observing


def backend():
    return minidl.current_selection().get("using() #1", {}).get("*", "numpy")


def in_thread(function):
    """Run a function in a thread of its own, and give what it returned."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def one_op():
    return (minidl.Tensor([1.0, 2.0]) * 3.0).numpy()


# ---- each public block: is it in force? asked where it must be, and where it must not


def told(list_of_it):
    before = len(list_of_it)
    one_op()
    return len(list_of_it) > before


def tape_records(tape):
    return told(tape.entries)


def not_recorded(_):
    with minidl.GradientTape() as tape:
        one_op()
    return False if tape.entries else True


def moved(ledger):
    before = len(ledger)
    with minidl.using("simt"):
        one_op()
    return len(ledger) > before


def launched(found):
    return moved(found)


BLOCKS = {
    "using": (lambda: minidl.using("simt"), lambda _: backend() == "simt"),
    "observing": (observing, told),
    "transfers": (transfers, moved),
    "launches": (launches, launched),
    "simt_options": (simt_options, moved),
    "GradientTape": (minidl.GradientTape, tape_records),
    "custom_object_scope": (lambda: custom_object_scope({"Zebra": int}), lambda _: "Zebra" in known_names()),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_block_does_not_hold_in_another_thread(name):
    block, holds = BLOCKS[name]
    with block() as value:
        assert not in_thread(lambda: holds(value))
        assert holds(value)
    assert not holds(value)


@pytest.mark.parametrize("name", BLOCKS)
def test_block_in_a_suspended_generator_does_not_hold_for_the_caller(name):
    block, holds = BLOCKS[name]
    values = []

    def generator():
        with block() as value:
            values.append(value)
            yield holds(value)
            yield holds(value)

    running = generator()
    assert next(running)
    assert not holds(values[0])
    assert next(running)
    running.close()
    assert not holds(values[0])


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_that_end_out_of_order_take_out_themselves_alone(name):
    block, holds = BLOCKS[name]
    first, second = block(), block()
    one = first.__enter__()
    two = second.__enter__()
    first.__exit__(None, None, None)
    assert holds(two)
    second.__exit__(None, None, None)
    assert not holds(one) and not holds(two)


@pytest.mark.parametrize("name", BLOCKS)
def test_block_of_an_asyncio_task_does_not_hold_in_its_neighbour(name):
    block, holds = BLOCKS[name]

    async def inside(entered, asked):
        with block() as value:
            entered.set_result(value)
            await asked
            return holds(value)

    async def main():
        loop = asyncio.get_running_loop()
        entered, asked = loop.create_future(), loop.create_future()
        task = asyncio.create_task(inside(entered, asked))
        value = await entered
        neighbour = holds(value)
        asked.set_result(None)
        return neighbour, await task

    assert asyncio.run(main()) == (False, True)


# ---- what is built from generators but is a block


@contextlib.contextmanager
def on_the_machine():
    with minidl.using("simt"):
        yield


@contextlib.asynccontextmanager
async def on_the_machine_soon():
    with on_the_machine():
        yield


@pytest.fixture
def machine_fixture():
    with minidl.using("simt"):
        yield


def test_context_manager_made_from_a_generator_holds_in_its_block():
    with on_the_machine():
        assert backend() == "simt"
    with contextlib.ExitStack() as stack:
        stack.enter_context(on_the_machine())
        assert backend() == "simt"
    assert backend() == "numpy"

    async def main():
        async with on_the_machine_soon():
            return backend()

    assert asyncio.run(main()) == "simt"


def test_context_manager_inside_a_suspended_generator_does_not_hold_for_the_caller():
    def generator():
        with contextlib.ExitStack() as stack:
            stack.enter_context(on_the_machine())
            yield backend()

    running = generator()
    assert (next(running), backend()) == ("simt", "numpy")


def test_fixture_holds_in_its_test(machine_fixture):
    assert backend() == "simt"


def test_async_generator_does_not_hold_for_its_caller():
    async def generator():
        with minidl.using("simt"):
            yield backend()
            yield backend()

    async def main():
        return [(inside, backend()) async for inside in generator()]

    assert asyncio.run(main()) == [("simt", "numpy")] * 2


def test_generator_dropped_in_the_middle_leaves_nothing():
    def generator():
        with minidl.using("simt"):
            yield

    for _ in range(3):
        next(generator())
    assert minidl.current_selection().get("using() #1") is None


def test_generator_that_runs_inside_another_block_is_the_innermost():
    scope = Scope("test")

    def generator():
        with scope.block("inner"):
            yield scope.get()

    running = generator()
    with scope.block("outer"):
        assert next(running) == ("outer", "inner")
        assert scope.get() == ("outer",)
        with scope.empty():
            assert scope.get() == ()


def test_no_grad_in_a_suspended_generator_does_not_hold_for_the_caller():
    def generator():
        with minidl.no_grad():
            yield

    running = generator()
    next(running)
    assert not not_recorded(None)
    with minidl.no_grad():
        with minidl.GradientTape() as tape:  # opened inside: it records
            one_op()
    assert tape.entries


# ---- one model, two threads


class Waiting(minidl.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.inside, self.go = threading.Event(), threading.Event()

    def on_epoch_begin(self, epoch, logs=None):
        self.inside.set()
        assert self.go.wait(300)


@pytest.mark.parametrize("call", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_model_that_another_thread_trains_is_refused_with_that_cause(call):
    x, y = np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)
    model = minidl.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    waiting = Waiting()
    other = threading.Thread(target=lambda: model.fit(x, y, verbose=0, callbacks=[waiting]), name="the other")
    other.start()
    try:
        assert waiting.inside.wait(300)
        with pytest.raises(ThreadError, match=f"{call}: the thread 'the other' is inside fit of this model"):
            getattr(model, call)(x, y)
        assert model.predict(x, verbose=0).shape == (4, 1)  # only reads
    finally:
        waiting.go.set()
        other.join()
    getattr(model, call)(x, y)


def test_model_may_be_evaluated_by_a_callback_of_its_own_training():
    x, y = np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)
    model = minidl.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    seen = []

    def evaluate(epoch, logs):
        seen.append(model.evaluate(x, y, verbose=0))

    each = minidl.callbacks.LambdaCallback(on_epoch_end=evaluate)
    model.fit(x, y, verbose=0, callbacks=[each])
    model.fit(x, y, verbose=0)
    assert len(seen) == 1


def test_weights_changed_during_a_step_name_threads_where_there_are_any():
    def step():
        w = minidl.Variable([1.0, 2.0])
        with minidl.GradientTape() as tape:
            loss = (w * w).sum()
        w.assign([3.0, 4.0])
        with pytest.raises(TapeError) as caught:
            tape.gradient(loss, w)
        return str(caught.value)

    assert "take turns" in in_thread(step)
