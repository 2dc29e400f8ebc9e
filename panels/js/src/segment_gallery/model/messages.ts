/** What the gallery says about where its segments come from. */
import type { Gallery, Reading } from "../../payloads/segment_gallery";

const many = (count: number, noun: string) =>
  `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

const quoted = (words: string[]) => words.map((word) => `“${word}”`).join(" or ");

/** One line above the cards. */
export function headline(gallery: Gallery): { count: string; where: string } {
  const { scope, cards } = gallery;
  const all = cards.length === scope.total;
  const count = all
    ? many(scope.total, "segment")
    : `${cards.length.toLocaleString("en")} of ${many(scope.total, "segment")}`;
  if (scope.kind === "lasso") return { count, where: "in the lasso" };
  if (scope.kind === "focus") {
    const covered = `${scope.covered.toLocaleString("en")} covered by`;
    return { count, where: `that ${quoted(scope.words)} attends to, ${covered} it` };
  }
  return { count, where: "in this view" };
}

export interface Emptiness {
  title: string;
  remedy: string;
  analyze: boolean;
}

/** What to say and to do where there are no cards; null where there are some. */
export function emptiness(gallery: Gallery): Emptiness | null {
  const { problem, scope } = gallery;
  if (problem === "no_analysis") {
    return {
      title: "No captions have been analysed yet",
      remedy: "Analyze captions finds the segments and the words that attend to them.",
      analyze: true,
    };
  }
  if (problem !== "no_segments") return null;
  if (scope.kind === "focus") {
    return {
      title: `${quoted(scope.words)} attends to no segment of this view`,
      remedy: "Pick another word in the Word Graph, or clear a filter.",
      analyze: false,
    };
  }
  if (scope.kind === "lasso") {
    return {
      title: "The lasso holds no segment of this view",
      remedy: "Draw another one in the Embeddings plot, or clear a filter.",
      analyze: false,
    };
  }
  return {
    title: "This view has no segments",
    remedy: "Analyze captions finds them; or clear a filter.",
    analyze: true,
  };
}

/** A word's score on a segment as a share of its best in the image; 0 where it is negative. */
export function relativeScore(reading: Reading, word: number): number {
  const best = reading.best[word] ?? 0;
  return best > 0 ? Math.min(Math.max((reading.scores[word] ?? 0) / best, 0), 1) : 0;
}

export const NOT_SEEN = "not seen: more than half of it lies outside what the model sees";
export const NOT_READ =
  "no attribution: the model does not read that far, or the word's map is zero everywhere";

/** A share as a percentage: two digits that mean something. */
export function percent(share: number): string {
  const value = share * 100;
  return value > 0 && value < 1 ? "<1 %" : `${Math.round(value)} %`;
}
