/**
 * The layer rule of docs/architecture.md: a file imports from layers below its own, or from its own folder.
 * Third-party packages belong to the folders that own them, so each can be replaced in one place.
 */
const below = {
  types: [],
  proto: [],
  core: ['types'],
  http: ['core', 'types', 'proto'],
  workers: ['core', 'types'],
  machines: ['core', 'types'],
  server: ['core', 'types', 'proto'],
  client: ['machines', 'http', 'workers', 'core', 'types'],
  cli: ['client', 'server', 'core', 'types'],
};

const owners = {
  zod: ['types', 'server', 'core'],
  '@bufbuild/protobuf': ['proto', 'http', 'server'],
  eventemitter3: ['core'],
  got: ['http'],
  undici: ['http'],
  '@opentelemetry/api': ['client'],
  piscina: ['workers', 'server'],
  tar: ['workers', 'server'],
  '@node-rs/crc32': ['workers'],
  'age-encryption': ['workers'],
  xstate: ['machines'],
  fastify: ['server'],
  'fastify-type-provider-zod': ['server'],
  '@jax-js/jax': ['server'],
  'p-queue': ['client', 'workers'],
  '@huggingface/tokenizers': ['client', 'server'],
  '@huggingface/jinja': ['client'],
  '@huggingface/hub': ['cli'],
  commander: ['cli'],
  'csv-stringify': ['cli'],
  'cli-table3': ['cli'],
  'string-width': ['cli'],
  'cli-progress': ['cli'],
};

const layers = Object.entries(below).map(([layer, allowed]) => ({
  name: `layer-${layer}`,
  severity: 'error',
  comment: `src/${layer} may import only ${allowed.length === 0 ? 'its own folder' : allowed.join(', ')}`,
  from: { path: `^src/${layer}/` },
  to: { path: '^src/', pathNot: `^src/(${[layer, ...allowed].join('|')})/` },
}));

const packages = Object.entries(owners).map(([name, folders]) => ({
  name: `owner-${name}`,
  severity: 'error',
  comment: `${name} is imported only from ${folders.join(', ')}`,
  from: { path: '^src/', pathNot: `^src/(${folders.join('|')})/` },
  to: { path: `node_modules/${name}/` },
}));

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^src/', pathNot: '(-thread|entry|\\.d)\\.ts$' }, to: {} },
    { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: '^(cloudflare|bun)' } },
    {
      name: 'no-dev-dependencies-in-src',
      severity: 'error',
      from: { path: '^src/' },
      // An optional peer is a dev dependency here, for its tests.
      to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@opentelemetry/api/' },
    },
    ...layers,
    ...packages,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Programs of somebody who has the package installed.
    exclude: { path: '^test/package/consumer/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
