/** A name for a request or a piece of work: no two are the same, over all windows of a server. */
export function newId(): string {
  return `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
}
