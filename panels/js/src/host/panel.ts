import { useTriggerPanelEvent } from "@fiftyone/operators";
import { useMemo, useRef } from "react";

/** What the App hands to a panel's component. */
export interface PanelProps<Data> {
  data?: Data;
  schema: { view: Record<string, unknown> };
}

export type Call = <Result>(event: string, params?: Record<string, unknown>) => Promise<Result>;

/**
 * Calls the panel's Python events by name.
 *
 * Rejects with a message for the user. An error never reaches the App, which would replace the
 * whole panel by an error page.
 */
export function useCall(schema: PanelProps<unknown>["schema"]): Call {
  const trigger = useTriggerPanelEvent();
  const current = useRef({ trigger, view: schema.view });
  current.current = { trigger, view: schema.view };
  return useMemo(
    () =>
      <Result>(event: string, params: Record<string, unknown> = {}) =>
        new Promise<Result>((resolve, reject) => {
          const uri = current.current.view[event];
          if (typeof uri !== "string") {
            reject(new Error(`The panel has no event "${event}".`));
            return;
          }
          current.current.trigger(uri, params, false, (reply) => {
            const result = reply.result as (Result & { error?: string }) | undefined;
            if (reply.error) {
              reject(new Error(reply.errorMessage ?? String(reply.error)));
              return false;
            }
            if (result && typeof result === "object" && result.error) {
              reject(new Error(result.error));
              return undefined;
            }
            resolve(result as Result);
            return undefined;
          });
        }),
    [],
  );
}
