import { expect, test } from "vitest";
import { keep, MOST_IMAGES, recall, type Kept } from "./kept";
import { emptySelection } from "./selections";

const value = (prompt: string): Kept => ({
  settings: { prompt, method: "logits", selections: [emptySelection(1, 3)], active: 0 },
  history: [],
  attempt: null,
});

test("the images looked at last are remembered, and no more than that", () => {
  keep("first", value("first"));
  keep("second", value("second"));
  for (let index = 0; index < MOST_IMAGES - 2; index++) keep(`${index}`, value(""));
  keep("first", value("again"));
  keep("one more", value(""));
  expect(recall("first")?.settings.prompt).toBe("again");
  expect(recall("second")).toBeUndefined();
  expect(recall("one more")).toBeDefined();
});
