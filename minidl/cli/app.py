"""The commands and their options; each does its work in a module of its own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import typer

from minidl.cli.course import course
from minidl.cli.exercises import exercises
from minidl.errors import MinidlError

app = typer.Typer(
    name="minidl",
    help="Deep learning from scratch for the classroom: train, look inside, choose where every op runs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(exercises)
app.add_typer(course)

Backend = Annotated[
    list[str] | None,
    typer.Option("--backend", "-b", help="A backend for all ops, or op=backend, e.g. conv2d=numpy. May be repeated."),
]
DataName = Annotated[str, typer.Option("--data", "-d", help="digits, mnist_small, mnist, fashion_mnist or cifar10.")]
DataPath = Annotated[
    Path | None, typer.Option("--data-path", help="File or folder of the data, where it is not to be downloaded.")
]
ModelFile = Annotated[Path, typer.Argument(help="A saved model: .keras, .h5.")]
Seed = Annotated[int, typer.Option(help="Makes weights, dropout and batch order repeatable.")]


def _version(value: bool) -> None:
    if value:
        from minidl import __version__

        typer.echo(f"minidl {__version__}")
        raise typer.Exit()


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def common(version: Version = False) -> None:
    """Options that come before a command."""


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pictures.")] = Path("demo_output"),
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training data.")] = 15,
    backend: Backend = None,
    seed: Seed = 0,
) -> None:
    """Train a small CNN on real handwritten digits and show one training step op by op."""
    from minidl.cli.demo import run_demo

    run_demo(output, epochs, backend or [], seed)


@app.command()
def train(
    data: DataName = "digits",
    data_path: DataPath = None,
    model: Annotated[
        str,
        typer.Option("--model", "-m", help="mlp, cnn, lenet5, lenet5_wide, resnet20, or a saved model to go on with."),
    ] = "cnn",
    model_file: Annotated[
        Path | None, typer.Option("--model-file", "-f", help="Where to save the model: .keras, .h5.")
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", "-e", min=1, help="Passes over the training data.")] = 5,
    batch_size: Annotated[int, typer.Option(min=1, help="Samples a step.")] = 32,
    optimizer: Annotated[str, typer.Option(help="sgd, rmsprop, adam, adamw, adagrad.")] = "adam",
    learning_rate: Annotated[float | None, typer.Option(help="Step size; by default the optimizer's own.")] = None,
    schedule: Annotated[
        str, typer.Option(help="constant, or cosine: the step size falls to 0 by the end.")
    ] = "constant",
    validation_split: Annotated[float, typer.Option(help="Share of the training data kept for validation.")] = 0.0,
    samples: Annotated[int | None, typer.Option(min=1, help="Use only the first so many training samples.")] = None,
    history: Annotated[Path | None, typer.Option(help="Write one line an epoch to this CSV file.")] = None,
    curves: Annotated[Path | None, typer.Option(help="Write the training curves to this PNG.")] = None,
    gpustat: Annotated[bool, typer.Option("--gpustat", help="Print the GPU's load after every epoch.")] = False,
    verbose: Annotated[int, typer.Option(min=0, max=2, help="0 silent, 1 progress bar, 2 one line an epoch.")] = 1,
    backend: Backend = None,
    seed: Seed = 0,
) -> None:
    """Train a model, evaluate it on the test data, and save it."""
    options = SimpleNamespace(**locals())
    options.backend = backend or []
    from minidl.cli.train import run_train

    run_train(options)


@app.command()
def evaluate(
    model_file: ModelFile,
    data: DataName = "digits",
    data_path: DataPath = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Samples a step.")] = 128,
    confusion: Annotated[Path | None, typer.Option(help="Write the confusion matrix to this PNG.")] = None,
    backend: Backend = None,
) -> None:
    """Print a saved model's loss and metrics on the test data."""
    from minidl.cli.use import run_evaluate

    run_evaluate(model_file, data, data_path, batch_size, confusion, backend or [])


@app.command()
def predict(
    model_file: ModelFile,
    images: Annotated[list[Path] | None, typer.Argument(help="Image files (or .npy arrays) to classify.")] = None,
    data: Annotated[str | None, typer.Option("--data", "-d", help="Use test images of this data set instead.")] = None,
    data_path: DataPath = None,
    index: Annotated[list[int] | None, typer.Option("--index", "-i", help="Which of them; may be repeated.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many of the likeliest classes to print.")] = 3,
    invert: Annotated[bool, typer.Option("--invert", help="For dark writing on light paper.")] = False,
    backend: Backend = None,
) -> None:
    """Classify image files, or images of a data set."""
    from minidl.cli.use import run_predict

    run_predict(model_file, images or [], data, data_path, index or [], top, invert, backend or [])


@app.command()
def summary(
    model: Annotated[str, typer.Argument(help="A saved model, or mlp, cnn, lenet5, lenet5_wide, resnet20.")],
    data: DataName = "digits",
) -> None:
    """Print a model's layers, shapes and numbers of weights."""
    from minidl.cli.data import IMAGE_SHAPES, check_name
    from minidl.cli.networks import model_of

    check_name(data)
    model_of(model, IMAGE_SHAPES[data], 10).summary()


@app.command()
def ops(
    name: Annotated[str | None, typer.Argument(help="One op; all when not given.")] = None,
    backend: Backend = None,
) -> None:
    """Print every op, the backends it has, which is selected, and why."""
    from minidl.backends import ops_table
    from minidl.cli.backend import selected

    with selected(backend or []):
        typer.echo(repr(ops_table(name)))


@app.command("lens")
def look(
    model_file: ModelFile,
    data: DataName = "digits",
    data_path: DataPath = None,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Training images in the step.")] = 4,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for what is written.")] = Path("lens_output"),
    against: Annotated[
        str | None, typer.Option("--compare", "-c", help="Compare with this backend, value by value: simt, cuda …")
    ] = None,
    prompt: Annotated[bool, typer.Option("--prompt", "-p", help="Then walk through the step at a prompt.")] = False,
    backend: Backend = None,
) -> None:
    """Look into a saved model: one training step op by op, as a page to click through, as a trace, in pictures."""
    from minidl.cli.look import run_lens

    run_lens(model_file, data, data_path, samples, output, backend or [], against, prompt)


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Ops; by default gemm, conv2d, relu, batch_norm.")] = None,
    sizes: Annotated[
        list[int] | None, typer.Option("--size", "-s", help="Side of the matrices or images. May be repeated.")
    ] = None,
    backends: Annotated[
        list[str] | None, typer.Option("--backend", "-b", help="May be repeated; by default cpu and cuda.")
    ] = None,
    backward: Annotated[bool, typer.Option("--backward", help="Time the backwards too.")] = False,
    seconds: Annotated[float, typer.Option(min=0.0, help="For the repeats of each op.")] = 0.5,
    gpu: Annotated[str, typer.Option(help="Whose datasheet gives the bound where no GPU can be timed.")] = "H100 SXM",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a roofline to this PNG.")] = None,
) -> None:
    """Time ops on the CPU and the GPU, beside the limits of both."""
    from minidl.cli.bench import run_bench

    run_bench(names or [], sizes or [], backends or [], backward, seconds, gpu, json_file, plot)


@app.command()
def doctor() -> None:
    """Check Python, the packages and the BLAS that minidl uses, and say how to mend what is wrong."""
    from minidl.cli.doctor import run_doctor

    raise typer.Exit(run_doctor())


def run(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0 done, 1 an error of minidl, 2 wrong usage, 130 interrupted."""
    try:
        result = app(arguments, standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        return _say("interrupted", 130)
    except BrokenPipeError:  # the reader, such as `head`, went away
        return 0
    except MemoryError as error:
        return _say(f"error: out of memory. {error} Smaller data, batches or sizes need less.", 1)
    except (MinidlError, OSError) as error:
        return _say(f"error: {_words(error)}", 1)
    except Exception as error:
        # Click's own errors (a wrong option) know how to show themselves; anything else is a bug, and is shown whole.
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            with suppress(OSError, AttributeError):  # nowhere to show it: standard error is full or closed
                error.show()
            return int(error.exit_code)
        raise
    return result if isinstance(result, int) else 0


def _words(error: Exception) -> str:
    """Return an error without the number that the system gives it."""
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename is not None else error.strerror
    return str(error)


def _say(text: str, code: int) -> int:
    with suppress(OSError):  # standard error may be full, or closed
        typer.echo(text, err=True)
    return code
