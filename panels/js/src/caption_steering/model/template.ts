/** Prompts that are filled from each image's own caption: "the {subject} is wearing". */

const FIELD = "{subject}";

/** What the field stands for in this image; null where the prompt has none. */
export function subjectHint(prompt: string, subject: string | null): string | null {
  const fields: string[] = prompt.match(/\{\{|\}\}|\{subject\}/g) ?? [];
  if (!fields.includes(FIELD)) return null;
  return subject === null
    ? "This caption names no subject: the captioner's own prompt is used."
    : `${FIELD} is “${subject}” in this image; each image's own caption fills it.`;
}
