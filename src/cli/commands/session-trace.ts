import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withService } from '../connect.ts';
import type { CommandContext } from '../context.ts';
import { CommandError } from '../errors.ts';
import { formatBytes } from '../format-values.ts';
import { propertyTable, type CommandResult } from '../result.ts';
import { messageOf } from '../../core/thrown.ts';

export interface ExportTraceOptions {
  output?: string | undefined;
  urlOnly?: boolean | undefined;
}

/** Waits for the server to build the trace, then saves it; half a file is never left. */
export async function exportTrace(
  context: CommandContext,
  id: string,
  { output, urlOnly = false }: ExportTraceOptions,
): Promise<CommandResult> {
  const { signal } = context;
  if (urlOnly) {
    const { url } = await withService(context, (rest) => rest.exportSessionTrace(id, { signal }));
    return { json: { session_id: id, url }, view: { lines: [url] } };
  }
  const destination = path.resolve(output ?? `${id.replaceAll(/[/\\:]/g, '_')}.pftrace`);
  context.note(`Exporting trace for session ${id} (this may take a while)...`);
  const trace = await withService(context, (rest) => rest.fetchSessionTrace(id, { signal }));
  await save(trace, destination);
  return {
    json: { session_id: id, destination, file_size_bytes: trace.length },
    view: {
      table: propertyTable(`Trace Export: ${id}`, [
        ['Session ID', id],
        ['Saved to', destination],
        ['Size', formatBytes(trace.length)],
      ]),
    },
  };
}

async function save(trace: Uint8Array, destination: string): Promise<void> {
  const part = `${destination}.${randomBytes(4).toString('hex')}.part`;
  try {
    await writeFile(part, trace);
    await rename(part, destination);
  } catch (error) {
    await rm(part, { force: true });
    const reason = messageOf(error);
    const hint = `Check that you may write to ${path.dirname(destination)}, or choose another file with --output.`;
    throw new CommandError('file_access', `Failed to save trace: ${reason}`, hint, error);
  }
}
