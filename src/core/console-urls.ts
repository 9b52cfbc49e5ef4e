import { parseTinkerPath } from './tinker-path.ts';

const consoleBase = 'https://tinker.thinkingmachines.ai';

/** Pages of the hosted service's web console. They say nothing about things on other servers. */
export const consoleUrls = {
  /** One session; all of them without an id. */
  session: (sessionId?: string): string =>
    `${consoleBase}/sessions${sessionId === undefined ? '' : `/${sessionId}`}`,
  trainingRun: (runId: string): string => `${consoleBase}/training_runs/${runId}`,
  checkpoint(tinkerPath: string): string {
    const { training_run_id, checkpoint_id } = parseTinkerPath(tinkerPath);
    return `${consoleBase}/checkpoints/${encodeURIComponent(training_run_id)}/${encodeURIComponent(checkpoint_id)}`;
  },
  /** Where a checkpoint can be talked to. */
  playground(tinkerPath: string): string {
    parseTinkerPath(tinkerPath);
    return `${consoleBase}/playground?mode=checkpoint&checkpoint=${encodeURIComponent(tinkerPath)}`;
  },
  /** An API key; the list of keys without an id. */
  apiKey: (keyId?: string): string =>
    `${consoleBase}/keys${keyId === undefined ? '' : `/${encodeURIComponent(keyId)}`}`,
  /** The dialog that makes a key of this name. */
  newApiKey: (name: string): string =>
    `${consoleBase}/keys?${new URLSearchParams({ new_key: 'true', key_name: name }).toString()}`,
};
