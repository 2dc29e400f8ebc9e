import { expect, test } from "vitest";
import { subjectHint } from "./template";

test("a prompt with a field says what it stands for", () => {
  expect(subjectHint("the {subject} is wearing", "man")).toContain("“man”");
  expect(subjectHint("the {subject} is wearing", null)).toContain("names no subject");
});

test("a prompt without one says nothing; doubled braces are no field", () => {
  expect(subjectHint("the man is wearing", "man")).toBeNull();
  expect(subjectHint("the {{subject}} is wearing", "man")).toBeNull();
  expect(subjectHint("{{{subject}}}", "man")).toContain("“man”");
});
