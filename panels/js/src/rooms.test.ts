/// <reference types="vite/client" />
import { expect, test } from "vitest";

/** The rooms bottom up: each imports from those before it, and a panel from no other panel. */
const ROOMS = ["ui", "heat", "payloads", "host", "asking", "model", "canvas", "view", "index"];
const PANELS = ["caption_steering", "pair_explainer", "segment_gallery", "word_graph"];
/** What stands where a panel meets the App. */
const CONTAINERS = ["CaptionSteering", "PairExplainer", "SegmentGallery", "WordGraph"];
const MOST_FILES = 25;

const sources = import.meta.glob<string>(["./**/*.{ts,tsx}", "!./**/*.test.*", "!./**/*.d.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});
const files = Object.keys(sources).map((path) => path.slice(2));

const folderOf = (file: string) => file.split("/").slice(0, -1).join("/");
const panelOf = (file: string) => PANELS.find((panel) => file.startsWith(`${panel}/`)) ?? null;
function roomOf(file: string): string {
  const [first, second] = file.split("/");
  if (second === undefined) return "index";
  if (!panelOf(file)) return first;
  return second === "graph" ? "model" : second;
}

const named = (file: string) =>
  [...sources[`./${file}`].matchAll(/(?:from|import) "([^"]+)"/g)].map(([, name]) => name);

/** The files of ours that a file imports. */
function importsOf(file: string): string[] {
  return named(file)
    .filter((name) => name.startsWith(".") && !name.endsWith(".json"))
    .map((name) => {
      const { pathname } = new URL(name, `file:///${file}`);
      const found = ["ts", "tsx"].map((end) => `${pathname.slice(1)}.${end}`);
      return found.find((one) => files.includes(one)) ?? `${pathname.slice(1)} (missing)`;
    });
}

test("every file stands in a room", () => {
  expect(files.length).toBeGreaterThan(100);
  expect(files.filter((file) => !ROOMS.includes(roomOf(file)))).toEqual([]);
});

test("a room imports from those before it, a panel from no other panel", () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((other) => {
        const upwards = ROOMS.indexOf(roomOf(other)) > ROOMS.indexOf(roomOf(file));
        const aside = panelOf(other) !== panelOf(file) && panelOf(other) && file !== "index.ts";
        return !files.includes(other) || upwards || aside;
      })
      .map((other) => `${file} -> ${other}`),
  );
  expect(wrong).toEqual([]);
});

test("no file imports itself, by whatever way", () => {
  const done = new Set<string>();
  const circles: string[] = [];
  const follow = (file: string, way: string[]): void => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(" -> "));
    if (done.has(file) || way.includes(file)) return;
    importsOf(file).forEach((other) => follow(other, [...way, file]));
    done.add(file);
  };
  files.forEach((file) => follow(file, []));
  expect(circles).toEqual([]);
});

test("the App is met in host/ and by the panels themselves; models know no React", () => {
  const meets = (file: string) => named(file).some((name) => /^(@fiftyone\/|recoil$)/.test(name));
  const allowed = ["index.ts", ...CONTAINERS.map((name) => `${name}.tsx`)];
  const outside = files.filter((file) => roomOf(file) !== "host" && meets(file));
  expect(outside.filter((file) => !allowed.includes(file.split("/").pop() ?? ""))).toEqual([]);
  const pure = files.filter((file) => ["payloads", "model", "canvas"].includes(roomOf(file)));
  expect(pure.filter((file) => named(file).includes("react"))).toEqual([]);
});

test("a folder holds no more than one can look through", () => {
  const counts = new Map<string, number>();
  for (const file of files) counts.set(folderOf(file), (counts.get(folderOf(file)) ?? 0) + 1);
  expect([...counts].filter(([, count]) => count > MOST_FILES)).toEqual([]);
});
