import { expect, test } from "vitest";
import type { Gallery, Reading } from "../../payloads/segment_gallery";
import { emptiness, headline, percent, relativeScore } from "./messages";

const gallery = (scope: Partial<Gallery["scope"]>, cards = 12): Gallery =>
  ({
    scope: { kind: "view", words: [], total: 1234, covered: 0, ...scope },
    cards: Array.from({ length: cards }),
    problem: cards ? null : "no_segments",
  }) as unknown as Gallery;

test("the headline says where the segments come from", () => {
  expect(headline(gallery({}))).toEqual({ count: "12 of 1,234 segments", where: "in this view" });
  expect(headline(gallery({ kind: "lasso", total: 1 }, 1))).toEqual({
    count: "1 segment",
    where: "in the lasso",
  });
  expect(headline(gallery({ kind: "focus", words: ["man", "hat"], covered: 7 })).where).toBe(
    "that “man” or “hat” attends to, 7 covered by it",
  );
});

test("an empty gallery says why", () => {
  expect(emptiness(gallery({}))).toBeNull();
  expect(emptiness(gallery({}, 0))?.analyze).toBe(true);
  expect(emptiness(gallery({ kind: "lasso" }, 0))?.title).toContain("lasso");
  expect(emptiness(gallery({ kind: "focus", words: ["zebra"] }, 0))?.title).toContain("“zebra”");
});

test("a score is shown as a share of its best in the image", () => {
  const reading = { scores: [0.5, -1, 3], best: [1, 2, 0] } as unknown as Reading;
  expect([0, 1, 2].map((word) => relativeScore(reading, word))).toEqual([0.5, 0, 0]);
});

test.each([
  [0, "0 %"],
  [0.004, "<1 %"],
  [0.126, "13 %"],
  [1, "100 %"],
])("%f is %s", (share, text) => expect(percent(share)).toBe(text));
