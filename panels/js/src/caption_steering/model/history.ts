/** Attempts at an image's caption, newest first, and what each was made with. */

import type { Attempt } from "../../payloads/caption_steering";
import { sameSettings, type Settings } from "./settings";

export interface Entry {
  id: number;
  attempt: Attempt;
  settings: Settings;
  pinned: boolean;
}

const LONGEST = 60;

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
