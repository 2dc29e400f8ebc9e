/** A caption that the user typed, and what it was typed for. */
export interface Entered {
  sampleId: string | null;
  field: string | null;
  text: string;
}

/** It holds for that image and caption field alone: another one has its own caption. */
export function typedFor(
  entered: Entered | null,
  sampleId: string | null,
  field: string | null,
): string | null {
  return entered && entered.sampleId === sampleId && entered.field === field ? entered.text : null;
}
