import { expect, test } from "vitest";
import { emptySelection } from "./selections";
import {
  asksSomething,
  withActive,
  withMethod,
  withOneMore,
  withoutOne,
  withWeight,
  type Settings,
} from "./settings";

const settings = (prompt: string, weight = 3): Settings => ({
  prompt,
  method: "logits",
  selections: [{ ...emptySelection(1, weight), added: ["0,0"] }],
  active: 0,
});

test("neutral settings ask nothing", () => {
  expect(asksSomething(settings(" ", 1))).toBe(false);
  expect(asksSomething(settings("a man", 1))).toBe(true);
  expect(asksSomething(settings("", 0))).toBe(true);
  expect(asksSomething({ ...settings(""), selections: [emptySelection(1, 3)] })).toBe(false);
});

test("only the active selection is edited", () => {
  const two = withOneMore(settings("", 2));
  expect(two.active).toBe(1);
  expect(two.selections.map(({ id, weight, added }) => [id, weight, added])).toEqual([
    [1, 2, ["0,0"]],
    [2, 2, []],
  ]);
  expect(withWeight(two, 5).selections.map(({ weight }) => weight)).toEqual([2, 5]);
  const edited = withActive({ ...two, active: 0 }, (one) => ({ ...one, added: [] }));
  expect(edited.selections.map(({ added }) => added)).toEqual([[], []]);
});

test("a method takes no weight that it does not know", () => {
  const { method, selections } = withMethod(settings("", 0), "contrast");
  expect([method, selections[0].weight]).toEqual(["contrast", 3]);
  expect(withMethod(settings("", 2), "contrast").selections[0].weight).toBe(2);
  expect(withMethod(settings("", 0), "scale").selections[0].weight).toBe(0);
});

test("of the last selection an empty one remains", () => {
  const two = withOneMore(settings("", 2));
  expect(withoutOne(two, 0)).toMatchObject({ active: 0, selections: [{ id: 2 }] });
  const left = withoutOne(settings("", 7), 0);
  expect(left.selections).toEqual([emptySelection(1, 7)]);
});
