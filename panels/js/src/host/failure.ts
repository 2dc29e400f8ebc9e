import type { EventResult } from "@fiftyone/operators";

/** Why an operator failed, from what the App tells its callback; null if it did not. */
export function failureIn(reply: EventResult | undefined): string | null {
  if (!reply?.error && !reply?.errorMessage) return null;
  if (reply.errorMessage) return String(reply.errorMessage);
  return reply.error instanceof Error ? reply.error.message : String(reply.error);
}
