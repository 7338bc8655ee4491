"""A recording as a picture: lanes over time, and the ops that take longest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.backends.devices.facts import DEVICES
from minidl.backends.devices.ledger import Transfer
from minidl.errors import DataError
from minidl.lens.figures import new_figure
from minidl.lens.recording.events import PHASES, RecordedLaunch, RecordedOp
from minidl.lens.recording.recording import Recording
from minidl.lens.timing.machines import machine
from minidl.ops.op import records

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind tell apart (jfly.uni-koeln.de/color).
FAMILIES = {
    "products and convolutions": ("#0072B2", ("gemm", "conv2d", "conv2d_transpose", "depthwise_conv2d",
                                              "rnn", "lstm", "gru")),
    "pooling and reductions": ("#009E73", ("pool2d", "reduce", "upsample2d")),
    "activations": ("#E69F00", ("activations", "softmaxes")),
    "normalisation and dropout": ("#56B4E9", ("normalization", "dropout")),
    "losses": ("#D55E00", ("losses",)),
    "updates": ("#CC79A7", ("updates",)),
    "elementwise, shapes and others": ("#888888", ()),
}  # fmt: skip
_OTHERS = list(FAMILIES)[-1]
_FAMILY_OF = {
    op.name: family for family, (_, files) in FAMILIES.items() for op in records().values() if op.file in files
}
KERNEL_COLOUR, MOVE_COLOUR = "#000000", "#F0E442"
LONGEST = 12  # ops in the lower part


def plot_timeline(recording: Recording) -> Figure:
    """Draw the ops in a lane for each phase, kernels and moves below them, and the ops that take longest.

    White between the ops is Python. A kernel on the SIMT machine is drawn as long as its simulation took, hatched.

    Raises
    ------
    DataError : nothing was recorded
    """
    if not recording.ops and not recording.ledger and not recording.launches:
        raise DataError("plot_timeline: the recording is empty. Did an op run inside `with lens.record()`?")
    lanes = _lanes(recording)
    bars = sorted(recording.ops, key=lambda op: -op.seconds)[:LONGEST]
    heights = [0.46 * len(lanes) + 0.7, 0.24 * len(bars) + 0.6]
    figure = new_figure(12, sum(heights) + 1.6)
    above, below = figure.subplots(2, 1, height_ratios=heights)
    _draw_lanes(above, recording, lanes)
    _draw_longest(below, recording, bars)
    figure.suptitle(_title(recording), fontsize=10)
    return figure


def family(op: str) -> str:
    """Return the group of ops that an op is coloured with.

    >>> family("max_pool2d"), family("my_own_op")
    ('pooling and reductions', 'elementwise, shapes and others')
    """
    return _FAMILY_OF.get(op, _OTHERS)


def colour_of(op: str) -> str:
    """Return the colour of an op's family."""
    return FAMILIES[family(op)][0]


def _title(recording: Recording) -> str:
    wall = recording.wall
    in_ops, python = recording.seconds("op"), recording.seconds("python")
    shares = f"{in_ops / wall:.0%} in ops, {python / wall:.0%} Python between them" if wall else ""
    note = "".join(f"\n{place.note}" for place in recording.devices if place.note)
    return f"{len(recording.ops)} ops in {wall * 1e3:.2f} ms: {shares}\n{machine()}{note}"


def _lanes(recording: Recording) -> list[str]:
    phases = {op.phase for op in recording.ops}
    lanes = [phase for phase in PHASES if phase in phases]
    return lanes + ["kernels"] * bool(recording.launches) + ["moves"] * bool(recording.ledger)


def _draw_lanes(axes: Any, recording: Recording, lanes: list[str]) -> None:
    from matplotlib.patches import Patch

    def milliseconds(started: float, finished: float) -> tuple[float, float]:
        return (started - recording.started) * 1e3, (finished - started) * 1e3

    wall = recording.wall * 1e3
    for op in recording.ops:
        start, width = milliseconds(op.started, op.finished)
        place, height = lanes.index(op.phase), 0.8 if not op.depth else 0.4
        axes.barh(place, width, left=start, height=height, color=colour_of(op.op), edgecolor="white", linewidth=0.4)
        _label(axes, op, start, width, place, wall)
    drawn = dict.fromkeys(family(op.op) for op in recording.ops)
    legend = [Patch(facecolor=colour, label=name) for name, (colour, _) in FAMILIES.items() if name in drawn]
    for launch in recording.launches:
        legend += _draw_kernel(axes, launch, milliseconds, lanes.index("kernels"))
    for move in recording.ledger:
        start, width = milliseconds(move.started, move.finished)
        least = max(width, wall / 400)  # a move on the SIMT machine takes no time; it must be seen nevertheless
        axes.barh(
            lanes.index("moves"), least, left=start, height=0.8, color=MOVE_COLOUR, edgecolor="black", linewidth=0.3
        )
    if recording.ledger:
        ledger = recording.ledger
        label = f"moves (widened to be seen): {ledger.total('up'):,} bytes up, {ledger.total('down'):,} down"
        legend.append(Patch(facecolor=MOVE_COLOUR, edgecolor="black", linewidth=0.3, label=label))
    axes.set_yticks(range(len(lanes)), lanes)
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.set_xlim(0, wall)
    axes.set_xlabel("ms since the start of the recording")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    unique = {patch.get_label(): patch for patch in legend}
    axes.legend(
        handles=list(unique.values()), fontsize=8, ncols=3, loc="lower left", bbox_to_anchor=(0, 1), frameon=False
    )


def _draw_kernel(axes: Any, launch: RecordedLaunch, milliseconds: Any, place: int) -> list[Any]:
    from matplotlib.patches import Patch

    if launch.seconds is not None and launch.device_started is not None:
        start, width = milliseconds(launch.device_started, launch.device_started + launch.seconds)
        style: dict[str, Any] = {"facecolor": KERNEL_COLOUR}
    else:
        start, width = milliseconds(launch.started, launch.finished)
        style = {"facecolor": "white", "edgecolor": KERNEL_COLOUR, "hatch": "////", "linewidth": 0.5}
    axes.barh(place, width, left=start, height=0.8, **style)
    return [Patch(**style, label=f"kernels, {DEVICES[launch.place].times}")]


def _label(axes: Any, op: RecordedOp, start: float, width: float, place: int, wall: float) -> None:
    """Write the op's name on its bar where the bar is long enough, upright where it is nearly."""
    per_letter = wall / 150  # about the width of a letter of 7 points in a picture of 12 inches
    if op.depth:
        return
    if width > per_letter * len(op.op):
        axes.text(start + width / 2, place, op.op, ha="center", va="center", fontsize=7, color="white", clip_on=True)


def _draw_longest(axes: Any, recording: Recording, bars: list[RecordedOp]) -> None:
    if not bars:
        axes.set_axis_off()
        return
    names = [f"{op.layer or op.phase}: {op.op}{' backward' if op.direction == 'backward' else ''}" for op in bars]
    seconds = [op.seconds * 1e3 for op in bars]
    axes.barh(range(len(bars)), seconds, color=[colour_of(op.op) for op in bars], height=0.75)
    for place, (op, ms) in enumerate(zip(bars, seconds, strict=True)):
        text = f" {ms:.3f} ms, {op.seconds / recording.wall:.1%} of the wall time, {_place(op)}"
        axes.text(ms, place, text, va="center", fontsize=7.5)
    axes.set_yticks(range(len(bars)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, max(seconds) * 1.45)
    axes.set(
        xlabel="ms",
        title=f"The {len(bars)} longest of {len(recording.ops)} ops" if len(bars) < len(recording.ops) else "",
    )
    axes.spines[["top", "right"]].set_visible(False)


def _place(op: RecordedOp) -> str:
    moved = sum(move.nbytes for move in op.moves if isinstance(move, Transfer))
    return f"on {op.backend}" + (f", {moved:,} bytes moved" if moved else "")
