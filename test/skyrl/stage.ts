import {
  modelInput,
  supervisedDatum,
  type RestClient,
  type SamplingClient,
  type ServiceClient,
  type TrainingClient,
} from '../../src/index.ts';

export const data = [supervisedDatum({ tokens: [5, 6, 7, 8, 9] }), supervisedDatum({ tokens: [9, 8, 7] })];
export const batch = { data, loss_fn: 'cross_entropy' } as const;
export const prompt = modelInput([5, 6, 7]);

type StageParts = Pick<Stage, 'service' | 'baseModel' | 'folder' | 'connect'>;

/** What the steps share on one server, each made when the first step asks for it. */
export class Stage {
  readonly service: ServiceClient;
  readonly baseModel: string;
  /** A folder for what is downloaded. */
  readonly folder: string;
  readonly #made = new Map<string, Promise<unknown>>();
  #names = 0;

  /** Another service, by another key. */
  readonly connect: (apiKey: string) => Promise<ServiceClient>;

  constructor({ service, baseModel, folder, connect }: StageParts) {
    this.service = service;
    this.baseModel = baseModel;
    this.folder = folder;
    this.connect = connect;
  }

  training(): Promise<TrainingClient> {
    return this.#once('training', () => this.newModel());
  }

  newModel(): Promise<TrainingClient> {
    return this.service.createLoraTrainingClient({ base_model: this.baseModel, rank: 8, seed: 1 });
  }

  rest(): Promise<RestClient> {
    return this.#once('rest', () => this.service.createRestClient());
  }

  sampler(): Promise<SamplingClient> {
    return this.#once('sampler', () => this.service.createSamplingClient({ base_model: this.baseModel }));
  }

  async runId(): Promise<string> {
    return (await this.training()).modelId;
  }

  /** A training state. */
  state(): Promise<string> {
    return this.#once('state', async () => {
      const training = await this.training();
      return (await training.saveState({ name: 'state' })).path;
    });
  }

  /** Weights to sample from. */
  weights(): Promise<string> {
    return this.#once('weights', async () =>
      (await this.training()).saveWeightsForSampler({ name: 'weights' }).then(({ path }) => path),
    );
  }

  exported(): Promise<string> {
    return this.#once('exported', async () =>
      (await this.training()).saveWeightsExternal({ name: 'exported' }).then(({ path }) => path),
    );
  }

  /** A checkpoint that nothing else uses. */
  async fresh(): Promise<string> {
    const training = await this.training();
    return (await training.saveWeightsForSampler({ name: this.name() })).path;
  }

  name(): string {
    this.#names += 1;
    return `name-${this.#names}`;
  }

  #once<Value>(name: string, make: () => Promise<Value>): Promise<Value> {
    let made = this.#made.get(name) as Promise<Value> | undefined;
    if (made === undefined) this.#made.set(name, (made = make()));
    return made;
  }
}
