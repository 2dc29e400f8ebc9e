/** What was tried on each image, while the page is open: panels are unmounted behind other tabs. */

import type { Attempt } from "../../payloads/caption_steering";
import type { Entry } from "./history";
import type { Settings } from "./settings";

export interface Kept {
  settings: Settings;
  history: Entry[];
  attempt: Attempt | null;
}

/** How many images are remembered; the one looked at longest ago is forgotten first. */
export const MOST_IMAGES = 60;

const byImage = new Map<string, Kept>();

export function recall(key: string): Kept | undefined {
  return byImage.get(key);
}

export function keep(key: string, value: Kept): void {
  byImage.delete(key); // a Map keeps the order of insertion: this one becomes the newest
  byImage.set(key, value);
  for (const oldest of byImage.keys()) {
    if (byImage.size <= MOST_IMAGES) break;
    byImage.delete(oldest);
  }
}
