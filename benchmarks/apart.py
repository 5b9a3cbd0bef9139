"""What it costs to decode photos and sounds in a process of its own, beside decoding them here.

In: nothing; the grocery photos and the clips of shops beside the project. Out: processor time of both ways, in turns,
alone and within embedding. `python -m benchmarks.apart`; that of the helper counts too, its start does not.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from retail.encoders import PRESETS, load_encoder
from retail.media import apart
from retail.media.pictures import decode_picture
from retail.media.sound import as_waveform, decode_sound

DATASETS = Path(__file__).resolve().parents[2] / "shared" / "datasets"


def processor() -> float:
    """Seconds of this process and of those that it started."""
    times = [process.cpu_times() for process in (psutil.Process(), *psutil.Process().children(recursive=True))]
    return sum(each.user + each.system for each in times)


def here(kind: str, content: bytes) -> Any:
    """Decoded in this process."""
    if kind == "image":
        return decode_picture("x", content)
    return as_waveform(*decode_sound("x", content))


def elsewhere(kind: str, content: bytes) -> Any:
    """Decoded in another."""
    return apart.decode_image(content) if kind == "image" else apart.decode_audio(content)


def main() -> None:
    """Prints medians over rounds: milliseconds a file, and the second way as a share of the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--files", type=int, default=48, help="a round")
    asked = parser.parse_args()
    for kind, pattern in (("image", "grocery/**/*.jpg"), ("audio", "shop_noise/**/*.ogg")):
        files = sorted(DATASETS.glob(pattern)) or sorted(DATASETS.glob(pattern.replace(".ogg", ".wav")))
        if not files:
            print(f"{kind}: {DATASETS} is not there")
            continue
        contents = [path.read_bytes() for path in files[:: max(len(files) // asked.files, 1)]][: asked.files]
        encoder = load_encoder(PRESETS["bundled"][kind])  # type: ignore[index]

        def embedded(decoded: Sequence[Any], encoder: Any = encoder) -> None:
            encoder.embed_prepared([encoder.prepare(one) for one in decoded])

        embedded([elsewhere(kind, contents[0]), here(kind, contents[0])])
        for job, task in (("decode", lambda decoded: None), ("decode and embed", embedded)):
            _compare(kind, job, contents, asked.rounds, task)


def _compare(kind: str, job: str, contents: Sequence[bytes], rounds: int, task: Callable[[Any], None]) -> None:
    spent: dict[Any, list[float]] = {here: [], elsewhere: []}
    for number in range(rounds):
        for decode in (here, elsewhere) if number % 2 else (elsewhere, here):
            before = processor()
            task([decode(kind, content) for content in contents])
            spent[decode].append(1000 * (processor() - before) / len(contents))
    one, other = (statistics.median(spent[decode]) for decode in (here, elsewhere))
    ratios = sorted(b / a for a, b in zip(spent[here], spent[elsewhere], strict=True))
    print(
        f"{kind} {job:<17} here {one:6.1f} ms, apart {other:6.1f} ms a file; ratio {statistics.median(ratios):.3f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}), {rounds} rounds of {len(contents)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
