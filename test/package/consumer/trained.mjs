import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ServiceClient, supervisedDatum } from 'tinker-ts';

await using service = await ServiceClient.connect();
const training = await service.createLoraTrainingClient({ base_model: 'local/random', rank: 4 });
const data = [supervisedDatum({ tokens: [1, 2, 3, 4] })];
const { metrics } = await training.forwardBackward({ data, loss_fn: 'cross_entropy' });
await training.optimStep({ learning_rate: 1e-3 });
const { path: saved } = await training.saveState({ name: 'final' });
const outputDir = await mkdtemp(path.join(tmpdir(), 'tinker-package-download-'));
await service.downloads.download(saved, { outputDir });
const files = await readdir(outputDir, { recursive: true });
console.log(`loss ${metrics['loss:sum']}, ${files.length} files`);
