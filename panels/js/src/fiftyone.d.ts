// What this bundle uses of the App's shared modules; FiftyOne publishes no types for them.
declare module "@fiftyone/operators" {
  export interface EventResult {
    result?: unknown;
    error?: unknown;
    errorMessage?: string;
  }
  export function useTriggerPanelEvent(): (
    uri: string,
    params?: unknown,
    prompt?: boolean,
    callback?: (reply: EventResult) => boolean | undefined,
  ) => void;
  export function executeOperator(
    uri: string,
    params?: unknown,
    options?: unknown,
  ): Promise<unknown>;
}
declare module "@fiftyone/plugins" {
  export function registerComponent(registration: {
    name: string;
    label: string;
    component: unknown;
    type: unknown;
    activator?: (context: unknown) => boolean;
  }): void;
  export const PluginComponentType: { Component: unknown };
}
declare module "@fiftyone/spaces" {
  export function usePanelStatePartial<T>(
    key: string,
    initial: T,
    local?: boolean,
  ): [T, (value: T | ((before: T) => T)) => void];
  export function usePanelId(): string;
  export function usePanelContext(): { scope?: string };
}
declare module "@fiftyone/state" {
  export const theme: unknown;
  export const datasetName: unknown;
  export const view: unknown;
  export const extendedSelection: unknown;
  export const extendedSelectionOverrideStage: unknown;
  export const filters: unknown;
  export const modalSampleId: unknown;
  export const nullableModalSampleId: unknown;
  export const selectedSamples: unknown;
  export function getSampleSrc(path: string): string;
}
declare module "recoil" {
  export function useRecoilValue<T>(state: unknown): T;
}
