/** Attempts at an image's caption, newest first, and what each was made with. */

import type { Attempt } from "../../payloads/caption_steering";
import { isEmpty, sentSelection, type Selection } from "./selections";
import type { Method } from "./weight";

export interface Settings {
  prompt: string;
  method: Method;
  selections: Selection[];
  active: number;
}

export interface Entry {
  id: number;
  attempt: Attempt;
  settings: Settings;
  pinned: boolean;
}

const LONGEST = 60;

/** The settings as the panel's Python side takes them. */
export function sentSettings(settings: Settings): Record<string, unknown> {
  return {
    prompt: settings.prompt,
    method: settings.method,
    selections: settings.selections.map(sentSelection),
  };
}

/** Whether the settings ask for anything but the captioner's own caption. */
export function asksSomething(settings: Settings): boolean {
  return (
    settings.prompt.trim() !== "" ||
    settings.selections.some((one) => one.weight !== 1 && !isEmpty(one))
  );
}

export function sameSettings(one: Settings, other: Settings): boolean {
  return JSON.stringify(sentSettings(one)) === JSON.stringify(sentSettings(other));
}

/**
 * The history with one more attempt.
 *
 * What comes while somebody drags is kept once per caption; what was asked for by *Generate* is
 * kept always, but not twice with the same settings.
 */
export function remember(
  history: Entry[],
  attempt: Attempt,
  settings: Settings,
  pinned: boolean,
): Entry[] {
  const same = history.find(
    (entry) =>
      entry.attempt.text === attempt.text &&
      (sameSettings(entry.settings, settings) || (!pinned && !entry.pinned)),
  );
  if (same) {
    const renewed = { ...same, attempt, settings, pinned: pinned || same.pinned };
    return [renewed, ...history.filter((entry) => entry !== same)];
  }
  if (!pinned && history.some((entry) => entry.attempt.text === attempt.text)) return history;
  const id = 1 + Math.max(0, ...history.map((entry) => entry.id));
  return [{ id, attempt, settings, pinned }, ...history].slice(0, LONGEST);
}
