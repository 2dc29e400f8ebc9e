import { expect, test } from "vitest";
import example from "../../../../../tests/payloads/caption_steering.json";
import { parseImage, type BatchReport, type ImagePayload } from "../../payloads/caption_steering";
import { batchRemarks, likeliest, scopeChoices, sourceChoices, successText } from "./scope";
import { emptySelection, toggleSegment } from "./selections";

const { segments } = parseImage(example.image) as ImagePayload;
const BATCH: BatchReport = {
  summary: "",
  word: "hat",
  samples: 216,
  changed: 200,
  hits: 195,
  before: 2,
  lacking: 214,
  gained: 193,
  misses: 21,
  failed: 1,
  unweighted: 3,
  without_subject: 2,
  at_limit: 2,
  stopped: false,
  waiting: 214,
  theirs: 0,
};

test("the success rate is said as the paper says it", () => {
  expect(successText(BATCH)).toBe("193 of 214 that did not say “hat” now do");
  expect(successText({ ...BATCH, gained: null, word: null })).toBe("200 of 216 captions changed");
  expect(batchRemarks(BATCH)).toEqual([
    "90.2%",
    "2 said it before",
    "200 changed",
    "3 had no such segment: prompt only",
    "2 without a subject in the caption: the captioner's own prompt",
    "2 ran to the token limit: they may break off",
    "1 could not be captioned",
  ]);
});

test("the weight goes to the lasso, to the focus, to like-named segments, to the same patches", () => {
  const payload = {
    scopes: [{ key: "focus" as const, count: 7 }],
    sources: ["focus" as const],
    words: ["woman", "bag"],
  };
  expect(scopeChoices(payload)).toEqual([
    { key: "focus", name: "In focus: “woman” and “bag” (7)" },
  ]);
  const none = emptySelection(1, 3);
  const keys = (selection: typeof none, method: "logits" | "contrast" = "logits") =>
    sourceChoices(payload, selection, segments, method).map(({ key }) => key);
  expect(keys(none)).toEqual(["focus", "none"]);
  const one = toggleSegment(none, segments[0].id, {});
  expect(keys(one)).toEqual(["focus", "label", "patches", "none"]);
  expect(keys(one, "contrast")).toEqual(["focus", "label", "none"]);
  expect(scopeChoices(null)).toEqual([]);
  const lasso = scopeChoices({ ...payload, scopes: [{ key: "last_lasso", count: 12 }] });
  expect(lasso).toEqual([{ key: "last_lasso", name: "Last lasso in the plot (12)" }]);
  const sources = sourceChoices({ ...payload, sources: ["last_lasso"] }, none, segments, "logits");
  expect(sources.map(({ name }) => name)).toContain("the segments of the last lasso");
  expect(likeliest(sources, "last_lasso")).toBe("last_lasso");
  expect(likeliest(sources, "selected")).toBe("none");
  const ticked = (count: number) =>
    scopeChoices({ ...payload, scopes: [{ key: "selected", count }] })[0].name;
  expect([ticked(1), ticked(2)]).toEqual(["Selected sample (1)", "Selected samples (2)"]);
});
