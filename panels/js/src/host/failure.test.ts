import { expect, test } from "vitest";
import { failureIn } from "./failure";

test("what the App tells of a failed operator is a sentence", () => {
  expect(failureIn(undefined)).toBeNull();
  expect(failureIn({ result: {} })).toBeNull();
  expect(failureIn({ error: new TypeError("network error") })).toBe("network error");
  expect(failureIn({ error: "Traceback", errorMessage: "No such step." })).toBe("No such step.");
});
