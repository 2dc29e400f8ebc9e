/** Hands a file to the browser, which saves it where it saves downloads. */
export function saveFile(name: string, content: Blob | string, mime = "text/plain"): void {
  const blob = typeof content === "string" ? new Blob([content], { type: mime }) : content;
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // Some browsers read the address only after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 30_000);
}

/** A name that every file system takes. */
export function fileName(...parts: string[]): string {
  return parts
    .map((part) => part.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|-+$/g, ""))
    .filter(Boolean)
    .join("-");
}
