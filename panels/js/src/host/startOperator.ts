import { executeOperator, type EventResult } from "@fiftyone/operators";
import { failureIn } from "./failure";

/**
 * Starts an operator whose news come as the panel's data.
 *
 * The App only queues it: that it could not be run, or that the connection broke, is told later
 * and to the callback alone.
 */
export function startOperator(
  name: string,
  params: Record<string, unknown>,
  onFailure: (message: string) => void,
): void {
  const callback = (reply?: EventResult) => {
    const failure = failureIn(reply);
    if (failure !== null) onFailure(failure);
  };
  const options = { callback, skipErrorNotification: true }; // the panel shows it
  executeOperator(`@capviz/capviz/${name}`, params, options).catch((error: unknown) =>
    callback({ error }),
  );
}
