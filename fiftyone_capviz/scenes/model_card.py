"""Writes the bundled models' card: what they are, how they were trained, what they reach."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_HEAD = """# The bundled models of the synthetic world

Small models of stock classes, trained from nothing on procedurally drawn scenes by
`capviz scenes train`. They know that world alone: **do not use them on photographs.**
They exist so that the demo, the tests and the benchmarks run without a model hub, through
the same code path as real checkpoints.

| folder | class | input | licence |
|---|---|---|---|
| captioner | transformers `BlipForConditionalGeneration` | 96 px, 12 x 12 patches | Apache-2.0 |
| matcher | transformers `BlipForImageTextRetrieval`, ITM and ITC | 96 px, 12 x 12 | Apache-2.0 |
| sam | segment_anything `Sam` | 128 px, 16 x 16 patches | Apache-2.0 |
| clip | transformers `CLIPModel` | 96 px, 12 x 12 patches | Apache-2.0 |

Training data: scenes of seeds from a thousand million up, half drawn with the planted biases, half
flat. Captioner and matcher are trained in one run over one vision tower. The captioner is taught
to leave out hats and suns (a planted habit), and to name what is worn when the prompt asks.

**Attention is supervised.** The cross-attention of the matcher's middle layers is trained to lie
on the pixels that each word speaks of. So the grounding figures say how well an attribution method
reads a model whose attention is grounded; they do not predict figures for pretrained BLIP.

**CLIP has seen parts of scenes.** Half of its training images show some things alone on grey, cut
out by their drawn masks, or a background without them; and the name of each kind has to be similar
to the images that show it, dissimilar to the others. No attribution is supervised. The layers that
attributions go to by default (the input of both towers) were chosen on 60 scenes that nothing else
is measured on.

**These weights are older than the script.** It now supervises attention on the patches whose
centre a thing owns, no longer on those of which it owns a fifth; it hides parts behind clouds of
colors, no longer behind grey, which is the reference image of second-order attribution and so
favors it here; and it teaches the answer to "there is". They have not been trained anew yet.
"""


def write_model_card(folder: Path, figures: dict[str, Any]) -> Path:
    """Write ``README.md`` and ``figures.json`` into a folder of weights.

    Args:
        folder: holds the checkpoints.
        figures: of `evaluate.evaluate` on scenes of unseen seeds.

    Returns:
        The card's path.
    """
    lines = [
        _HEAD,
        f"## Measured on {figures['n']} scenes of unseen seeds (`capviz scenes evaluate "
        f"--n {figures['n']} --seed {figures['seed']}`)\n",
        "| figure | target | measured | met |",
        "|---|---|---|---|",
    ]
    for name, entry in figures["targets"].items():
        met = "yes" if entry["met"] else "**no**"
        lines.append(f"| {name} | {entry['target']} | {entry['measured']} | {met} |")
    if "omitted" in figures.get("habit", {}):
        lines += _habits(figures["habit"])
    if "grounding" in figures:
        lines += _grounding(figures["grounding"])
    path = folder / "README.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    text = json.dumps(figures, indent=1) + "\n"
    (folder / "figures.json").write_text(text, encoding="utf-8")
    return path


def _habits(habit: dict[str, Any]) -> list[str]:
    """What is left out, and named when asked; what is made up."""
    lines = ["\n## Habits of the captioner\n", "| left out | scenes | named unasked | when asked |"]
    lines.append("|---|---|---|---|")
    for kind, entry in habit["omitted"].items():
        shares = f"{entry['named_by_default']} | {entry['named_when_asked']}"
        lines.append(f"| {kind} | {entry['scenes']} | {shares} |")
    if habit["invented"]:
        lines += [
            "",
            "| made up | scenes | where it is the habit | elsewhere |",
            "|---|---|---|---|",
        ]
    for kind, entry in habit["invented"].items():
        unseen = entry["named_unseen"]
        shares = f"{unseen['where_it_is_the_habit']} | {unseen['elsewhere']}"
        lines.append(f"| {kind} | {entry['scenes']} | {shares} |")
    return lines


def _rule(grounding: dict[str, Any]) -> str:
    """What the figures call a hit, and what did not count."""
    if "rule" not in grounding:
        return "A hit: the thing owns a fifth of the pixels of the patch with the largest value."
    left_out = ", ".join(f"{side} {count}" for side, count in grounding["left_out"].items())
    return (
        f"A hit: {grounding['rule']}. Lenient: {grounding['lenient_rule']}. The same words by "
        f"both; words whose thing owns no patch's centre are left out ({left_out}). Patches that "
        "share the largest value share the hit; a map that is the same everywhere points "
        "nowhere.\n\n*random*: a map by lot; *centre*: one bell around the middle; *things "
        "hidden*: the same words where the mean colour covers what they name. **!**: does not beat "
        "these."
    )


def _grounding(grounding: dict[str, Any]) -> list[str]:
    """Macro-average by method and layer, and every word for the two that are quoted."""
    table = grounding["table"]
    quoted = list(dict.fromkeys([grounding["best_name"], grounding["best_itm_gradcam_name"]]))
    lines = ["\n## Point game\n", _rule(grounding), ""]
    lines += ["| method and layer (zero-based) | macro-average | lenient | things hidden |"]
    lines += ["|---|---|---|---|"]
    lines += [
        f"| {name}{' **!**' if entry.get('beats') is False else ''} | {entry['macro']} | "
        f"{entry.get('macro_lenient', '')} | {entry.get('macro_hidden', '')} |"
        for name, entry in table.items()
    ]
    lines += [f"| {name} | {macro} | | |" for name, macro in grounding.get("blind", {}).items()]
    lines += ["", f"| word | {' | '.join(quoted)} | words counted |"]
    lines += ["|---" * (len(quoted) + 2) + "|"]
    for part in ("words", "backgrounds"):
        for word in table[quoted[0]][part]:
            cells = " | ".join(str(table[name][part].get(word, "")) for name in quoted)
            note = " (background)" if part == "backgrounds" else ""
            lines.append(f"| {word}{note} | {cells} | {table[quoted[0]]['counts'][word]} |")
    return lines
