/**
 * Lets only the newest of several overlapping calls through.
 *
 * The returned function resolves to undefined where a newer call was started meanwhile, also if
 * the older one failed: its error would cover the newer answer.
 */
export function latest<Args extends unknown[], Result>(
  call: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result | undefined> {
  let newest = 0;
  return async (...args) => {
    const mine = ++newest;
    try {
      const result = await call(...args);
      return mine === newest ? result : undefined;
    } catch (problem) {
      if (mine === newest) throw problem;
      return undefined;
    }
  };
}
