export { ManualClock, type Clock } from '../core/clock.ts';
export type { Fault, FaultEffect, Faults } from './faults.ts';
export { createLocalServer, type LocalServer } from './local-server.ts';
export type { LocalServerOptions } from './options.ts';
export type { RecordedRequest } from './request-record.ts';
