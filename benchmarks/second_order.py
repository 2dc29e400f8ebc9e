"""Second-order attribution of one pair, side by side with the exclip package: ViT-B/16, N = 10.

Both compute the same numbers (right Riemann sum, N = 10, input of the last block) of one open_clip
model with random weights, one after the other, each in a process of its own, whose peak memory is
read at its end; the run fails where the numbers differ. exclip takes minutes, and memory that grows
with the caption: 1.2 GiB per token. --dimensions D lets it differentiate D of the 512 dimensions of
the embedding and extrapolates its time (not its memory), for captions that it has no room for.

    pip install open_clip_torch==3.3.0 && pip install --no-deps exclip==1.1
    python -m benchmarks.second_order [--threads 1] [--caption TEXT] [--dimensions D]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

MODEL = "ViT-B-16"
CAPTION = "a man with a fish"
NODES = 10
TOLERANCE = 1e-5


def _model() -> tuple[Any, Any, torch.Tensor]:
    import open_clip

    torch.manual_seed(0)
    model = open_clip.create_model(MODEL, pretrained=None, load_weights=False).eval()
    image = torch.randn(1, 3, 224, 224)
    return model, open_clip.get_tokenizer(MODEL), image


def run_ours(caption: str, _: int | None) -> dict[str, Any]:
    """Both sides by the closed form, and their product."""
    from fiftyone_capviz.attribution.pairs.second_order import attribute_pair, token_factors
    from fiftyone_capviz.models.dual.open_clip import OpenClipEncoder

    model, tokenizer, image = _model()
    encoder = OpenClipEncoder(
        model,
        tokenizer=tokenizer,
        spec=MODEL,
        revision="random",
        device=torch.device("cpu"),
        dtype=torch.float32,
    )
    tokens = encoder.tokens([caption])
    seconds, pair = [], None
    before = _forget_peak()
    for _repeat in range(3):
        started = time.perf_counter()
        (image_side,), (text_side,) = encoder.image_side(image), encoder.text_side(tokens)
        factors = [
            token_factors(side, nodes=NODES, quadrature="right", tolerance=None)
            for side in (text_side, image_side)
        ]
        pair = attribute_pair(*factors)
        seconds.append(time.perf_counter() - started)
    assert pair is not None
    # The first pair also warms up and encodes the reference image, which further pairs share.
    return {
        "seconds": seconds[0],
        "further": min(seconds[1:]),
        "peak": _peak() - before,
        "matrix": pair.matrix.flatten().tolist(),
    }


def run_exclip(caption: str, dimensions: int | None) -> dict[str, Any]:
    """The package's own explain(), with all its dimensions or the first few."""
    from exclip import OpenClipExplainer

    model, tokenizer, image = _model()
    text = tokenizer([caption])
    explainer = OpenClipExplainer(model, image_dim=224, text_seq_len=77, device=torch.device("cpu"))
    before = _forget_peak()
    started = time.perf_counter()
    if dimensions is None:
        matrix = explainer.explain(text, image, text_layer=11, image_layer=11, N=NODES)
        seconds = time.perf_counter() - started
        return {
            "seconds": seconds,
            "further": seconds,
            "peak": _peak() - before,
            "matrix": matrix.flatten().tolist(),
        }
    explainer.init_text_attribution(11, NODES)
    explainer.init_image_attribution(11, NODES)
    text_vectors, _ = explainer.encode_text(text)
    image_vectors, _ = explainer.encode_image(image)
    forward = time.perf_counter() - started
    started = time.perf_counter()
    for vectors, inner in (
        (text_vectors, explainer.txt_intermediates[0]),
        (image_vectors, explainer.img_intermediates[0]),
    ):
        explainer._compute_integrated_jacobian(vectors[:, :dimensions], inner, verbose=False)
    per_dimension = (time.perf_counter() - started) / dimensions
    explainer.reset_attribution()
    seconds = forward + per_dimension * text_vectors.shape[1]
    return {"seconds": seconds, "further": seconds, "peak": _peak() - before, "matrix": []}


def _peak() -> int:
    """The most memory that this process has held since `_forget_peak`, in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _forget_peak() -> int:
    """Let the peak begin anew at what is held now; loading the model may have taken more."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return _peak()


RUNS = {"ours": run_ours, "exclip": run_exclip}


def _apart(name: str, options: argparse.Namespace, dimensions: int | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.second_order", "--only", name]
    command += ["--threads", str(options.threads), "--caption", options.caption]
    command += ["--dimensions", str(dimensions)] if dimensions else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Print a table of both, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--caption", default=CAPTION)
    parser.add_argument("--dimensions", type=int, help="extrapolate the rival from so many")
    parser.add_argument("--only", choices=RUNS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.only:
        print(json.dumps(RUNS[options.only](options.caption, options.dimensions)))
        return
    ours = _apart("ours", options, None)
    rival = _apart("exclip", options, options.dimensions)
    note = f" (from {options.dimensions} of 512 dimensions)" if options.dimensions else ""
    print(f"{MODEL}, N = {NODES}, one pair, {options.threads} thread(s), encoder passes included")
    print(f"{'':44}{'first s':>10}{'further s':>10}{'peak extra MiB':>16}")
    for name, found in (("exclip 1.1" + note, rival), ("ours", ours)):
        times = f"{found['seconds']:10.2f}{found['further']:10.2f}"
        print(f"{name:44}{times}{found['peak'] / 2**20:16.0f}")
    first, further = (rival[one] / ours[one] for one in ("seconds", "further"))
    print(f"{first:.0f} times faster for the first pair, {further:.0f} for each further", end="")
    if options.dimensions:
        print("; its memory is not extrapolated")
        return
    print(f", 1/{rival['peak'] / ours['peak']:.0f} of the peak memory")
    apart = torch.tensor(rival["matrix"]) - torch.tensor(ours["matrix"])
    largest = float(apart.abs().max())
    print(f"largest difference: {largest:.1e} of {max(map(abs, ours['matrix'])):.1e}")
    if largest > TOLERANCE:
        sys.exit(f"The attributions must agree to {TOLERANCE:.0e}.")


if __name__ == "__main__":
    main()
