import { expect, test } from "vitest";
import example from "../../../../tests/payloads/segment_gallery.json";
import { parseGallery, parseMethods, parseReadings } from "./segment_gallery";

test("the example that the server's tests keep is valid", () => {
  const gallery = parseGallery(example.gallery);
  expect(gallery.scope.words).toEqual(["hat"]);
  const [card] = gallery.cards;
  expect(card.pieces.map((piece) => piece.text).join("")).toBe("a man with a red hat");
  expect(card.words[card.pieces.find((piece) => piece.text === "hat")!.word]).toBe("hat");
  expect(parseMethods(example.methods).itm.layers).toBeGreaterThan(0);
  expect(Object.keys(parseReadings(example.readings).readings)).toContain(card.label_id);
});

test.each([
  ["no object", null, /gallery must be an object/],
  [
    "a scope of another kind",
    { ...example.gallery, scope: { ...example.gallery.scope, kind: "all" } },
    /scope.kind/,
  ],
  ["an unknown problem", { ...example.gallery, problem: "tired" }, /problem/],
  ["cards that are no list", { ...example.gallery, cards: {} }, /cards/],
  [
    "a card without a box",
    { ...example.gallery, cards: [{ ...example.gallery.cards[0], box: [0] }] },
    /box/,
  ],
])("%s is refused with a message", (_, value, message) => {
  expect(() => parseGallery(value)).toThrow(message);
});
