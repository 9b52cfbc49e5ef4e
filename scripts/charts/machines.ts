import type { AnyStateMachine } from 'xstate';
import { downloadMachine } from '../../src/machines/download.machine.ts';
import { restMachine } from '../../src/machines/rest.machine.ts';
import { samplingMachine } from '../../src/machines/sampling.machine.ts';
import { serviceMachine } from '../../src/machines/service.machine.ts';
import { sessionMachine } from '../../src/machines/session.machine.ts';
import { trainingMachine } from '../../src/machines/training.machine.ts';

/** Every machine that has a chart. */
export const machines: readonly AnyStateMachine[] = [
  serviceMachine,
  sessionMachine,
  trainingMachine,
  samplingMachine,
  restMachine,
  downloadMachine,
];
