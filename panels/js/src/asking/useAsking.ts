import { useMemo, useState } from "react";
import type { Call } from "../host/panel";

/** The same calls, and whether any of them still waits for Python. */
export function useAsking(call: Call): [Call, boolean] {
  const [waiting, setWaiting] = useState(0);
  const counted = useMemo<Call>(
    () =>
      <Result>(event: string, params?: Record<string, unknown>) => {
        setWaiting((before) => before + 1);
        return call<Result>(event, params).finally(() => setWaiting((before) => before - 1));
      },
    [call],
  );
  return [counted, waiting > 0];
}
