/** Which of the waiting captions are accepted: those that say the word, but for the ones flipped. */

import type { Candidate } from "../../payloads/caption_steering";

/** Ids of the captions that a click has put in, or taken out. */
export type Flipped = ReadonlySet<string>;

export function isChosen(one: Candidate, flipped: Flipped): boolean {
  return says(one) !== flipped.has(one.sample_id);
}

/** How many are chosen of all that wait, of which only some have been fetched. */
export function chosenCount(
  page: { candidates: Candidate[]; waiting: number; missed: number },
  flipped: Flipped,
): number {
  const turned = page.candidates.filter((one) => flipped.has(one.sample_id));
  return turned.reduce((count, one) => count + (says(one) ? -1 : 1), page.waiting - page.missed);
}

/** How many of the chosen ones would write over a caption of the user's. */
export function chosenTheirs(
  page: { candidates: Candidate[]; theirs: number; missed_theirs: number },
  flipped: Flipped,
): number {
  const turned = page.candidates.filter((one) => one.theirs && flipped.has(one.sample_id));
  return turned.reduce(
    (count, one) => count + (says(one) ? -1 : 1),
    page.theirs - page.missed_theirs,
  );
}

/** The name of a button that accepts: accepting is the choice to write over what it counts. */
export function accepting(text: string, theirs: number): string {
  return theirs ? `${text}, writing over ${theirs} of yours` : text;
}

/** With one more flipped, or back as it was. */
export function flip(flipped: Flipped, id: string): Flipped {
  const next = new Set(flipped);
  if (!next.delete(id)) next.add(id);
  return next;
}

function says(one: Candidate): boolean {
  return one.says_word !== false;
}
