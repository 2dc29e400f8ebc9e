/**
 * Work whose connection broke, by its id: its last news will never come.
 *
 * Outlives the panel, which is unmounted behind other tabs and then finds old news of the work.
 */

const reasons = new Map<string, string>();
const listeners = new Set<() => void>();

export function noteLost(id: string, reason: string): void {
  reasons.set(id, reason);
  listeners.forEach((listener) => listener());
}

export function lostReason(id: string | undefined): string | null {
  return id === undefined ? null : (reasons.get(id) ?? null);
}

export function onLost(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
