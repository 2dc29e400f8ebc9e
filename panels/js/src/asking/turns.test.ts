import { expect, test } from "vitest";
import { goFirst, inTurn } from "./turns";

test("one waits for what goes first, also where that begins a moment later or fails", async () => {
  const done: string[] = [];
  const waiting = inTurn().then(() => done.push("second"));
  const work = goFirst(new Promise((resolve) => setTimeout(resolve, 120)));
  await work.then(() => done.push("first"));
  await waiting;
  expect(done).toEqual(["first", "second"]);

  await expect(goFirst(Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  await inTurn();
});
