/** Checks of what Python sent, so that a change on one side is named on the other. */

export type Kind = "string" | "number" | "boolean" | "array" | "object";

export function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** Checks the kinds of an object's entries; "number?" also allows null. */
export function check<T>(
  name: string,
  value: unknown,
  kinds: Record<string, Kind | `${Kind}?`>,
): T {
  if (kindOf(value) !== "object")
    throw new Error(`${name} must be an object; got ${kindOf(value)}.`);
  const entries = value as Record<string, unknown>;
  for (const [key, wanted] of Object.entries(kinds)) {
    const kind = kindOf(entries[key]);
    const allowed = wanted.endsWith("?") ? [wanted.slice(0, -1), "null"] : [wanted];
    if (!allowed.includes(kind))
      throw new Error(`${name}.${key} must be of kind ${wanted}; got ${kind}.`);
  }
  return value as T;
}

/** The same for every item of a list. */
export function checkAll(
  name: string,
  values: unknown[],
  kinds: Record<string, Kind | `${Kind}?`>,
): void {
  values.forEach((value, index) => check(`${name}[${index}]`, value, kinds));
}
