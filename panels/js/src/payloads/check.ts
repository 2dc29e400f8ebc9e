/** Checks of what Python sent, so that a change on one side is named on the other. */

type Item = "string" | "number" | "number?";
type Plain = "string" | "number" | "boolean" | "array" | "object" | `${Item}[]`;
export type Kind = Plain | `${Plain}?`;
export type Kinds = Record<string, Kind>;

const REMEDY = "Reload the page; if it stays, plugin and bundle are of different versions.";

export function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** Checks the kinds of an object's entries; "number?" also allows null, "number?[]" nulls in it. */
export function check<T>(name: string, value: unknown, kinds: Kinds): T {
  if (kindOf(value) !== "object")
    throw new Error(`${name} must be an object; got ${kindOf(value)}. ${REMEDY}`);
  for (const [key, wanted] of Object.entries(kinds)) {
    const entry = (value as Record<string, unknown>)[key];
    if (!isOf(entry, wanted))
      throw new Error(`${name}.${key} must be of kind ${wanted}; got ${kindOf(entry)}. ${REMEDY}`);
  }
  return value as T;
}

/** The same for every item of a list. */
export function checkAll(name: string, values: unknown[], kinds: Kinds): void {
  values.forEach((value, index) => check(`${name}[${index}]`, value, kinds));
}

/** Checks that a value is one of a few. */
export function checkChoice(name: string, value: unknown, choices: readonly unknown[]): void {
  if (!choices.includes(value))
    throw new Error(
      `${name} must be one of ${choices.join(", ")}; got ${String(value)}. ${REMEDY}`,
    );
}

function isOf(value: unknown, kind: string): boolean {
  if (kind.endsWith("?")) return value === null || isOf(value, kind.slice(0, -1));
  if (kind.endsWith("[]"))
    return Array.isArray(value) && value.every((one) => isOf(one, kind.slice(0, -2)));
  return kindOf(value) === kind;
}
