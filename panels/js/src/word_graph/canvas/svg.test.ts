import { expect, test } from "vitest";
import { DARK } from "../../ui/palette";
import { graphOf } from "../graph/fixture";
import { Layout } from "../graph/layout";
import { sceneOf, springsOf } from "../graph/scene";
import { DEFAULT_FILTERS, shownGraph } from "../graph/selection";
import { drawGraph } from "./draw";
import { SvgPainter } from "./svg";
import { writeText } from "./textStamps";

function picture(names: Record<string, number>, focus: string[] = []): Document {
  const words = Object.keys(names);
  const graph = graphOf(names, [[words[0], words[1], 3]]);
  const shown = shownGraph(graph, DEFAULT_FILTERS);
  const scene = sceneOf(shown, { focus, hover: null, brush: { from: 10, to: 20 } }, DARK);
  const layout = new Layout({ words: new Map(), viewport: null });
  layout.update(scene.words, springsOf(shown));
  while (layout.tick());
  const painter = new SvgPainter(400, 300, DARK.background);
  const measure = (text: string) => text.length * 7;
  const looks = { palette: DARK, measure, write: writeText, width: 400 };
  drawGraph(painter, scene, layout, { x: 200, y: 150, k: 1 }, looks);
  const file = painter.toString("A <title> & more");
  return new DOMParser().parseFromString(file, "image/svg+xml");
}

test("the picture of the screen is a sound SVG file", () => {
  const svg = picture({ wolf: 9, snow: 4, dog: 2 }, ["wolf"]);
  expect(svg.querySelector("parsererror")).toBeNull();
  expect(svg.documentElement.getAttribute("viewBox")).toBe("0 0 400 300");
  expect(svg.querySelector("title")?.textContent).toBe("A <title> & more");
  const texts = [...svg.querySelectorAll("text")].map((one) => one.textContent);
  expect(new Set(texts)).toEqual(new Set(["wolf", "snow", "dog"]));
  expect(svg.querySelectorAll(`path[fill="${DARK.focus}"]`)).toHaveLength(1);
  for (const path of svg.querySelectorAll("path")) {
    expect(path.getAttribute("d")).toMatch(/^M[-\d. MLA]+$/);
  }
});

test("a word is text whatever it holds", () => {
  const svg = picture({ "<script>": 9, 'a"&\u0000b': 4 });
  expect(svg.querySelector("script")).toBeNull();
  const texts = [...svg.querySelectorAll("text")].map((one) => one.textContent);
  expect(texts).toContain("<script>");
  expect(texts).toContain('a"&\ufffdb');
});

test("arcs: a full circle, a quarter, three quarters", () => {
  const painter = new SvgPainter(10, 10, "#fff");
  for (const turn of [2 * Math.PI, Math.PI / 2, 1.5 * Math.PI]) {
    painter.beginPath();
    painter.arc(5, 5, 2, 0, turn);
    painter.fill();
  }
  const paths = [...painter.toString("t").matchAll(/d="([^"]+)"/g)].map((one) => one[1]);
  expect(paths).toEqual([
    "M7 5A2 2 0 1 1 3 5A2 2 0 1 1 7 5",
    "M7 5A2 2 0 0 1 5 7",
    "M7 5A2 2 0 1 1 5 3",
  ]);
});
