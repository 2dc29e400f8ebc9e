/** From fiftyone_capviz/settings/steering.py by `python -m panels.frame.choices`. */

export type Method = "scale" | "logits" | "contrast";

export const METHODS: { key: Method; name: string }[] = [
  { key: "scale", name: "Paper's scaling" },
  { key: "logits", name: "Calibrated log-weight" },
  { key: "contrast", name: "Contrastive" },
];

/** What is tried first. */
export const DEFAULT_METHOD: Method = "logits";
/** Of a selection to begin with, and where a method does not know the weight that it had. */
export const DEFAULT_WEIGHT = 3;
