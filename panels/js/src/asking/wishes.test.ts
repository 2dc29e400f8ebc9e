import { expect, test } from "vitest";
import { oneByOne } from "./wishes";

test("one wish at a time, and of those that wait only the newest", async () => {
  const done: Array<() => void> = [];
  const begun: string[] = [];
  const newest: boolean[] = [];
  const wish = oneByOne<string>(async (name, isNewest) => {
    begun.push(name);
    await new Promise<void>((resolve) => done.push(resolve));
    newest.push(isNewest());
  });
  const finish = async () => {
    done.shift()?.();
    await new Promise((resolve) => setTimeout(resolve));
  };
  wish("a");
  wish("b");
  wish("c");
  expect(begun).toEqual(["a"]);
  await finish();
  expect(begun).toEqual(["a", "c"]);
  await finish();
  wish("d");
  expect(begun).toEqual(["a", "c", "d"]);
  await finish();
  expect(newest).toEqual([false, true, true]);
});
