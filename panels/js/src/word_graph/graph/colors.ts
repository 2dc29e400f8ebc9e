import type { Tag } from "../../payloads/word_graph";
import type { Palette } from "../../ui/palette";

const DARK_TAGS: Record<Tag, string> = {
  noun: "#5b9bd5",
  verb: "#4fb286",
  adjective: "#b38ae0",
  other: "#8d949e",
};
const LIGHT_TAGS: Record<Tag, string> = {
  noun: "#3f7fc1",
  verb: "#2f9268",
  adjective: "#8b5fc4",
  other: "#767d87",
};

/** Color of a part of speech. */
export function tagColor(tag: Tag, palette: Palette): string {
  return (palette.dark ? DARK_TAGS : LIGHT_TAGS)[tag];
}

/** Black or white, whichever reads on a color given as #rrggbb or rgb(r, g, b). */
export function textOn(color: string): string {
  const parts = color.startsWith("#")
    ? [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16))
    : (color.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
  const [red = 0, green = 0, blue = 0] = parts;
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150 ? "#16181b" : "#ffffff";
}

/** Colors of the two sides of a comparison, apart for color-blind eyes too. */
export const SIDES: readonly [string, string] = ["#e8871e", "#3d8fe0"];

/**
 * Color of a word's log-odds: grey at 0, towards the first side's color above, the second's below.
 *
 * @param most log-odds that have the full color
 */
export function oddsColor(logOdds: number, most: number, palette: Palette): string {
  const share = Math.min(Math.max(logOdds / Math.max(most, 0.5), -1), 1);
  const middle = palette.dark ? "#6d7278" : "#c3c6ca";
  return mix(middle, share >= 0 ? SIDES[0] : SIDES[1], Math.sqrt(Math.abs(share)));
}

function mix(one: string, other: string, part: number): string {
  const channels = [1, 3, 5].map((at) => {
    const from = parseInt(one.slice(at, at + 2), 16);
    return Math.round(from + (parseInt(other.slice(at, at + 2), 16) - from) * part);
  });
  return `rgb(${channels.join(", ")})`;
}
