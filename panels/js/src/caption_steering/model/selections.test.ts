import { expect, test } from "vitest";
import {
  cellsBetween,
  centroid,
  emptySelection,
  isEmpty,
  paint,
  sentSelection,
  sharesOf,
  toggleSegment,
  type SegmentCells,
} from "./selections";

const CELLS: SegmentCells = {
  hat: [
    [0, 0, 1],
    [0, 1, 0.4],
  ],
  man: [
    [0, 1, 0.9],
    [1, 1, 1],
  ],
};

test("a segment selects its patches; where two overlap the larger share counts", () => {
  let selection = toggleSegment(emptySelection(1, 3), "hat", CELLS);
  selection = toggleSegment(selection, "man", CELLS);
  expect(Object.fromEntries(sharesOf(selection, CELLS))).toEqual({
    "0,0": 1,
    "0,1": 0.9,
    "1,1": 1,
  });
  expect(sharesOf(toggleSegment(selection, "man", CELLS), CELLS).get("0,1")).toBe(0.4);
});

test("patches are painted in and wiped out, also out of a segment", () => {
  const hat = toggleSegment(emptySelection(1, 3), "hat", CELLS);
  const wiped = paint(hat, ["0,0", "5,5"], false, CELLS);
  expect([...sharesOf(wiped, CELLS).keys()]).toEqual(["0,1"]);
  expect(wiped.removed).toEqual(["0,0"]);
  const back = paint(wiped, ["0,0"], true, CELLS);
  expect(sharesOf(back, CELLS).get("0,0")).toBe(1);
  expect(back.removed).toEqual([]);
  expect(toggleSegment(toggleSegment(wiped, "hat", CELLS), "hat", CELLS).removed).toEqual([]);
});

test("painting twice holds a patch once", () => {
  const once = paint(emptySelection(1, 3), ["2,2"], true, CELLS);
  expect(paint(once, ["2,2", "2,2"], true, CELLS).added).toEqual(["2,2"]);
  expect(isEmpty(paint(once, ["2,2"], false, CELLS))).toBe(true);
});

test("the middle of a selection is that of its patches, by how much they are in it", () => {
  expect(
    centroid(
      new Map([
        ["0,0", 1],
        ["0,2", 1],
        ["6,1", 1],
      ]),
    ),
  ).toEqual([2, 1]);
  expect(
    centroid(
      new Map([
        ["0,0", 0.25],
        ["0,4", 0.75],
      ]),
    ),
  ).toEqual([0, 3]);
  expect(centroid(new Map())).toBeNull();
});

test("Python is sent numbers", () => {
  const selection = { ...emptySelection(1, 3), segments: ["hat"], added: ["1,12"] };
  expect(sentSelection(selection)).toEqual({
    weight: 3,
    segments: ["hat"],
    added: [[1, 12]],
    removed: [],
  });
});

test("a fast drag leaves no gap", () => {
  expect(cellsBetween("0,0", "0,3")).toEqual(["0,0", "0,1", "0,2", "0,3"]);
  expect(cellsBetween("2,2", "0,0")).toEqual(["2,2", "1,1", "0,0"]);
  expect(cellsBetween("4,4", "4,4")).toEqual(["4,4"]);
});
