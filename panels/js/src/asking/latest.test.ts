import { expect, test } from "vitest";
import { latest } from "./latest";

test("an overtaken call resolves to undefined", async () => {
  const release: Array<(value: string) => void> = [];
  const ask = latest(
    (name: string) =>
      new Promise<string>((resolve) => release.push((text) => resolve(`${name} ${text}`))),
  );
  const first = ask("a");
  const second = ask("b");
  release[1]("second");
  release[0]("first");
  expect(await second).toBe("b second");
  expect(await first).toBeUndefined();
});

test("the error of an overtaken call is nobody's, that of the newest is told", async () => {
  const refuse: Array<() => void> = [];
  const ask = latest(
    (name: string) =>
      new Promise<string>((_, reject) => refuse.push(() => reject(new Error(name)))),
  );
  const first = ask("a");
  const second = ask("b");
  refuse[0]();
  refuse[1]();
  expect(await first).toBeUndefined();
  await expect(second).rejects.toThrow("b");
});
