/** What the recipe may be applied to, in words. */

import type {
  BatchReport,
  Scope,
  ScopesPayload,
  Segment,
  SegmentSource,
} from "../../payloads/caption_steering";
import { isEmpty, type Selection } from "./selections";
import type { Method } from "./choices";

export interface Choice<Key> {
  key: Key;
  name: string;
}

function listed(words: string[]): string {
  return words.map((word) => `“${word}”`).join(" and ");
}

export function scopeChoices(payload: ScopesPayload | null): Choice<Scope>[] {
  const names: Record<Scope, string> = {
    selected: "Selected samples",
    lasso: "Lassoed in the plot",
    focus: `In focus: ${listed(payload?.words ?? [])}`,
    last_lasso: "Last lasso in the plot",
    view: "Current view",
  };
  return (payload?.scopes ?? []).map(({ key, count }) => ({
    key,
    name: `${key === "selected" && count === 1 ? "Selected sample" : names[key]} (${count})`,
  }));
}

/** Where the weight goes in each image; the best guess first. */
export function sourceChoices(
  payload: ScopesPayload | null,
  selection: Selection,
  segments: Segment[],
  method: Method,
): Choice<SegmentSource>[] {
  const marked: Partial<Record<SegmentSource, string>> = {
    lasso: "the lassoed segments",
    focus: `segments of ${listed(payload?.words ?? [])}`,
    last_lasso: "the segments of the last lasso",
  };
  const choices: Choice<SegmentSource>[] = (payload?.sources ?? []).map((key) => ({
    key,
    name: marked[key] ?? key,
  }));
  const label = labelOf(selection, segments);
  if (label !== null) choices.push({ key: "label", name: `segments labeled “${label}”` });
  if (!isEmpty(selection) && method !== "contrast") {
    choices.push({ key: "patches", name: "the same patches" });
  }
  choices.push({ key: "none", name: "nothing: the prompt alone" });
  return choices;
}

/** The choice to begin with: a lasso of before is meant only where its samples are. */
export function likeliest(choices: Choice<SegmentSource>[], scope: Scope | undefined) {
  const other = choices.filter(({ key }) => key !== "last_lasso");
  const before = choices.find(({ key }) => key === "last_lasso");
  return (scope === "last_lasso" && before ? before : other[0])?.key ?? "none";
}

/** The label of the segment that was clicked first, null if none was. */
export function labelOf(selection: Selection, segments: Segment[]): string | null {
  return segments.find(({ id }) => id === selection.segments[0])?.label ?? null;
}

/** The success rate in words: "193 of 214 that did not say “hat” now do". */
export function successText(batch: BatchReport): string {
  if (batch.gained === null || batch.word === null) {
    return `${batch.changed} of ${batch.samples} captions changed`;
  }
  return `${batch.gained} of ${batch.lacking} that did not say “${batch.word}” now do`;
}

/** What else is to be said of a batch, in short phrases. */
export function batchRemarks(batch: BatchReport): string[] {
  const { gained, lacking } = batch;
  const share = gained !== null && lacking ? gained / lacking : null;
  return [
    share === null ? "" : `${(share * 100).toFixed(1)}%`,
    batch.before === null ? "" : `${batch.before} said it before`,
    batch.hits === null ? "" : `${batch.changed} changed`,
    batch.unweighted ? `${batch.unweighted} had no such segment: prompt only` : "",
    batch.without_subject
      ? `${batch.without_subject} without a subject in the caption: the captioner's own prompt`
      : "",
    batch.at_limit ? `${batch.at_limit} ran to the token limit: they may break off` : "",
    batch.failed ? `${batch.failed} could not be captioned` : "",
    batch.stopped ? "stopped early" : "",
  ].filter(Boolean);
}
