// Checkpoint download: save, download with progress, refuse to overwrite, replace on request.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { TinkerError } from '../../src/index.ts';
import { check } from '../shared/check.ts';
import { openService } from '../shared/open-service.ts';

await using opened = await openService();
const { service, baseModel } = opened;

const training = await service.createLoraTrainingClient({ base_model: baseModel, rank: 8, seed: 5 });
const { path: checkpoint } = await training.saveWeightsForSampler({ name: 'to-download' });

const outputDir = path.resolve('downloads');
const download = service.downloads.download(checkpoint, { outputDir });
download.on('state.changed', ({ state }) => console.log(state));
const { destination, files } = await download;
for (const file of files) console.log(`${file.name}  ${file.size_bytes} bytes`);

const config: unknown = JSON.parse(await readFile(path.join(destination, 'adapter_config.json'), 'utf8'));
const rank = typeof config === 'object' && config !== null && 'r' in config ? config.r : undefined;
check('the adapter that arrived has the rank that was asked for', rank === 8);

const again = await service.downloads.download(checkpoint, { outputDir }).catch((error: unknown) => error);
check(
  'a second download refuses to overwrite the first',
  TinkerError.isInstance(again) && again.code === 'destination_exists',
);

const replaced = await service.downloads.download(checkpoint, { outputDir, force: true });
check('with force it replaces it', replaced.destination === destination);
