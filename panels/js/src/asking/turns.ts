const SOON = 50;

let counting: Promise<unknown> = Promise.resolve();

/** Work that others let go first: they share one Python, and would slow each other down. */
export function goFirst<Result>(work: Promise<Result>): Promise<Result> {
  counting = work.catch(() => undefined);
  return work;
}

/** Once what goes first is done; what begins at the same moment counts too. */
export async function inTurn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SOON));
  await counting;
}
