/**
 * Lets only the newest of several overlapping calls through.
 *
 * The returned function resolves to undefined where a newer call was started meanwhile.
 */
export function latest<Args extends unknown[], Result>(
  call: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result | undefined> {
  let newest = 0;
  return async (...args) => {
    const mine = ++newest;
    const result = await call(...args);
    return mine === newest ? result : undefined;
  };
}
