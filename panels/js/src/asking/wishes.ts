/**
 * Carries out one wish after the other; of those made meanwhile only the newest.
 *
 * Python's answers then come in the order of the clicks, and the last click is what remains.
 *
 * @param carryOut must not reject; `newest` tells whether no other wish has come meanwhile
 */
export function oneByOne<Wish>(
  carryOut: (wish: Wish, newest: () => boolean) => Promise<void>,
): (wish: Wish) => void {
  let waiting: { wish: Wish } | null = null;
  let busy = false;
  const work = async () => {
    busy = true;
    while (waiting) {
      const { wish } = waiting;
      waiting = null;
      await carryOut(wish, () => waiting === null);
    }
    busy = false;
  };
  return (wish) => {
    waiting = { wish };
    if (!busy) void work();
  };
}
