/** Where the cards go, and which one an arrow key leads to. */

export const GAP = 12;
const NARROWEST = 264;
const MOST_COLUMNS = 6;

export interface Grid {
  columns: number;
  cardWidth: number;
}

/** As many columns as fit; the cards share the width. */
export function gridOf(width: number): Grid {
  const fitting = Math.floor((width + GAP) / (NARROWEST + GAP));
  const columns = Math.min(Math.max(fitting, 1), MOST_COLUMNS);
  return { columns, cardWidth: Math.max((width - GAP * (columns - 1)) / columns, 120) };
}

/** Size of a picture in a card: the image's shape, within limits, so that rows stay even. */
export function pictureSize(paneWidth: number, aspect: number): { width: number; height: number } {
  const height = Math.min(Math.max(paneWidth / aspect, paneWidth * 0.6), paneWidth * 1.3);
  return { width: Math.round(paneWidth), height: Math.round(height) };
}

/** Where an image lies inside a pane when it is shown whole: left, top, width, height. */
export function contain(
  aspect: number,
  width: number,
  height: number,
): [number, number, number, number] {
  const shown = Math.min(width, height * aspect);
  return [(width - shown) / 2, (height - shown / aspect) / 2, shown, shown / aspect];
}

/** The card that a key leads to; null where the key does not move. */
export function neighbor(
  index: number,
  key: string,
  columns: number,
  count: number,
): number | null {
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[key];
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (step === undefined) return null;
  const next = index + step;
  return next >= 0 && next < count ? next : null;
}
