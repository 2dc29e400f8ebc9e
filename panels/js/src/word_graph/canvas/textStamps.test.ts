import { afterEach, expect, test, vi } from "vitest";
import type { Text } from "./painter";
import { TextStamps } from "./textStamps";

const TEXT: Text = {
  label: "wolf",
  font: "400 12px sans-serif",
  color: "#fff",
  halo: "#000",
  width: 24,
  height: 14,
};

function fakePainter() {
  return { fillText: vi.fn(), strokeText: vi.fn(), drawImage: vi.fn(), scale: vi.fn() };
}

type Fake = ReturnType<typeof fakePainter>;

/** Stamps on a sheet whose painter notes what it is told. */
function stamps(): { made: TextStamps; sheet: Fake; target: Fake } {
  const sheet = fakePainter();
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(sheet as never);
  return { made: new TextStamps(), sheet, target: fakePainter() };
}

afterEach(() => vi.restoreAllMocks());

test("a text is written once and copied around its place, on whole pixels", () => {
  const { made, sheet, target } = stamps();
  const write = made.writer(target as never, 2, Infinity);
  write(target as never, TEXT, 100.3, 50);
  write(target as never, TEXT, 120, 50);
  expect([sheet.fillText, sheet.strokeText].map((one) => one.mock.calls.length)).toEqual([1, 1]);
  const [first, second] = target.drawImage.mock.calls.map((call) => call.slice(5));
  expect(first).toEqual([85.5, 40, 30, 20]); // the halo around 24 by 14, in half pixels
  expect(second).toEqual([105, 40, 30, 20]);
  write(target as never, { ...TEXT, color: "#f00" }, 0, 0);
  expect(sheet.fillText).toHaveBeenCalledTimes(2);
  made.writer(target as never, 1, Infinity)(target as never, TEXT, 0, 0);
  expect(sheet.fillText).toHaveBeenCalledTimes(3); // other pixels, another sheet
});

test("texts stand side by side on the sheet, and a full sheet begins anew", () => {
  const { made, target } = stamps();
  const write = made.writer(target as never, 1, Infinity);
  const places = new Set<string>();
  const known = Array.from({ length: 40 }, (_, i) => ({ ...TEXT, label: `w${i}`, width: 294 }));
  for (const text of known) write(target as never, text, 0, 0);
  for (const call of target.drawImage.mock.calls) places.add(`${call[1]} ${call[2]}`);
  expect(places.size).toBe(40);
  for (let i = 0; i < 200; i++) {
    write(target as never, { ...TEXT, label: `x${i}`, width: 294 }, 0, 0);
  }
  const lowest = Math.max(...target.drawImage.mock.calls.map((call) => call[2] + call[4]));
  expect(lowest).toBeLessThanOrEqual(1024);
});

test("what is not on the sheet in time is written without its outline", () => {
  const { made, target } = stamps();
  made.writer(target as never, 1, 0)(target as never, TEXT, 5, 5);
  expect(target.drawImage).not.toHaveBeenCalled();
  expect(target.strokeText).not.toHaveBeenCalled();
  expect(target.fillText).toHaveBeenCalledWith("wolf", 5, 5.5);
});
